package messages

import (
	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
)

// Terms are rare, and the table keeps what it needs of them for as long as a
// grant lasts: they and their strings are their own, and keep no frame.

func appendTerms(b []byte, num protowire.Number, t *lock.Terms) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, t.TTL)
	b = appendBytes(b, 2, t.Info)
	for i := range t.And {
		b = appendWant(b, 3, &t.And[i])
	}
	b = appendVarint(b, 4, t.Permits)
	b = appendVarint(b, 5, t.Of)
	b = appendHolding(b, 6, &t.Under)
	b = appendBool(b, 7, t.Reentrant)
	b = appendBool(b, 8, t.AllowDeadlock)
	b = appendVarint(b, 9, t.MaxHold)
	b = appendVarint(b, 10, t.LockDelay)
	b = appendBool(b, 11, t.Sequential)
	return closeMessage(b, start)
}

func (r *reader) terms(field string, terms **lock.Terms) {
	if *terms == nil {
		*terms = new(lock.Terms)
	}
	t := *terms
	outer := r.enter(field)
	for r.next("Terms") {
		switch r.num {
		case 1:
			t.TTL = lock.Millis(r.varint("Terms.ttl"))
		case 2:
			t.Info = lock.Info(r.own("Terms.info"))
		case 3:
			r.want("Terms.and", more(r, &t.And))
		case 4:
			t.Permits = narrow[uint32](r.varint("Terms.permits"))
		case 5:
			t.Of = narrow[uint32](r.varint("Terms.of"))
		case 6:
			r.holding("Terms.under", &t.Under)
		case 7:
			t.Reentrant = r.bool("Terms.reentrant")
		case 8:
			t.AllowDeadlock = r.bool("Terms.allow_deadlock")
		case 9:
			t.MaxHold = lock.Millis(r.varint("Terms.max_hold"))
		case 10:
			t.LockDelay = lock.Millis(r.varint("Terms.lock_delay"))
		case 11:
			t.Sequential = r.bool("Terms.sequential")
		default:
			r.skip("Terms")
		}
	}
	r.leave(outer)
}

func appendWant(b []byte, num protowire.Number, w *lock.Want) []byte {
	b, start := openMessage(b, num)
	b = appendBytes(b, 1, w.Name)
	b = appendVarint(b, 2, w.Mode)
	b = appendVarint(b, 3, w.Permits)
	b = appendVarint(b, 4, w.Of)
	return closeMessage(b, start)
}

func (r *reader) want(field string, w *lock.Want) {
	outer := r.enter(field)
	for r.next("Want") {
		switch r.num {
		case 1:
			w.Name = r.own("Want.name")
		case 2:
			w.Mode = narrow[lock.Mode](r.varint("Want.mode"))
		case 3:
			w.Permits = narrow[uint32](r.varint("Want.permits"))
		case 4:
			w.Of = narrow[uint32](r.varint("Want.of"))
		default:
			r.skip("Want")
		}
	}
	r.leave(outer)
}

func appendHolding(b []byte, num protowire.Number, h *lock.Holding) []byte {
	b, start := openMessage(b, num)
	b = appendBytes(b, 1, h.Name)
	b = appendFixed64(b, 2, h.Token)
	return closeMessage(b, start)
}

func (r *reader) holding(field string, h *lock.Holding) {
	outer := r.enter(field)
	for r.next("Holding") {
		switch r.num {
		case 1:
			h.Name = r.own("Holding.name")
		case 2:
			h.Token = lock.Token(r.fixed64("Holding.token"))
		default:
			r.skip("Holding")
		}
	}
	r.leave(outer)
}
