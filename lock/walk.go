package lock

import "iter"

// Timed is something that the primary's clock has to end.
type Timed struct {
	Session SessionID // zero: of a lock-delay
	Name    string    // empty: of a session
	Token   Token     // zero: of a session
	Span    Millis
}

// Sessions walks over the open sessions by id; each one's Span is its TTL.
func (t *Table) Sessions() iter.Seq[Timed] {
	return func(func(Timed) bool) {}
}

// MaxHolds walks over the grants with a MaxHold by token; Name is one of each
// grant's names, Span its MaxHold.
func (t *Table) MaxHolds() iter.Seq[Timed] {
	return func(func(Timed) bool) {}
}

// Delays walks over the lock-delays by token and name; Token is the grant whose
// loss began the delay.
func (t *Table) Delays() iter.Seq[Timed] {
	return func(func(Timed) bool) {}
}

// Events returns what the last Apply made happen, in order. It is valid until
// the next Apply.
func (t *Table) Events() []Event { return nil }

// Alive answers a keep-alive of the session; it changes nothing (T1).
func (t *Table) Alive(id SessionID) Result { return Result{Outcome: SessionExpired} }

// Report answers a query about the state. It takes about room bytes at most on
// the wire, and More says when that was not enough for all; it holds one card at
// least, so that a page always brings the next one closer. QueryEvents is not
// for the table: History answers it.
func (t *Table) Report(q Query, room int) Report { return Report{Index: t.index} }
