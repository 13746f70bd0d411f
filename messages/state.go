package messages

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
)

// What a snapshot has of owned locks.

func appendGrantState(b []byte, num protowire.Number, g *lock.GrantState) []byte {
	b, start := openMessage(b, num)
	b = appendFixed64(b, 1, g.Token)
	b = appendFixed64(b, 2, g.Session)
	b = appendVarint(b, 3, g.Since)
	b = appendTokens(b, 4, g.Under)
	b = appendBytes(b, 5, g.Name)
	b = appendVarint(b, 6, g.Count)
	b = appendVarint(b, 7, g.Mode)
	if g.Terms != nil {
		b = appendTerms(b, 8, g.Terms)
	}
	b = appendVarint(b, 9, g.Waited)
	return closeMessage(b, start)
}

func (r *reader) grantState(field string, g *lock.GrantState) {
	outer := r.enter(field)
	for r.next("GrantState") {
		switch r.num {
		case 1:
			g.Token = lock.Token(r.fixed64("GrantState.token"))
		case 2:
			g.Session = lock.SessionID(r.fixed64("GrantState.session"))
		case 3:
			g.Since = lock.Millis(r.varint("GrantState.since"))
		case 4:
			r.tokens("GrantState.under", &g.Under)
		case 5:
			g.Name = r.own("GrantState.name")
		case 6:
			g.Count = narrow[uint32](r.varint("GrantState.count"))
		case 7:
			g.Mode = narrow[lock.Mode](r.varint("GrantState.mode"))
		case 8:
			r.terms("GrantState.terms", &g.Terms)
		case 9:
			g.Waited = lock.Millis(r.varint("GrantState.waited"))
		default:
			r.skip("GrantState")
		}
	}
	r.leave(outer)
}

func appendWaitState(b []byte, num protowire.Number, w *lock.WaitState) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, w.Queued)
	b = appendFixed64(b, 2, w.Session)
	b = appendVarint(b, 3, w.Since)
	b = appendTokens(b, 4, w.Under)
	b = appendBytes(b, 5, w.Name)
	b = appendVarint(b, 6, w.Slot)
	b = appendVarint(b, 7, w.Mode)
	if w.Terms != nil {
		b = appendTerms(b, 8, w.Terms)
	}
	return closeMessage(b, start)
}

func (r *reader) waitState(field string, w *lock.WaitState) {
	outer := r.enter(field)
	for r.next("WaitState") {
		switch r.num {
		case 1:
			w.Queued = lock.Index(r.varint("WaitState.queued"))
		case 2:
			w.Session = lock.SessionID(r.fixed64("WaitState.session"))
		case 3:
			w.Since = lock.Millis(r.varint("WaitState.since"))
		case 4:
			r.tokens("WaitState.under", &w.Under)
		case 5:
			w.Name = r.own("WaitState.name")
		case 6:
			w.Slot = narrow[lock.Slot](r.varint("WaitState.slot"))
		case 7:
			w.Mode = narrow[lock.Mode](r.varint("WaitState.mode"))
		case 8:
			r.terms("WaitState.terms", &w.Terms)
		default:
			r.skip("WaitState")
		}
	}
	r.leave(outer)
}

func appendDelayState(b []byte, num protowire.Number, d *lock.DelayState) []byte {
	b, start := openMessage(b, num)
	b = appendBytes(b, 1, d.Name)
	b = appendFixed64(b, 2, d.Token)
	b = appendVarint(b, 3, d.Span)
	return closeMessage(b, start)
}

func (r *reader) delayState(field string, d *lock.DelayState) {
	outer := r.enter(field)
	for r.next("DelayState") {
		switch r.num {
		case 1:
			d.Name = r.own("DelayState.name")
		case 2:
			d.Token = lock.Token(r.fixed64("DelayState.token"))
		case 3:
			d.Span = lock.Millis(r.varint("DelayState.span"))
		default:
			r.skip("DelayState")
		}
	}
	r.leave(outer)
}

// Lists of numbers stand in one field, without a tag for each: they are packed.

func appendTokens(b []byte, num protowire.Number, tokens []lock.Token) []byte {
	if len(tokens) == 0 {
		return b
	}
	b = protowire.AppendTag(b, num, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(tokens)*protowire.SizeFixed64()))
	for _, token := range tokens {
		b = protowire.AppendFixed64(b, uint64(token))
	}
	return b
}

func (r *reader) tokens(field string, tokens *[]lock.Token) {
	outer := r.enter(field)
	*tokens = slices.Grow(*tokens, len(r.rest())/protowire.SizeFixed64())
	for r.err == nil && r.pos < r.end {
		v, n := protowire.ConsumeFixed64(r.rest())
		*tokens = append(*tokens, lock.Token(r.took(v, n, field)))
	}
	r.leave(outer)
}
