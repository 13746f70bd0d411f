package lock

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Timed is something that the primary's clock has to end.
type Timed struct {
	Session SessionID // zero: of a lock-delay
	Name    string    // empty: of a session
	Token   Token     // zero: of a session
	Span    Millis
}

// Sessions walks over the open sessions by id; each one's Span is its TTL.
func (t *Table) Sessions() iter.Seq[Timed] {
	return func(yield func(Timed) bool) {
		for _, id := range slices.Sorted(maps.Keys(t.sessions)) {
			if !yield(Timed{Session: id, Span: t.sessions[id].ttl}) {
				return
			}
		}
	}
}

// MaxHolds walks over the grants with a MaxHold by token; Name is one of each
// grant's names, Span its MaxHold.
func (t *Table) MaxHolds() iter.Seq[Timed] {
	return func(yield func(Timed) bool) {
		for _, token := range slices.Sorted(maps.Keys(t.maxHolds)) {
			g := t.maxHolds[token]
			if !yield(Timed{Session: g.session.id, Name: g.lock.name, Token: token, Span: g.more.maxHold}) {
				return
			}
		}
	}
}

// Delays walks over the lock-delays by token and name; Token is the grant whose
// loss began the delay.
func (t *Table) Delays() iter.Seq[Timed] {
	return func(yield func(Timed) bool) {
		for _, h := range slices.SortedFunc(maps.Keys(t.delays), byTokenAndName) {
			if !yield(Timed{Name: h.Name, Token: h.Token, Span: t.delays[h]}) {
				return
			}
		}
	}
}

// Waits walks over what is waited for, by the session that waits: each lock with
// the moment at which it was queued for. A wait for several locks comes once for
// each.
func (t *Table) Waits() iter.Seq2[string, Millis] {
	return func(yield func(string, Millis) bool) {
		for _, id := range slices.Sorted(maps.Keys(t.sessions)) {
			for c := range t.sessions[id].waits.all() {
				for p := range c.parts() {
					if !yield(p.lock.name, c.since) {
						return
					}
				}
			}
		}
	}
}

func byTokenAndName(a, b Holding) int {
	return cmp.Or(cmp.Compare(a.Token, b.Token), strings.Compare(a.Name, b.Name))
}
