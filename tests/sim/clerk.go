package sim

import (
	"errors"
	"fmt"

	"lockstep/lock"
	"lockstep/replica"
)

// clerk asks for one thing after another. Besides names that all clerks fight
// for it has one of its own, whose state it always knows.
type clerk struct {
	c    *client
	id   replica.ClerkID
	own  string
	mine knowledge // of the own name
	in   *history  // to which that belongs
	open *call
}

type knowledge uint8

const (
	unknown knowledge = iota
	free
	taken
)

func newClerk(c *client, i int) *clerk {
	return &clerk{
		c: c, id: replica.ClerkID(i + 1), mine: free,
		own: fmt.Sprintf("own-%d-%d", c.id, i),
	}
}

// think waits for a while and asks again, until the time for calls is over.
func (k *clerk) think() {
	w := k.c.w
	w.after(1+instant(w.whim.Int64N(int64(2*w.plan.think))), k.act)
}

func (k *clerk) act() {
	c, w := k.c, k.c.w
	switch {
	case w.now >= w.plan.callsEnd:
	case c.closed || k.open != nil:
		k.think()
	case w.now < w.plan.faultsEnd && w.whim.Float64() < w.plan.restart:
		c.closed = true
		c.step(replica.Shut{})
		k.think()
	case w.whim.IntN(50) == 0:
		c.step(replica.Forget{Clerk: k.id})
		k.think()
	default:
		k.call()
	}
}

func (k *clerk) call() {
	c, w := k.c, k.c.w
	c.nextID++
	now := &call{id: c.nextID, clerk: k, verb: lock.Lock + lock.Verb(w.whim.IntN(2)), at: w.now}
	now.name = fmt.Sprintf("name-%d", w.whim.IntN(w.plan.names))
	if w.whim.IntN(3) == 0 {
		now.name = k.own
	}
	ev := replica.Call{ID: now.id, Clerk: k.id, Verb: now.verb, Name: now.name}
	giveUp := w.now < w.plan.faultsEnd && w.whim.Float64() < w.plan.giveUp
	patience := 1 + w.whim.IntN(12)
	if giveUp && patience%2 == 0 {
		ev.Deadline = patience
	}
	c.calls[now.id], k.open = now, now
	if w.opt.Trace != nil {
		w.trace(fmt.Sprintf("client%d", c.id), fmt.Sprintf("clerk %d call %d: %s %s", k.id, now.id, verbName(now.verb), now.name))
	}
	c.step(ev)
	if giveUp && patience%2 == 1 {
		c.later(instant(patience)*tickLength/3, func() { c.step(replica.Cancel{ID: now.id}) })
	}
}

// finished compares the answer about the clerk's own name with what it knows.
// In regime 1 nobody else touches that name, and nothing is ever undone but by
// the loss of every copy.
func (k *clerk) finished(done *call, f replica.Finished) {
	w := k.c.w
	if w.opt.Trace != nil {
		w.trace(fmt.Sprintf("client%d", k.c.id), fmt.Sprintf("clerk %d call %d ends: %+v %v", k.id, done.id, f.Result, f.Err))
	}
	k.open = nil
	if done.name == k.own {
		k.learn(done, f)
	}
	k.think()
}

func (k *clerk) learn(done *call, f replica.Finished) {
	w := k.c.w
	before := k.mine
	if errors.Is(f.Err, replica.ErrClosed) {
		// Closing makes one attempt only. If that was lost nothing fences the
		// request, and it may come at any time: the name is given up.
		k.own += "'"
		k.mine, k.in = free, k.c.heard
		return
	}
	if f.Err != nil || w.plan.regime != 1 {
		k.mine = unknown
		return
	}
	if k.in != k.c.heard {
		before, k.in = unknown, k.c.heard
	}
	after, was := taken, before
	switch f.Result.Outcome {
	case lock.Granted:
		was = free
	case lock.Held:
		was = taken
	case lock.Released:
		was, after = taken, free
	case lock.NotHeld:
		was, after = free, free
	}
	if before != unknown && before != was {
		w.fail("own-name", "client %d clerk %d: %s %s gave %+v, but it left the name the other way",
			k.c.id, k.id, verbName(done.verb), k.own, f.Result)
	}
	k.mine = after
}
