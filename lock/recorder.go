package lock

import (
	"cmp"
	"maps"
	"slices"
)

// recorder remembers the tenures that are over. What it forgets depends on the
// order in which they ended and on their sizes alone, so that replicas forget
// alike.
type recorder struct {
	first, last *tenure // of all, by their ends
	n           int
	bytes       int // of names, infos and reasons

	whole  bool
	forgot Millis

	spareTenures pool[tenure]
	sparePasts   pool[past]
}

// past is what the record has of one lock.
type past struct {
	lock        *ownedLock
	rest        rest    // the lock's own, unless it had one before
	first, last *tenure // by their ends
	n           int
	forgot      Millis // of those beyond MaxLockTenures; zero: none was
	idle        bool   // the lock is kept for its past alone
}

// tenure is one that is over. There are very many, of which most have no texts.
type tenure struct {
	past          *past
	later         *tenure // of the lock
	before, after *tenure // of all
	holder, by    *party  // nil: nobody
	token         Token
	since, until  Millis
	waited        Millis
	info          Info
	reason        string
	permits, of   uint32
	mode          Mode
	how           EventKind
}

// party is a session that the record names, or may come to name.
type party struct {
	id   SessionID
	info Info
	uses int // in tenures
}

// finish says how a tenure comes to its end.
type finish struct {
	kind   EventKind // of the event
	how    EventKind // as the record has it
	reason string
	by     *session // if that is not the holder
}

// The plain endings.
var (
	byRelease = finish{kind: LockReleased, how: LockReleased}
	byClosing = finish{kind: LockReleased, how: SessionClosed}
	byExpiry  = finish{kind: LockExpired, how: LockExpired}
	byMaxHold = finish{kind: LockOverheld, how: LockOverheld}
)

func byForce(reason string, by *session) finish {
	return finish{kind: LockRevoked, how: LockRevoked, reason: reason, by: by}
}

// asParty returns what the record knows the session as.
func (s *session) asParty() *party {
	if s.party == nil {
		s.party = &party{id: s.id, info: s.info}
	}
	return s.party
}

// recordEnd remembers that a grant has ended, as far as one of its locks goes.
func (t *Table) recordEnd(g *claim, p part, end *finish) {
	e := t.recorder.spareTenures.get()
	*e = tenure{
		past: t.pastOf(p.lock), holder: g.session.asParty(), token: g.token, since: g.since, until: t.at,
		reason: end.reason, permits: p.permits, of: p.of, mode: p.mode, how: end.how,
	}
	if g.more != nil {
		e.info, e.waited = g.more.info, g.more.waited
	}
	t.record(e, end)
}

// recordFree remembers that an ownerless lock was freed.
func (t *Table) recordFree(l *ownedLock, was ownerless, end *finish) {
	e := t.recorder.spareTenures.get()
	*e = tenure{past: t.pastOf(l), token: was.token, since: was.since, until: t.at, reason: end.reason, how: end.how}
	t.record(e, end)
}

// pastOf returns what the record has of a lock, which is to get a tenure.
func (t *Table) pastOf(l *ownedLock) *past {
	if p := l.past(); p != nil {
		return p
	}
	p := t.recorder.sparePasts.get()
	p.lock = l
	if l.rest == nil {
		l.rest = &p.rest
	}
	l.rest.past = p
	t.recorder.bytes += len(l.name)
	return p
}

// dropPast lets a lock be that the record has nothing of any more.
func (t *Table) dropPast(p *past) {
	l := p.lock
	t.recorder.bytes -= len(l.name)
	if l.rest.past = nil; l.rest == &p.rest {
		l.rest = nil
		if c := p.rest.crowd; c != nil {
			l.rest = &rest{crowd: c}
		}
	}
	if p.idle {
		t.rouse(p)
		t.drop(l)
	}
	t.recorder.sparePasts.put(p)
}

// retire notes that nobody uses the lock of a past, and rouse that somebody does.
func (t *Table) retire(p *past) {
	if !p.idle {
		p.idle = true
		t.idle++
		p.lock.rest.crowd = nil
	}
}

func (t *Table) rouse(p *past) {
	if p.idle {
		p.idle = false
		t.idle--
	}
}

// record remembers a tenure that has ended, and forgets what is too much by it.
func (t *Table) record(e *tenure, end *finish) {
	if end.by != nil {
		e.by = end.by.asParty()
	}
	t.recorder.add(e)
	t.trim(e.past)
}

// add puts a tenure behind all others.
func (r *recorder) add(e *tenure) {
	p := e.past
	if p.last == nil {
		p.first = e
	} else {
		p.last.later = e
	}
	p.last = e
	p.n++
	e.before = r.last
	if r.last == nil {
		r.first = e
	} else {
		r.last.after = e
	}
	r.last = e
	r.n++
	r.bytes += len(e.info) + len(e.reason)
	r.name(e.holder)
	r.name(e.by)
}

// name counts that a tenure names a party.
func (r *recorder) name(who *party) {
	if who == nil {
		return
	}
	if who.uses == 0 {
		r.bytes += len(who.info)
	}
	who.uses++
}

