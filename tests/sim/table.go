package sim

import (
	"lockstep/lock"
	"lockstep/replica"
)

// table is what the LockTable actor will be: the table, and who asked what.
type table struct {
	p       *process
	locks   *lock.Table
	place   place // of locks in the histories that the checker knows
	waiting map[lock.RequestID][]*client
	order   []lock.RequestID // of waiting, oldest first; some have gone
}

func newTable(p *process) table {
	return table{p: p, locks: lock.NewTable(), waiting: map[lock.RequestID][]*client{}}
}

// ask takes requests of a client. One that waits here already is not submitted
// again: its answer is on the way.
func (t *table) ask(c *client, commands []lock.Command) {
	var fresh []lock.Command
	for _, cmd := range commands {
		id := cmd.ID()
		before := t.waiting[id]
		if len(before) == 0 {
			t.order = append(t.order, id)
			fresh = append(fresh, cmd)
			t.waiting[id] = []*client{c}
		}
	}
	if len(fresh) > 0 {
		t.p.tell(replica.Submit{Commands: fresh})
	}
}

func (t *table) apply(entries []lock.Entry, ruled bool) {
	for _, e := range entries {
		result := t.locks.Apply(e)
		note := t.p.w.check.applied(t, e, result, ruled)
		if t.p.w.violation != nil {
			return
		}
		id := e.Command.ID()
		if len(t.waiting[id]) > 0 {
			t.p.w.check.answers(t, note, ruled)
			t.answer(replica.Answer{Request: id, Kind: replica.Executed, Result: result}, note)
		}
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
}

// answer tells everybody who waits for the request.
func (t *table) answer(a replica.Answer, note place) {
	for _, c := range t.waiting[a.Request] {
		c.answered(t.p, a, note)
	}
	delete(t.waiting, a.Request)
	if len(t.order) > 2*len(t.waiting)+16 {
		t.compact()
	}
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

func (t *table) takeSnapshot() {
	snap := t.locks.Snapshot()
	t.p.tell(replica.SnapshotTaken{Index: snap.Index, Digest: t.locks.Digest(), Bytes: encode(snap)})
}

// install replaces the table. Now and then the copy is a bad one, as a fault of
// a decoder would make it: only the digest can tell.
func (t *table) install(b []byte) {
	w := t.p.w
	snap, err := decode(b)
	if err == nil && w.now < w.plan.faultsEnd && len(snap.Sessions) > 1 && w.happens(w.plan.badInstalls) {
		snap.Sessions = snap.Sessions[1:]
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
	t.place = w.check.locate(locks)
	t.p.tell(replica.Installed{Index: locks.Index(), Digest: locks.Digest(), OK: true})
}

func (t *table) reset() {
	t.locks = lock.NewTable()
	t.place = place{}
}
