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
	lost int       // own names that were given up
	mine knowledge // of the own name
	in   *history  // to which that belongs
	open *call
	// loose says that the last call was given up, and nothing has fenced it yet.
	loose bool
}

type knowledge uint8

const (
	unknown knowledge = iota
	free
	taken
)

func newClerk(c *client, i int) *clerk {
	k := &clerk{c: c, id: replica.ClerkID(i + 1)}
	k.rename()
	return k
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
	case c.closed || c.paused || k.open != nil:
		k.think()
	case w.now < w.plan.faultsEnd && w.whim.Float64() < w.plan.restart:
		k.think()
		c.shut()
	case w.whim.IntN(50) == 0:
		c.step(replica.Forget{Clerk: k.id})
		k.think()
	default:
		k.call()
	}
}

func (k *clerk) call() {
	c, w := k.c, k.c.w
	now := &call{verb: lock.Lock + lock.Verb(w.whim.IntN(2))}
	now.name = fmt.Sprintf("name-%d", w.whim.IntN(w.plan.names))
	if w.whim.IntN(3) == 0 {
		now.name = k.own
	}
	c.begins(now, k)
	k.open = now
	ev := replica.Call{ID: now.id, Clerk: k.id, Verb: now.verb, Name: now.name}
	giveUp := w.now < w.plan.faultsEnd && w.whim.Float64() < w.plan.giveUp
	patience := 1 + w.whim.IntN(24)
	if giveUp && patience%2 == 0 {
		ev.Deadline = patience
	}
	c.say("clerk %d call %d: %s %s", k.id, now.id, verbName(now.verb), now.name)
	c.step(ev)
	if giveUp && patience%2 == 1 {
		c.later(instant(patience)*clientTick*2/3, func() { c.step(replica.Cancel{ID: now.id}) })
	}
}

// finished compares the answer about the clerk's own name with what it knows.
// In regime 1 nobody else touches that name, and nothing is ever undone but by
// the loss of every copy.
func (k *clerk) finished(done *call, f replica.Finished) {
	k.c.say("clerk %d call %d ends: %+v %v", k.id, done.id, f.Result, f.Err)
	k.open, k.loose = nil, f.Err != nil
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
		// request, and it may come at any time.
		k.rename()
		return
	}
	if f.Err != nil || !w.plan.strict {
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

// rename takes another name for its own.
func (k *clerk) rename() {
	k.lost++
	k.own = fmt.Sprintf("own-%d-%d-%d", k.c.id, k.id, k.lost)
	k.mine, k.in, k.loose = free, k.c.heard, false
}

func (k *clerk) gone() {
	k.open, k.loose = nil, true
	k.think()
}
