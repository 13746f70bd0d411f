package sim

import (
	"cmp"
	"maps"
	"slices"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// table is what the LockTable actor is: the table, the time-outs that it counts
// while its node reigns, and who asked what.
type table struct {
	p       *process
	locks   *lock.Table
	leases  *lock.Leases
	place   place // of locks in the histories that the checker knows
	waiting map[lock.RequestID][]patron
	order   []lock.RequestID          // of waiting, oldest first; some have gone
	queued  map[lock.RequestID]patron // acquires that were answered Waiting here
	present map[lock.SessionID]patron // where each session was last heard
	barrier replica.BarrierID         // the last that was put
	behind  []behind                  // what waits for a barrier, oldest first
	spoilt  bool                      // a bad copy is in place, and the core has not heard of it yet
}

// patron is a client in one of its lives.
type patron struct {
	c    *client
	life int
}

// behind is a keep-alive or an inquiry that is answered once its barrier stands.
type behind struct {
	barrier  replica.BarrierID
	who      patron
	command  lock.Command
	inquiry  replica.Inquiry // if who looks
	inquires bool
	of       *history // that went on when it came
	floor    int      // entries of it that some node had applied
}

func newTable(p *process) table {
	return table{
		p: p, locks: lock.NewTable(), leases: lock.NewLeases(lock.Millis(tickLength / millisecond)),
		waiting: map[lock.RequestID][]patron{}, queued: map[lock.RequestID]patron{}, present: map[lock.SessionID]patron{},
	}
}

// ask takes requests of a client. One that waits here already is not submitted
// again: its answer is on the way.
func (t *table) ask(c *client, life int, commands []lock.Command) {
	who := patron{c, life}
	var fresh []lock.Command
	var alive bool
	for _, cmd := range commands {
		if cmd.Verb == lock.KeepAlive {
			t.leases.Heard(cmd.Session)
			t.behind = append(t.behind, behind{barrier: t.barrier + 1, who: who, command: cmd, of: t.p.w.check.last(), floor: t.p.w.check.tip()})
			alive = true
			continue
		}
		id := cmd.ID()
		if len(t.waiting[id]) == 0 {
			t.order = append(t.order, id)
			fresh = append(fresh, cmd)
			t.waiting[id] = []patron{who}
		}
	}
	if len(fresh) > 0 {
		t.p.tell(replica.Submit{Commands: fresh})
	}
	if alive {
		t.bar()
	}
}

// look takes inquiries of a client.
func (t *table) look(c *client, life int, inquiries []replica.Inquiry) {
	for _, q := range inquiries {
		t.behind = append(t.behind, behind{barrier: t.barrier + 1, who: patron{c, life}, inquiry: q, inquires: true, of: t.p.w.check.last(), floor: t.p.w.check.tip()})
	}
	t.bar()
}

// bar puts a barrier before what has just come (T1).
func (t *table) bar() {
	t.barrier++
	t.p.tell(replica.Barrier{ID: t.barrier})
}

// passedBy takes out what waits for barriers up to one.
func (t *table) passedBy(id replica.BarrierID) []behind {
	n, _ := slices.BinarySearchFunc(t.behind, id+1, func(b behind, id replica.BarrierID) int { return int(b.barrier) - int(id) })
	now := t.behind[:n:n]
	t.behind = t.behind[n:]
	return now
}

func (t *table) confirmed(id replica.BarrierID) {
	if t.p.node.quiet {
		t.p.w.fail("serves", "%s is quiet, and says that it reigns", t.p.node.name)
	}
	for _, b := range t.passedBy(id) {
		t.p.w.check.confirmed(t, b)
		if b.inquires {
			report := t.locks.Report(b.inquiry.Query, reportRoom)
			t.p.w.check.shown(t, b.inquiry.Query, report)
			t.report(b.who, replica.Reported{ID: b.inquiry.ID, Kind: replica.Executed, Report: report})
			continue
		}
		result := t.locks.Alive(b.command.Session)
		if result.Outcome == lock.Alive && !t.leases.Lives(b.command.Session) {
			continue // its expiry is on the way (T2)
		}
		t.present[b.command.Session] = b.who
		t.tell(b.who, replica.Answer{Request: b.command.ID(), Kind: replica.Executed, Result: result}, t.place)
	}
}

// reportRoom is how many bytes a report takes about: the sim's tables are small.
const reportRoom = 1 << 16

func (t *table) barred(id replica.BarrierID, hint replica.NodeID) {
	for _, b := range t.passedBy(id) {
		if b.inquires {
			t.report(b.who, replica.Reported{ID: b.inquiry.ID, Kind: replica.NotPrimary, Hint: hint})
		} else {
			t.tell(b.who, replica.Answer{Request: b.command.ID(), Kind: replica.NotPrimary, Hint: hint}, place{})
		}
	}
}

func (t *table) began(view lock.View) {
	t.p.w.check.begun(t, view)
	t.leases.Begin(view, t.locks)
}

func (t *table) ended() { t.leases.End() }

// tick proposes what is over.
func (t *table) tick() {
	if over := t.leases.Tick(); len(over) > 0 {
		t.p.tell(replica.Submit{Commands: over, View: lock.View(over[0].Number)})
	}
}

func (t *table) apply(entries []lock.Entry, ruled bool) {
	for _, e := range entries {
		result := t.locks.Apply(e)
		note := t.p.w.check.applied(t, e, result, ruled)
		if t.p.w.violation != nil {
			return
		}
		t.settle(e, result, note, ruled)
		for _, event := range t.locks.Events() {
			t.observe(event, note)
		}
	}
}

// settle answers whoever asked for the entry here. Who has to wait is told again
// when the lock is granted.
func (t *table) settle(e lock.Entry, result lock.Result, note place, ruled bool) {
	id := e.Command.ID()
	who := t.waiting[id]
	if len(who) == 0 || t.spoilt { // what was installed is about to be looked at, and ends the node
		return
	}
	t.p.w.check.answers(t, note, ruled)
	if result.Outcome == lock.Waiting {
		t.queued[id] = who[len(who)-1]
	}
	t.answer(replica.Answer{Request: id, Kind: replica.Executed, Result: result}, note)
}

// observe hands an event to the time-outs, and tells those whom it concerns.
func (t *table) observe(e lock.Event, note place) {
	t.leases.Observe(e)
	switch e.Kind {
	case lock.LockAcquired, lock.WaitEnded:
		who, waits := t.queued[e.Request]
		delete(t.queued, e.Request)
		if waits && e.Kind == lock.LockAcquired {
			t.tell(who, replica.Answer{
				Request: e.Request, Kind: replica.Executed, Result: lock.Result{Outcome: lock.Granted, Token: e.Token},
			}, note)
		}
	case lock.LockRevoked, lock.LockOverheld:
		if who, known := t.present[e.Session]; known {
			who.c.noticed(t.p, who.life, e.Session, lock.Revocation{Token: e.Token, Kind: e.Kind, Reason: e.Reason})
		}
	case lock.SessionClosed, lock.SessionEnded:
		delete(t.present, e.Session)
	}
}

func (t *table) refuse(r replica.Refuse) {
	for _, id := range r.Requests {
		t.answer(replica.Answer{Request: id, Kind: r.Kind, Hint: r.Hint}, place{})
	}
}

func (t *table) abandon(hint replica.NodeID) {
	order := t.order
	t.order = nil
	for _, id := range order {
		t.answer(replica.Answer{Request: id, Kind: replica.Moved, Hint: hint}, place{})
	}
	for _, id := range slices.SortedFunc(maps.Keys(t.queued), byRequest) {
		t.tell(t.queued[id], replica.Answer{Request: id, Kind: replica.Moved, Hint: hint}, place{})
	}
	clear(t.queued)
}

func byRequest(a, b lock.RequestID) int {
	return cmp.Or(cmp.Compare(a.Session, b.Session), cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.Number, b.Number))
}

