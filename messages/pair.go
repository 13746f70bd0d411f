package messages

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/replica"
)

// appendPair writes one message of a pair or of a quorum: a PairMessage with its
// kind inside.
// A message that has no kind on the wire is a fault of this program.
func appendPair(b []byte, num protowire.Number, m replica.Message) []byte {
	b, start := openMessage(b, num)
	switch m := m.(type) {
	case replica.Heartbeat:
		b = appendHeartbeat(b, 1, m)
	case replica.Forward:
		b = appendForward(b, 2, m)
	case replica.Ack:
		b = appendAck(b, 3, m)
	case replica.Relay:
		b = appendRelay(b, 4, m)
	case replica.Alone:
		b = appendOnlyView(b, 5, m.View)
	case replica.Outdated:
		b = appendOnlyView(b, 6, m.View)
	case replica.Bye:
		b = appendOnlyView(b, 7, m.View)
	case replica.Hello:
		b = appendHello(b, 8, m)
	case replica.Refusal:
		b = appendRefusal(b, 9, m)
	case replica.Chunk:
		b = appendChunk(b, 10, m)
	case replica.Tail:
		b = appendTail(b, 11, m)
	case replica.Report:
		b = appendReport(b, 12, m)
	case replica.Start:
		b = appendStart(b, 13, m)
	case replica.Confirm:
		b = appendConfirm(b, 14, m)
	case replica.Confirmation:
		b = appendConfirmation(b, 15, m)
	case replica.Engine:
		b = appendEngine(b, 16, m)
	case replica.Seek:
		b = appendSeek(b, 17, m)
	case replica.Found:
		b = appendFound(b, 18, m)
	case replica.Digests:
		b = appendDigests(b, 19, m)
	case replica.Grow:
		b = appendGrow(b, 20, m)
	case replica.Grown:
		b = appendGrown(b, 21, m)
	default:
		panic(fmt.Sprintf("messages: %T is not on the wire", m))
	}
	return closeMessage(b, start)
}

// pair reads a PairMessage. A kind that a newer peer has added is skipped like
// an unknown field and leaves m nil (W1).
func (r *reader) pair(field string, m *replica.Message) {
	outer := r.enter(field)
	for r.next("PairMessage") {
		known := r.pairKind()
		if known != nil && *m != nil {
			r.fail("PairMessage.kind", errKinds)
		}
		if known != nil {
			*m = known
		}
	}
	r.leave(outer)
}

// pairKind reads the kind that next has found; nil is one that is not known.
func (r *reader) pairKind() replica.Message {
	switch r.num {
	case 1:
		return r.heartbeat("PairMessage.heartbeat")
	case 2:
		return r.forward("PairMessage.forward")
	case 3:
		return r.ack("PairMessage.ack")
	case 4:
		return r.relay("PairMessage.relay")
	case 5:
		return replica.Alone{View: r.onlyView("PairMessage.alone", "Alone", "Alone.view")}
	case 6:
		return replica.Outdated{View: r.onlyView("PairMessage.outdated", "Outdated", "Outdated.view")}
	case 7:
		return replica.Bye{View: r.onlyView("PairMessage.bye", "Bye", "Bye.view")}
	case 8:
		return r.hello("PairMessage.hello")
	case 9:
		return r.refusal("PairMessage.refusal")
	case 10:
		return r.chunk("PairMessage.chunk")
	case 11:
		return r.tail("PairMessage.tail")
	case 12:
		return r.report("PairMessage.report")
	case 13:
		return r.startMessage("PairMessage.start")
	case 14:
		return r.confirm("PairMessage.confirm")
	case 15:
		return r.confirmation("PairMessage.confirmation")
	case 16:
		return r.engine("PairMessage.engine")
	case 17:
		return r.seek("PairMessage.seek")
	case 18:
		return r.found("PairMessage.found")
	case 19:
		return r.digests("PairMessage.digests")
	case 20:
		return r.grow("PairMessage.grow")
	case 21:
		return r.grown("PairMessage.grown")
	default:
		r.skip("PairMessage")
		return nil
	}
}
