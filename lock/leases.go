package lock

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// Leases are the time-outs that the primary counts: of sessions that are silent
// (T2), of grants with a MaxHold, and of lock-delays (T6). They change nothing
// themselves: what is over comes out as commands, which end it when they have
// taken their place in the order, on every replica alike. They know ticks only.
//
// A reign counts from its own beginning, and gives everything its full time
// again (T3): when a session was last heard is known to nobody but the primary
// that heard it. What a reign proposed and did not get into the order goes with
// it.
type Leases struct {
	tick Millis // the length of a tick
	view View   // the reign that is counted; zero: none is
	now  uint64 // ticks, ever

	sessions map[SessionID]*timer
	holds    map[Token]*timer   // one for all names of a grant
	delays   map[Holding]*timer // by lock, and the grant whose loss began it
	wheel    wheel
}

// NewLeases returns time-outs that count ticks of so many milliseconds, for no
// reign yet.
func NewLeases(tick Millis) *Leases {
	if tick == 0 {
		panic("lock: a tick takes time")
	}
	l := &Leases{tick: tick}
	l.End()
	return l
}

// Begin counts for a new reign whose table is t. All that the table has under
// way gets its full time (T3).
func (l *Leases) Begin(view View, t *Table) {
	l.begin(view, t.Sessions(), t.MaxHolds(), t.Delays())
}

func (l *Leases) begin(view View, sessions, holds, delays iter.Seq[Timed]) {
	if view == 0 {
		panic("lock: a reign without a view")
	}
	l.End()
	l.view = view
	for s := range sessions {
		l.addSession(s.Session, s.Span)
	}
	for h := range holds {
		l.addHold(h)
	}
	for d := range delays {
		l.addDelay(d)
	}
}

// End forgets everything: the reign is over. It may be called without one.
func (l *Leases) End() {
	l.view = 0
	l.sessions, l.holds, l.delays = map[SessionID]*timer{}, map[Token]*timer{}, map[Holding]*timer{}
	l.wheel = wheel{}
}

// Observe takes an event of an entry that was applied.
func (l *Leases) Observe(e Event) {
	if l.view == 0 {
		return
	}
	switch e.Kind {
	case SessionOpened:
		l.addSession(e.Session, e.Span)
	case SessionClosed, SessionEnded:
		remove(l.wheel, l.sessions, e.Session)
	case LockAcquired:
		l.addHold(timed(e))
	case LockReleased:
		remove(l.wheel, l.holds, e.Token)
	case LockExpired, LockRevoked, LockOverheld:
		remove(l.wheel, l.holds, e.Token)
		l.addDelay(timed(e))
	case LockReopened:
		remove(l.wheel, l.delays, Holding{e.Name, e.Token})
	}
}

func timed(e Event) Timed {
	return Timed{Session: e.Session, Name: e.Name, Token: e.Token, Span: e.Span}
}

func (l *Leases) addSession(id SessionID, ttl Millis) {
	l.sessions[id] = l.start(ttl, Command{Verb: Expire, Session: id})
}

// addHold counts from the first grant: taken again under the same token, or of
// several names, it lasts no longer.
func (l *Leases) addHold(h Timed) {
	if _, counted := l.holds[h.Token]; h.Span > 0 && !counted {
		l.holds[h.Token] = l.start(h.Span, Command{Verb: EndHold, Session: h.Session, Name: h.Name, Token: h.Token})
	}
}

func (l *Leases) addDelay(d Timed) {
	if d.Span > 0 {
		t := l.start(d.Span, Command{Verb: Reopen, Name: d.Name, Token: d.Token})
		l.delays[Holding{t.command.Name, d.Token}] = t
	}
}

// start counts a span from now, for a command.
func (l *Leases) start(span Millis, c Command) *timer {
	c.Number = Number(l.view)
	c.Name = strings.Clone(c.Name) // it may be a piece of a whole frame
	t := &timer{ticks: l.ticks(span), from: l.now, command: c}
	l.wheel.arm(t)
	return t
}

// ticks is the number of the tick at which a span is over for certain, counted
// from the next one. That may come at once: hence one more than fit (T2).
func (l *Leases) ticks(span Millis) uint64 {
	return uint64((span+l.tick-1)/l.tick) + 1
}

// remove stops what is counted for a key, if anything is.
func remove[K comparable](w wheel, timers map[K]*timer, key K) {
	if t, counted := timers[key]; counted {
		delete(timers, key)
		w.disarm(t)
	}
}

// Heard takes a keep-alive that has just come: its session's time-out begins
// anew. Whether it may be acknowledged shows later, behind a barrier (T1), by
// Lives. A session that was proposed for expiry is not saved any more.
func (l *Leases) Heard(id SessionID) {
	if t, counted := l.sessions[id]; counted {
		t.from = l.now // the wheel finds out when it comes by
	}
}

// Lives reports whether a keep-alive of the session may be acknowledged. From
// the proposal of its expiry on it may not: the client would believe that it
// holds what the entry is about to free (T2).
func (l *Leases) Lives(id SessionID) bool {
	t, counted := l.sessions[id]
	return counted && !t.proposed
}

// Silent returns how long ago a keep-alive of the session came or, if none has
// in this reign, how long the reign has lasted. It is for people.
func (l *Leases) Silent(id SessionID) Millis {
	t, counted := l.sessions[id]
	if !counted {
		return 0
	}
	return Millis(l.now-t.from) * l.tick
}

// Tick counts one tick, however late it comes, and returns what is to be
// proposed, in an order that depends on nothing but that. Each is proposed once
// in a reign, and counts in that reign's view only.
func (l *Leases) Tick() []Command {
	if l.view == 0 {
		return nil
	}
	l.now++
	var over []Command
	for _, t := range l.wheel.turn(l.now) {
		over = append(over, t.command)
		l.propose(t)
	}
	slices.SortFunc(over, func(a, b Command) int {
		return cmp.Or(cmp.Compare(a.Verb, b.Verb), cmp.Compare(a.Session, b.Session),
			cmp.Compare(a.Token, b.Token), cmp.Compare(a.Name, b.Name))
	})
	return over
}

// propose notes that a timer's command is on its way. A session stays known
// until the entry comes back, for Lives.
func (l *Leases) propose(t *timer) {
	t.proposed = true
	switch c := t.command; c.Verb {
	case EndHold:
		delete(l.holds, c.Token)
	case Reopen:
		delete(l.delays, Holding{c.Name, c.Token})
	}
}
