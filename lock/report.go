package lock

import (
	"iter"
	"maps"
	"slices"
)

// Report answers a query about the state. It takes about room bytes at most on
// the wire, and More says when that was not enough for all; it holds one lock or
// session at least, so that each page brings the next one closer. Of a lock for
// whose holders and waiters there is no room it shows the first. QueryEvents is
// not for the table: History answers it.
func (t *Table) Report(q Query, room int) Report {
	r := reporter{table: t, query: q, room: room, Report: Report{Index: t.index}}
	switch q.Kind {
	case QueryLocks:
		r.locks(t.namesBehind(q.Name, q.After, room))
	case QueryLock:
		r.query.Waiters = true
		r.locks(slices.Values([]string{q.Name}))
	case QuerySessions:
		r.sessions(firstBehind(room/sessionSize+2, q.Session, maps.Keys(t.sessions)))
	case QuerySession:
		r.session(t.sessions[q.Session])
	case QueryDeadlocks:
		r.cycles(t.deadlocks())
	case QueryToken:
		r.Current = t.current(q.Name, q.Token)
	case QueryTenures:
		r.tenures()
	}
	return r.Report
}

// reporter fills a report until its room is used up.
type reporter struct {
	table *Table
	query Query
	room  int
	Report
}

// The sizes on the wire of a card's fixed fields, about.
const (
	lockSize    = 40
	holderSize  = 80
	waiterSize  = 60
	sessionSize = 50
	tenureSize  = 90
)

// spend uses up room. The first card of a report has room always.
func (r *reporter) spend(size int, first bool) bool {
	if size > r.room && !first {
		r.More = true
		return false
	}
	r.room -= size
	return true
}

// locks shows the locks of those names that there are. One whose holders and
// waiters have no room beside others is left to the next page, which it begins:
// there it gets as much as can be.
func (r *reporter) locks(names iter.Seq[string]) {
	for name := range names {
		free, ownerless := r.table.locks[name]
		l := r.table.owned[name]
		if l != nil && l.idle() {
			l = nil
		}
		if !ownerless && l == nil {
			continue
		}
		if !r.spend(lockSize+len(name), len(r.Locks) == 0) {
			return
		}
		card := LockCard{Name: name, Ownerless: ownerless}
		if ownerless {
			card.Holders = []HolderCard{{Token: free.token, Count: 1, Since: free.since}}
		}
		if l != nil {
			r.fill(&card, l)
		}
		if r.More && len(r.Locks) > 0 {
			return
		}
		r.Locks = append(r.Locks, card)
		if r.More {
			return
		}
	}
}

func (r *reporter) fill(card *LockCard, l *ownedLock) {
	card.Delayed, card.Of = l.closed(), l.occupied().of
	card.Waiters = uint32(len(l.queue()))
	for i, g := range l.holders() {
		alone := i == 0 && len(r.Locks) == 0 // what is held is never shown without a holder
		if !r.spend(holderSize+sessionSize+len(g.rest().info)+len(g.session.info), alone) {
			break
		}
		card.Holders = append(card.Holders, g.holderCard(l))
	}
	if !r.query.Waiters {
		return
	}
	for _, w := range l.queue() {
		names := w.allNames()
		if !r.spend(waiterSize+sessionSize+len(w.more.info)+len(w.session.info)+lengthOf(names), false) {
			break
		}
		card.Queue = append(card.Queue, w.waiterCard(l, names))
	}
}

func (c *claim) holderCard(l *ownedLock) HolderCard {
	s, m := c.shareOf(l), c.rest()
	return HolderCard{
		Session: c.session.id, Token: c.token, Mode: s.mode, Permits: s.permits, Count: c.count,
		Since: c.since, MaxHold: m.maxHold, Info: m.info, Owner: c.session.card(),
	}
}

func (c *claim) waiterCard(l *ownedLock, names []string) WaiterCard {
	s := c.shareOf(l)
	return WaiterCard{
		Session: c.session.id, Mode: s.mode, Permits: s.permits, Since: c.since,
		Names: names, Info: c.more.info, Owner: c.session.card(),
	}
}

