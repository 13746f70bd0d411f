package lock

import (
	"slices"
	"strings"
)

// acquire takes all the locks that the command names, or none of them (S8). If
// they cannot be had at once and the command would wait, the claim is queued.
func (t *Table) acquire(s *session, c *Command) (Result, *claim) {
	if g := t.covering(s, c); g != nil {
		t.recount(g, g.count+1)
		return Result{Outcome: Granted, Token: g.token}, g
	}
	free := t.available(c)
	if !free && !c.Wait {
		return Result{Outcome: Held}, nil
	}
	if limit := t.room(s, c, !free); limit != NoLimit {
		return Result{Outcome: LimitReached, Limit: limit}, nil
	}
	got := t.claim(s, c)
	if !free {
		return t.wait(got, c)
	}
	t.grant(got)
	t.tellOf(got, Event{Kind: LockAcquired, Span: got.rest().maxHold})
	return Result{Outcome: Granted, Token: got.token}, got
}

// covering returns the grant of the session that a re-entrant Acquire enters
// again: its oldest that has all that is wanted. A MaxHold and entering do not go
// together, and Check lets no Acquire ask for both. The client may have forgotten
// a grant while the Acquire that enters it was under way: it could not tell when
// the belief has to end.
func (t *Table) covering(s *session, c *Command) *claim {
	if c.Terms == nil || !c.Terms.Reentrant {
		return nil
	}
	l, used := t.owned[c.Name]
	if !used {
		return nil
	}
	if s.grants.n < len(l.holders()) {
		g := s.grants.first
		for g != nil && !g.enteredBy(s, c) {
			g = g.after
		}
		return g
	}
	for _, g := range l.holders() {
		if g.enteredBy(s, c) {
			return g
		}
	}
	return nil
}

func (c *claim) enteredBy(s *session, wanted *Command) bool {
	return c.session == s && c.rest().maxHold == 0 && c.covers(wanted)
}

func (c *claim) covers(wanted *Command) bool {
	for w := range wanted.wants() {
		has := false
		for p := range c.parts() {
			has = has || p.lock.name == w.Name && p.share.covers(w.share())
		}
		if !has {
			return false
		}
	}
	return true
}

// covers reports whether who has s may do what who has less may do.
func (s share) covers(less share) bool {
	switch s.mode {
	case Exclusive:
		return true
	case Counted:
		return less.mode == Counted && less.of == s.of && less.permits <= s.permits
	default:
		return less.mode == s.mode
	}
}

// available reports whether all that is wanted can be had now: beside all
// holders, and without overtaking anybody who waits for one of the locks.
func (t *Table) available(c *Command) bool {
	for w := range c.wants() {
		if _, held := t.locks[w.Name]; held {
			return false
		}
		l, used := t.owned[w.Name]
		if used && (len(l.queue()) > 0 || l.closed() || !l.occupied().admits(w.share())) {
			return false
		}
	}
	return true
}

// room refuses what would exceed a limit, before it has any effect (S5). A wait
// needs the same room as the grant that it will become.
func (t *Table) room(s *session, c *Command, waits bool) Limit {
	switch {
	case s.locks+c.names() > t.limits.sessionLocks:
		return LimitSessionLocks
	case t.used()+c.names() > t.limits.locks && t.used()+t.unknown(c) > t.limits.locks:
		return LimitLocks
	case waits && s.waits.n >= t.limits.sessionWaits:
		return LimitSessionWaits
	case waits && t.waits >= t.limits.waits:
		return LimitWaits
	case waits && t.crowded(c):
		return LimitLockWaits
	default:
		return NoLimit
	}
}

// crowded reports whether too many wait for one of the locks already.
func (t *Table) crowded(c *Command) bool {
	for w := range c.wants() {
		if l, used := t.owned[w.Name]; used && len(l.queue()) >= t.limits.lockWaits {
			return true
		}
	}
	return false
}

// unknown counts the locks of a command that nobody uses yet.
func (t *Table) unknown(c *Command) int {
	n := 0
	for w := range c.wants() {
		if l, kept := t.owned[w.Name]; !kept || l.idle() {
			n++
		}
	}
	return n
}

// claim returns what the command asks for, not held and not queued yet.
func (t *Table) claim(s *session, c *Command) *claim {
	got := reuse(&t.spare.claims)
	got.session, got.slot, got.mode, got.count = s, c.Slot, c.Mode, 1
	got.lock = t.known(c.Name)
	s.locks += c.names()
	if c.Terms != nil {
		got.more = t.terms(got, c)
	}
	return got
}

// terms returns what the command asks for a claim beyond the plain case.
func (t *Table) terms(got *claim, c *Command) *more {
	m := &more{
		under: t.keeping(got.session, c.Terms), info: c.Terms.Info.own(),
		maxHold: c.Terms.MaxHold, lockDelay: c.Terms.LockDelay,
	}
	if c.Mode == Counted || c.names() > 1 {
		m.parts = make([]part, 0, c.names())
		for w := range c.wants() {
			m.parts = append(m.parts, part{t.known(w.Name), w.share()})
		}
	}
	if m.plain() {
		return nil
	}
	return m
}

func (m *more) plain() bool {
	return m.parts == nil && len(m.under) == 0 && m.info == "" && m.maxHold == 0 && m.lockDelay == 0
}

// keeping returns the grants that are kept while a claim of the session waits:
// all that it holds if it says so, but for those that are longest held if they are
// too many.
func (t *Table) keeping(s *session, terms *Terms) []kept {
	chain := t.chain(terms.Under)
	if !terms.Sequential {
		return chain
	}
	all := make([]kept, 0, min(MaxUnder, s.grants.n+len(chain)))
	all = append(all, chain...)
	for g := s.grants.last; g != nil && len(all) < MaxUnder; g = g.before {
		if k := (kept{g.token, g}); !slices.Contains(chain, k) {
			all = append(all, k)
		}
	}
	slices.Reverse(all[len(chain):])
	return all
}

// chain returns the grants that a claim is asked under: the one named, if it is
// still held, and those that it was asked under itself.
func (t *Table) chain(under Holding) []kept {
	g := t.find(under.Name, under.Token)
	if g == nil {
		return nil
	}
	outer := g.rest().under
	outer = outer[max(0, len(outer)+1-MaxUnder):]
	return append(append(make([]kept, 0, len(outer)+1), outer...), kept{g.token, g})
}

// known returns the lock of that name, which is used from now on.
func (t *Table) known(name string) *ownedLock {
	l := t.kept(name)
	if p := l.past(); p != nil {
		t.rouse(p)
	}
	return l
}

// kept returns the lock of that name, which the table keeps from now on.
func (t *Table) kept(name string) *ownedLock {
	l, kept := t.owned[name]
	if !kept {
		l = reuse(&t.spare.locks)
		// The name may be a piece of a whole frame: a copy lets the frame go.
		l.name = strings.Clone(name)
		t.owned[l.name] = l
	}
	return l
}