// answer tells everybody who waits for the request.
func (t *table) answer(a replica.Answer, note place) {
	for _, who := range t.waiting[a.Request] {
		t.tell(who, a, note)
	}
	delete(t.waiting, a.Request)
	if len(t.order) > 2*len(t.waiting)+16 {
		t.compact()
	}
}

func (t *table) tell(who patron, a replica.Answer, note place) {
	who.c.answered(t.p, who.life, a, note)
}

func (t *table) report(who patron, r replica.Reported) {
	who.c.reported(t.p, who.life, r, t.place)
}

func (t *table) compact() {
	left := t.order[:0]
	seen := map[lock.RequestID]bool{}
	for _, id := range t.order {
		if len(t.waiting[id]) > 0 && !seen[id] {
			seen[id] = true
			left = append(left, id)
		}
	}
	t.order = left
}

func (t *table) fingerprint() {
	t.p.tell(replica.Fingerprinted{Index: t.locks.Index(), Digest: t.locks.Digest()})
}

func (t *table) takeSnapshot() {
	snap := t.locks.Snapshot()
	t.p.tell(replica.SnapshotTaken{Index: snap.Index, Digest: t.locks.Digest(), Bytes: messages.EncodeSnapshot(snap)})
}

// spoils reports whether the copy may be a bad one. A quorum's node is wiped
// after that, which not every moment allows.
func (w *world) spoils(p *process) bool {
	if w.plan.quorum == nil {
		return true
	}
	if !w.check.formedOnce || !w.survives(wiped, p.node) {
		return false
	}
	p.spoilt, p.node.doomed = true, true
	return true
}

// install replaces the table. Now and then the copy is a bad one, as a fault of
// a decoder would make it: only the digest can tell.
func (t *table) install(b []byte) {
	w := t.p.w
	snap, err := messages.DecodeSnapshot(b)
	if err == nil && w.now < w.plan.faultsEnd && len(snap.Sessions) > 1 && w.happens(w.plan.badInstalls) && w.spoils(t.p) {
		snap.Sessions[0].Nonce++
		t.spoilt = true
		w.stats.BadInstalls++
	}
	var locks *lock.Table
	if err == nil {
		locks, err = lock.Restore(snap)
	}
	if err != nil {
		t.p.tell(replica.Installed{})
		return
	}
	w.stats.Installs++
	t.locks = locks
	t.place = w.check.locate(t.p, locks)
	w.check.remembers(t)
	t.p.tell(replica.Installed{Index: locks.Index(), Digest: locks.Digest(), OK: true})
}

func (t *table) reset() {
	t.locks = lock.NewTable()
	t.place = place{}
}
