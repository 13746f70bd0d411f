package replica

import (
	"slices"

	"lockstep/lock"
)

// carried is a command of somebody else's on its way through the nodes. Session,
// slot and number are theirs, so it is asked again as it is until there is an
// answer, and never under others.
type carried struct {
	command lock.Command
	bearers []bearer // who wants the answer, at least one
	attempt attempt
	place   int // in the list of all
	// waiting says that it is known to be in the queue of a lock.
	waiting bool
	sent    bool // at least once,
	again   bool // and more often than that
}

// bearer is one call that carries a command.
type bearer struct {
	id       CallID
	patience uint64 // the tick from which Waiting is an answer too, or never
	deadline uint64 // the tick that ends it, or never
}

// cargo is all that is carried.
type cargo struct {
	all       []*carried
	byRequest map[lock.RequestID]*carried
	byCall    map[CallID]*carried
}

// MaxCarried is how many commands of others may be under way. What ends something
// is never too much.
const MaxCarried = 1 << 16

func newCargo() cargo {
	return cargo{byRequest: map[lock.RequestID]*carried{}, byCall: map[CallID]*carried{}}
}

func (g *cargo) add(command lock.Command) *carried {
	one := &carried{command: command, place: len(g.all)}
	g.all = append(g.all, one)
	g.byRequest[command.ID()] = one
	return one
}

func (g *cargo) remove(one *carried) {
	last := g.all[len(g.all)-1]
	g.all[one.place], last.place = last, one.place
	g.all[len(g.all)-1] = nil
	g.all = g.all[:len(g.all)-1]
	delete(g.byRequest, one.command.ID())
}

// carries takes commands of others in. What is under way already is not asked
// again: its answer will be that of both.
func (c *Client) carries(ev Carries) {
	for _, carry := range ev.Carries {
		if err := c.judgeCarry(&carry.Command); err != nil {
			c.finish(carry.ID, lock.Result{}, err)
			continue
		}
		c.carry(carry)
	}
}

func (c *Client) carry(ev Carry) {
	one, known := c.cargo.byRequest[ev.Command.ID()]
	if !known {
		one = c.cargo.add(ev.Command)
	}
	b := bearer{id: ev.ID, patience: never, deadline: never}
	if ev.Patience > 0 {
		b.patience = c.now + uint64(ev.Patience)
	}
	if ev.Deadline > 0 {
		b.deadline = c.now + uint64(ev.Deadline)
	}
	one.bearers = append(one.bearers, b)
	c.cargo.byCall[ev.ID] = one
	if !known {
		one.attempt.node = c.first()
		c.send(&one.attempt, one.errand())
	}
}

// judgeCarry refuses a command before it has any effect. The client's own session
// is nobody else's.
func (c *Client) judgeCarry(command *lock.Command) error {
	switch {
	case c.session.stage >= closing:
		return ErrClosed
	case command.Session != 0 && command.Session == c.session.id:
		return ErrSessionExpired
	case len(c.cargo.all) >= MaxCarried && !ends(command.Verb):
		return ErrBusy
	}
	if l := command.Check(); l != lock.NoLimit {
		return &LimitError{l}
	}
	return nil
}

// ends reports whether a verb makes room, or keeps it from being made.
func ends(v lock.Verb) bool {
	return v == lock.Release || v == lock.Cancel || v == lock.CloseSession || v == lock.KeepAlive
}

func (one *carried) errand() errand { return errand{kind: forCarried, carried: one} }

// sending notes that the command is sent, and returns it.
func (one *carried) sending() lock.Command {
	one.sent, one.again = true, one.sent
	return one.command
}

// carriedAnswered handles the answer to a command of somebody else's.
func (c *Client) carriedAnswered(from int, one *carried, a *Answer) {
	if a.Kind != Executed {
		c.notYet(&one.attempt, one.errand(), from, a.Kind, a.Hint)
		return
	}
	c.trust(from)
	switch {
	case a.Result.Outcome == lock.Waiting && one.command.Wait:
		one.waiting = true
		c.rest(&one.attempt, from)
		c.losePatience(one)
		return
	case a.Result.Outcome == lock.Alive:
		c.heard = true
	}
	c.delivered(one, a.Result, nil)
}

// delivered ends a command with its result, for all who carry it.
func (c *Client) delivered(one *carried, result lock.Result, err error) {
	for _, b := range one.bearers {
		delete(c.cargo.byCall, b.id)
		c.finished = append(c.finished, Finished{ID: b.id, Result: result, Err: err, Repeated: one.again})
	}
	c.cargo.remove(one)
}

// losePatience tells those who have waited long enough that they wait. The command
// goes where nobody asks for it any more; what it has done stays.
func (c *Client) losePatience(one *carried) {
	c.unload(one, func(b *bearer) bool { return one.waiting && b.patience <= c.now }, lock.Result{Outcome: lock.Waiting}, nil)
}

// unload ends those calls that a test picks, and the command with the last one.
func (c *Client) unload(one *carried, over func(*bearer) bool, result lock.Result, err error) {
	one.bearers = slices.DeleteFunc(one.bearers, func(b bearer) bool {
		if !over(&b) {
			return false
		}
		delete(c.cargo.byCall, b.id)
		c.finished = append(c.finished, Finished{ID: b.id, Result: result, Err: err, Repeated: one.again})
		return true
	})
	if len(one.bearers) == 0 {
		c.cargo.remove(one)
	}
}

// cargoTick ends what is out of time and asks again where an attempt is. It goes
// backwards, since the last one takes the place of one that ends.
func (c *Client) cargoTick() {
	for i := len(c.cargo.all) - 1; i >= 0; i-- {
		one := c.cargo.all[i]
		if one.waiting {
			c.losePatience(one)
		}
		if len(one.bearers) > 0 {
			c.unload(one, func(b *bearer) bool { return b.deadline <= c.now }, lock.Result{}, ErrDeadline)
		}
		if len(one.bearers) > 0 && one.attempt.due <= c.now {
			c.again(&one.attempt, one.errand())
		}
	}
}

// cargoLost asks elsewhere what was asked at a node that was lost.
func (c *Client) cargoLost(node int) {
	for _, one := range c.cargo.all {
		if one.attempt.asked && one.attempt.node == node {
			c.replace(&one.attempt, one.errand())
		}
	}
}

// cancelCarried gives a call up, and reports whether there was one. What was sent
// may be executed all the same.
func (c *Client) cancelCarried(id CallID) bool {
	one, ok := c.cargo.byCall[id]
	if ok {
		c.unload(one, func(b *bearer) bool { return b.id == id }, lock.Result{}, ErrCanceled)
	}
	return ok
}

// failCargo ends everything that is carried.
func (c *Client) failCargo(err error) {
	for len(c.cargo.all) > 0 {
		c.delivered(c.cargo.all[0], lock.Result{}, err)
	}
}
