package messages

import (
	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
	"lockstep/replica"
)

func appendAnswer(b []byte, num protowire.Number, a *Answer) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, a.Client)
	b = appendRequestID(b, 2, &a.Answer.Request)
	b = appendVarint(b, 3, a.Answer.Kind)
	b = appendResult(b, 4, &a.Answer.Result)
	b = appendBytes(b, 5, a.Answer.Hint)
	return closeMessage(b, start)
}

func (r *reader) answer(field string, a *Answer) {
	outer := r.enter(field)
	for r.next("Answer") {
		switch r.num {
		case 1:
			a.Client = r.client("Answer.client")
		case 2:
			r.requestID("Answer.request", &a.Answer.Request)
		case 3:
			a.Answer.Kind = narrow[replica.AnswerKind](r.varint("Answer.kind"))
		case 4:
			r.result("Answer.result", &a.Answer.Result)
		case 5:
			a.Answer.Hint = replica.NodeID(r.own("Answer.hint"))
		default:
			r.skip("Answer")
		}
	}
	r.leave(outer)
}

func appendRequestID(b []byte, num protowire.Number, id *lock.RequestID) []byte {
	b, start := openMessage(b, num)
	b = appendFixed64(b, 1, id.Session)
	b = appendVarint(b, 2, id.Slot)
	b = appendFixed64(b, 3, id.Number)
	b = appendVarint(b, 4, id.Verb)
	return closeMessage(b, start)
}

func (r *reader) requestID(field string, id *lock.RequestID) {
	outer := r.enter(field)
	for r.next("RequestID") {
		switch r.num {
		case 1:
			id.Session = lock.SessionID(r.fixed64("RequestID.session"))
		case 2:
			id.Slot = narrow[lock.Slot](r.varint("RequestID.slot"))
		case 3:
			id.Number = lock.Number(r.fixed64("RequestID.number"))
		case 4:
			id.Verb = narrow[lock.Verb](r.varint("RequestID.verb"))
		default:
			r.skip("RequestID")
		}
	}
	r.leave(outer)
}

func appendResult(b []byte, num protowire.Number, res *lock.Result) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, res.Outcome)
	b = appendVarint(b, 2, res.Limit)
	b = appendFixed64(b, 3, res.Token)
	b = appendFixed64(b, 4, res.Session)
	if res.Cycle != "" || res.Revoked != 0 { // hardly ever
		b = appendBytes(b, 5, res.Cycle)
		b = appendVarint(b, 6, res.Revoked)
	}
	return closeMessage(b, start)
}

func (r *reader) result(field string, res *lock.Result) {
	outer := r.enter(field)
	for r.next("Result") {
		switch r.num {
		case 1:
			res.Outcome = narrow[lock.Outcome](r.varint("Result.outcome"))
		case 2:
			res.Limit = narrow[lock.Limit](r.varint("Result.limit"))
		case 3:
			res.Token = lock.Token(r.fixed64("Result.token"))
		case 4:
			res.Session = lock.SessionID(r.fixed64("Result.session"))
		case 5:
			res.Cycle = r.own("Result.cycle")
		case 6:
			res.Revoked = narrow[uint32](r.varint("Result.revoked"))
		default:
			r.skip("Result")
		}
	}
	r.leave(outer)
}