// allNames returns the names of a claim's locks if there are several.
func (c *claim) allNames() []string {
	if c.names() == 1 {
		return nil
	}
	names := make([]string, 0, c.names())
	for p := range c.parts() {
		names = append(names, p.lock.name)
	}
	return names
}

func lengthOf(names []string) int {
	n := 0
	for _, name := range names {
		n += len(name) + 2
	}
	return n
}

// sessions shows the sessions of those ids, all of which there are.
func (r *reporter) sessions(ids []SessionID) {
	for _, id := range ids {
		s := r.table.sessions[id]
		if !r.spend(sessionSize+len(s.info), len(r.Sessions) == 0) {
			return
		}
		r.Sessions = append(r.Sessions, s.card())
	}
}

func (s *session) card() SessionCard {
	return SessionCard{
		ID: s.id, TTL: s.ttl, Info: s.info, Since: s.since,
		Holds: uint32(s.grants.n), Waits: uint32(s.waits.n),
	}
}

// session shows one session with what was taken from it, and then the locks
// that it holds or waits for.
func (r *reporter) session(s *session) {
	if s == nil {
		return
	}
	r.sessions([]SessionID{s.id})
	for _, revoked := range s.revocations {
		r.room -= sessionSize + len(revoked.Reason)
	}
	r.Revocations = slices.Clone(s.revocations)
	r.locks(slices.Values(s.namesBehind(r.query.After)))
}

// namesBehind returns the names of what the session holds or waits for, behind
// one, in order.
func (s *session) namesBehind(after string) []string {
	var names []string
	for _, list := range []claims{s.grants, s.waits} {
		for c := range list.all() {
			for p := range c.parts() {
				if p.lock.name > after {
					names = append(names, p.lock.name)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// cycles shows as many as there is room for. If that is none, it shows the first
// without what its sessions say of themselves and, if need be, without its end.
func (r *reporter) cycles(all []Cycle) {
	for _, c := range all {
		if !r.spend(c.size(), false) {
			break
		}
		r.Cycles = append(r.Cycles, c)
	}
	if r.More && len(r.Cycles) == 0 {
		r.Cycles = []Cycle{all[0].cut(r.room)}
	}
}

func (c Cycle) size() int {
	size := 0
	for _, s := range c {
		size += s.size()
	}
	return size
}

func (s *CycleStep) size() int { return sessionSize + len(s.Holds) + len(s.Waits) + len(s.Info) }

// cut returns what there is room for, a step at least.
func (c Cycle) cut(room int) Cycle {
	var short Cycle
	for _, s := range c {
		s.Info = ""
		if room -= s.size(); room < 0 && len(short) > 0 {
			break
		}
		short = append(short, s)
	}
	return short
}

// current reports whether a token is that of a grant of the lock now.
func (t *Table) current(name string, token Token) bool {
	if free, held := t.locks[name]; held && free.token == token {
		return true
	}
	return t.find(name, token) != nil
}

// tenures shows who had a lock, behind a token, with each session once.
func (r *reporter) tenures() {
	all, named := r.table.tenures(r.query.Name, r.query.Token, r.room/tenureSize+2) // more than there is room for
	record := r.table.recordOf(r.query.Name)
	r.Record = &record
	told := map[SessionID]Info{}
	for i, one := range all {
		one.Name = ""
		size := tenureSize + len(one.Info) + len(one.Reason)
		for _, id := range [...]SessionID{one.Session, one.By} {
			if _, known := told[id]; !known {
				size += sessionSize + len(named[id])
			}
		}
		if !r.spend(size, i == 0) {
			break
		}
		record.Tenures = append(record.Tenures, one)
		for _, id := range [...]SessionID{one.Session, one.By} {
			if id != 0 {
				told[id] = named[id]
			}
		}
	}
	record.Parties = parties(told)
}
