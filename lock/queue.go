package lock

import (
	"cmp"
	"container/heap"
)

// wait queues a claim for all its locks, unless nothing could ever end the wait.
func (t *Table) wait(c *claim, asked *Command) (Result, *claim) {
	c.beyond().queued, c.since = t.index, t.at
	t.addWait(c)
	if cycle := t.cycleOf(c); cycle != nil && !asked.allowsDeadlock() {
		t.removeWait(c)
		t.letGo(c)
		return Result{Outcome: Deadlock, Cycle: cycle.String()}, nil
	}
	t.tellOf(c, Event{Kind: WaitBegan})
	return Result{Outcome: Waiting}, c
}

func (c *Command) allowsDeadlock() bool { return c.Terms != nil && c.Terms.AllowDeadlock }

// endWait ends a wait without a grant.
func (t *Table) endWait(c *claim) {
	t.tellOf(c, Event{Kind: WaitEnded, Request: c.request(), Since: c.since})
	t.removeWait(c)
	t.letGo(c)
}

// letGo forgets a claim that waits no more, and has its locks served.
func (t *Table) letGo(c *claim) {
	for p := range c.parts() {
		t.touch(p.lock)
	}
	t.forget(c)
}

// addWait puts a claim into the queues of its locks, behind all others.
func (t *Table) addWait(c *claim) {
	for p := range c.parts() {
		p.lock.enqueue(c)
	}
	c.session.waits.push(c)
	t.waits++
	t.digest.add(ofWait(c))
}

func (t *Table) removeWait(c *claim) {
	for p := range c.parts() {
		p.lock.dequeue(c)
	}
	c.session.waits.remove(c)
	t.waits--
	t.digest.remove(ofWait(c))
}

// touch has a lock served when the entry has had its effect.
func (t *Table) touch(l *ownedLock) { t.touched = append(t.touched, l) }

// serve grants the waits that can be granted now: each is first in all its
// queues and fits beside all holders, so nobody is overtaken (S6). A grant lets
// only those go on who queued behind it, so they come in the order of queueing.
func (t *Table) serve() {
	for _, l := range t.touched {
		t.nominate(l)
	}
	for len(t.ready) > 0 {
		// One that was first in two of the touched locks comes twice.
		if c := heap.Pop(&t.ready).(*claim); c.token == 0 && t.turnOf(c) {
			t.letIn(c)
		}
	}
	for _, l := range t.touched {
		t.dropIfIdle(l)
	}
	clear(t.touched)
	t.touched = t.touched[:0]
}

func (t *Table) nominate(l *ownedLock) {
	if queue := l.queue(); len(queue) > 0 {
		heap.Push(&t.ready, queue[0])
	}
}

// turnOf reports whether a wait can be granted now.
func (t *Table) turnOf(c *claim) bool {
	for p := range c.parts() {
		if _, held := t.locks[p.lock.name]; held {
			return false
		}
		if p.lock.queue()[0] != c || p.lock.closed() || !p.lock.occupied().admits(p.share) {
			return false
		}
	}
	return true
}

// letIn grants a wait: the grant replaces the answer that its slot remembers
// (S6).
func (t *Table) letIn(c *claim) {
	t.removeWait(c)
	queued := c.since
	c.more.waited = between(queued, t.at)
	t.grant(c)
	asked := c.request()
	t.remember(c.session, c.slot, asked.Number, Result{Outcome: Granted, Token: c.token}, c)
	t.tellOf(c, Event{Kind: LockAcquired, Span: c.rest().maxHold, Request: asked, Since: queued})
	for p := range c.parts() {
		t.nominate(p.lock)
	}
}

// between is the time from one moment to another, by clocks that may disagree.
func between(from, to Millis) Millis { return max(from, to) - from }

// request is the Acquire that waits: while it does, its slot goes no further.
func (c *claim) request() RequestID {
	return RequestID{Session: c.session.id, Slot: c.slot, Number: c.session.slots.at(c.slot).number}
}

// dropIfIdle forgets a lock that nobody has or wants any more, unless it has a
// past. One that was touched twice is gone already, and has no name.
func (t *Table) dropIfIdle(l *ownedLock) {
	switch {
	case l.name == "" || !l.idle():
	case l.past() != nil:
		t.retire(l.past())
	default:
		t.drop(l)
	}
}

func (t *Table) drop(l *ownedLock) {
	delete(t.owned, l.name)
	keep(&t.spare.locks, l)
}

// firstQueued is a heap of waits by the entry that queued them.
type firstQueued []*claim

func (f firstQueued) Len() int           { return len(f) }
func (f firstQueued) Less(i, j int) bool { return f[i].more.queued < f[j].more.queued }
func (f firstQueued) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *firstQueued) Push(c any)        { *f = append(*f, c.(*claim)) }

func (f *firstQueued) Pop() any {
	last := len(*f) - 1
	c := (*f)[last]
	(*f)[last] = nil
	*f = (*f)[:last]
	return c
}

// byQueued orders waits by the entry that queued them.
func byQueued(a, b *claim) int { return cmp.Compare(a.more.queued, b.more.queued) }
