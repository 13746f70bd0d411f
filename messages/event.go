package messages

import (
	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
)

// What has happened, and what must not go on.

func appendEvent(b []byte, num protowire.Number, e *lock.Event) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, e.Index)
	b = appendVarint(b, 2, e.At)
	b = appendFixed64(b, 3, e.Session)
	b = appendFixed64(b, 4, e.Token)
	b = appendRequestID(b, 5, &e.Request)
	b = appendBytes(b, 6, e.Name)
	b = appendBytes(b, 7, e.Reason)
	b = appendVarint(b, 8, e.Kind)
	b = appendVarint(b, 9, e.Mode)
	b = appendVarint(b, 10, e.Span)
	return closeMessage(b, start)
}

func (r *reader) event(field string, e *lock.Event) {
	outer := r.enter(field)
	for r.next("Event") {
		switch r.num {
		case 1:
			e.Index = lock.Index(r.varint("Event.index"))
		case 2:
			e.At = lock.Millis(r.varint("Event.at"))
		case 3:
			e.Session = lock.SessionID(r.fixed64("Event.session"))
		case 4:
			e.Token = lock.Token(r.fixed64("Event.token"))
		case 5:
			r.requestID("Event.request", &e.Request)
		case 6:
			e.Name = r.own("Event.name")
		case 7:
			e.Reason = r.own("Event.reason")
		case 8:
			e.Kind = narrow[lock.EventKind](r.varint("Event.kind"))
		case 9:
			e.Mode = narrow[lock.Mode](r.varint("Event.mode"))
		case 10:
			e.Span = lock.Millis(r.varint("Event.span"))
		default:
			r.skip("Event")
		}
	}
	r.leave(outer)
}

func appendCycle(b []byte, num protowire.Number, cycle lock.Cycle) []byte {
	b, start := openMessage(b, num)
	for i := range cycle {
		b = appendCycleStep(b, 1, &cycle[i])
	}
	return closeMessage(b, start)
}

func (r *reader) cycle(field string, cycle *lock.Cycle) {
	outer := r.enter(field)
	for r.next("Cycle") {
		switch r.num {
		case 1:
			r.cycleStep("Cycle.steps", more(r, (*[]lock.CycleStep)(cycle)))
		default:
			r.skip("Cycle")
		}
	}
	r.leave(outer)
}

func appendCycleStep(b []byte, num protowire.Number, s *lock.CycleStep) []byte {
	b, start := openMessage(b, num)
	b = appendFixed64(b, 1, s.Session)
	b = appendBytes(b, 2, s.Holds)
	b = appendBytes(b, 3, s.Waits)
	b = appendBytes(b, 4, s.Info)
	b = appendBool(b, 5, s.Possible)
	return closeMessage(b, start)
}

func (r *reader) cycleStep(field string, s *lock.CycleStep) {
	outer := r.enter(field)
	for r.next("CycleStep") {
		switch r.num {
		case 1:
			s.Session = lock.SessionID(r.fixed64("CycleStep.session"))
		case 2:
			s.Holds = r.own("CycleStep.holds")
		case 3:
			s.Waits = r.own("CycleStep.waits")
		case 4:
			s.Info = lock.Info(r.own("CycleStep.info"))
		case 5:
			s.Possible = r.bool("CycleStep.possible")
		default:
			r.skip("CycleStep")
		}
	}
	r.leave(outer)
}

func appendRevocation(b []byte, num protowire.Number, v *lock.Revocation) []byte {
	b, start := openMessage(b, num)
	b = appendFixed64(b, 1, v.Token)
	b = appendVarint(b, 2, v.Kind)
	b = appendBytes(b, 3, v.Reason)
	return closeMessage(b, start)
}

func (r *reader) revocation(field string, v *lock.Revocation) {
	outer := r.enter(field)
	for r.next("Revocation") {
		switch r.num {
		case 1:
			v.Token = lock.Token(r.fixed64("Revocation.token"))
		case 2:
			v.Kind = narrow[lock.EventKind](r.varint("Revocation.kind"))
		case 3:
			v.Reason = r.own("Revocation.reason")
		default:
			r.skip("Revocation")
		}
	}
	r.leave(outer)
}

func appendNotice(b []byte, num protowire.Number, n *Notice) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, n.Client)
	b = appendFixed64(b, 2, n.Session)
	b = appendRevocation(b, 3, &n.Revocation)
	return closeMessage(b, start)
}

func (r *reader) notice(field string, n *Notice) {
	outer := r.enter(field)
	for r.next("Notice") {
		switch r.num {
		case 1:
			n.Client = r.client("Notice.client")
		case 2:
			n.Session = lock.SessionID(r.fixed64("Notice.session"))
		case 3:
			r.revocation("Notice.revocation", &n.Revocation)
		default:
			r.skip("Notice")
		}
	}
	r.leave(outer)
}