func (r *recorder) unname(who *party) {
	if who == nil {
		return
	}
	who.uses--
	if who.uses == 0 {
		r.bytes -= len(who.info)
	}
}

// trim forgets what is beyond the limits: first of the lock that got one more,
// so that a busy lock does not take the past of the others away.
func (t *Table) trim(p *past) {
	r := &t.recorder
	for p.n > t.limits.lockTenures {
		p.forgot = latest(p.forgot, p.first.until)
		t.forgetOldest(p)
	}
	for r.n > t.limits.tenures || r.bytes > t.limits.recordBytes {
		oldest := r.first.past
		r.whole, r.forgot = false, latest(r.forgot, max(r.first.until, oldest.forgot))
		t.forgetOldest(oldest)
	}
}

// latest is never zero, which would mean that nothing was forgotten: an entry may
// have come without a time.
func latest(a, b Millis) Millis { return max(1, a, b) }

// forgetOldest drops the oldest tenure of a lock.
func (t *Table) forgetOldest(p *past) {
	e := p.first
	if p.first = e.later; p.first == nil {
		p.last = nil
	}
	p.n--
	t.recorder.remove(e)
	if p.n == 0 {
		t.dropPast(p)
	}
}

func (r *recorder) remove(e *tenure) {
	if e.before == nil {
		r.first = e.after
	} else {
		e.before.after = e.after
	}
	if e.after == nil {
		r.last = e.before
	} else {
		e.after.before = e.before
	}
	r.n--
	r.bytes -= len(e.info) + len(e.reason)
	r.unname(e.holder)
	r.unname(e.by)
	r.spareTenures.put(e)
}

// begins notes the first entry behind a snapshot that had no record: what ended
// before it is not known.
func (r *recorder) begins(at Millis) {
	if !r.whole && r.forgot == 0 {
		r.forgot = at
	}
}

// snapRecord returns the tenures that are over.
func (t *Table) snapRecord() *Record {
	r := &t.recorder
	snap := &Record{Whole: r.whole, Forgot: r.forgot, Tenures: empty[Tenure](r.n)}
	named := map[SessionID]Info{}
	for e := r.first; e != nil; e = e.after {
		one := e.plain()
		if e == e.past.first {
			one.Forgot = e.past.forgot
		}
		snap.Tenures = append(snap.Tenures, one)
		e.names(named)
	}
	snap.Parties = parties(named)
	return snap
}

// names notes the parties of a tenure.
func (e *tenure) names(named map[SessionID]Info) {
	for _, who := range [...]*party{e.holder, e.by} {
		if who != nil {
			named[who.id] = who.info
		}
	}
}

// parties lists them by id.
func parties(named map[SessionID]Info) []Party {
	list := empty[Party](len(named))
	for _, id := range slices.Sorted(maps.Keys(named)) {
		list = append(list, Party{id, named[id]})
	}
	return list
}

// plain is the tenure as others see it.
func (e *tenure) plain() Tenure {
	one := Tenure{
		Name: e.past.lock.name, Token: e.token, Mode: e.mode, Permits: e.permits, Of: e.of,
		Since: e.since, Until: e.until, Waited: e.waited, How: e.how, Info: e.info, Reason: e.reason,
	}
	if e.holder != nil {
		one.Session = e.holder.id
	}
	if e.by != nil {
		one.By = e.by.id
	}
	return one
}

// tenures returns the tenures of a lock behind a token, by their tokens, and the
// parties to them: those that are over, and those that last. Of a lock that very
// many hold it returns the first most of these.
func (t *Table) tenures(name string, after Token, most int) (all []Tenure, named map[SessionID]Info) {
	named = map[SessionID]Info{}
	l := t.owned[name]
	if l == nil {
		l = &ownedLock{}
	}
	if p := l.past(); p != nil {
		for e := p.first; e != nil; e = e.later {
			if e.token > after {
				all = append(all, e.plain())
				e.names(named)
			}
		}
	}
	if free, held := t.locks[name]; held && free.token > after {
		all = append(all, Tenure{Name: name, Token: free.token, Since: free.since})
	}
	holders := l.holders()
	first, _ := slices.BinarySearchFunc(holders, after+1, byToken)
	for _, g := range holders[first:min(len(holders), first+most)] {
		all = append(all, g.tenure(l))
		named[g.session.id] = g.session.info
	}
	slices.SortFunc(all, func(a, b Tenure) int { return cmp.Compare(a.Token, b.Token) })
	return all, named
}

// tenure is that of a grant which lasts.
func (c *claim) tenure(l *ownedLock) Tenure {
	s, m := c.shareOf(l), c.rest()
	return Tenure{
		Name: l.name, Token: c.token, Session: c.session.id, Mode: s.mode, Permits: s.permits, Of: s.of,
		Since: c.since, Waited: m.waited, Info: m.info,
	}
}

// recordOf says how far the record of a lock reaches.
func (t *Table) recordOf(name string) Record {
	r := &t.recorder
	of := Record{Whole: r.whole, Forgot: r.forgot}
	if l := t.owned[name]; l != nil && l.past() != nil && l.past().forgot != 0 {
		of.Whole, of.Forgot = false, max(of.Forgot, l.past().forgot)
	}
	return of
}
