package replica

import (
	"cmp"
	"maps"
	"slices"

	"lockstep/lock"
)

// Agent speaks for one session whose client does not speak the protocol itself,
// at one node. What it asks for, a Client carries to the node that serves.
//
// The session lives in the cluster. Its client comes to whatever node it likes, so
// several may have an agent for it at once, and none knows of the others:
//
//   - An agent asks under its session and no other. When that is over, it says so,
//     and nothing is ever asked again under another.
//   - Pairs of slot and number that the client has chosen go through any agent as
//     the same request, so the table gives all of them one answer (S4). Numbers are
//     doubled on the way: the odd one behind a request is that of its Cancel.
//   - Pairs that an agent draws are in slots that the other nodes' agents leave
//     alone, and above those of the former lives of its own.
//   - A sign of life is given when the client has given one, and not for it.
type Agent struct {
	session lock.SessionID
	over    bool // for ever: no id is used twice (S7)
	errands map[CallID]*agentErrand
	calls   map[CallID]CallID // the errands of the calls that have one
	last    CallID            // the id of the last errand
	pairs   map[lock.Slot][]CallID
	lanes   lanes
	queue   []Request // calls that wait for a lane
	life    life

	// What the step at hand has for the shell.
	dropped  []CallID
	carries  []Carry
	finished []Finished
	effects  []AgentEffect
}

// AgentConfig is what an agent is made with.
type AgentConfig struct {
	Session lock.SessionID
	// Place is the node's among those that may have an agent for the session; those
	// of one place must not be at work at once. It counts modulo AgentPlaces.
	Place int
	// First is where drawn numbers begin. It is above all that former agents of this
	// place have drawn, as Unix milliseconds times AgentNumbersAMilli are unless a
	// clock was set back: then some requests take a few rounds more. No two agents of
	// one place may draw the same numbers, so where in its millisecond one begins is
	// left to chance.
	First lock.Number
}

// AgentPlaces is how many nodes draw pairs out of each other's way.
const AgentPlaces = 8

// AgentNumbersAMilli is how many numbers an agent may draw in a millisecond.
const AgentNumbersAMilli = 1 << 20

// AgentEvent is something that happened to an agent.
type AgentEvent interface{ agentEvent() }

// The events of an agent, besides Cancel, which says that the caller has gone.
type (
	// Request asks for a Lock, Unlock, Acquire, Release, Revoke, Cancel, KeepAlive or
	// CloseSession. It ends with one Finished. A command with a Number has the
	// client's pair, which is left to be asked for again when the caller goes: its
	// Cancel names the pair of the Acquire that it undoes. One without gets a pair
	// drawn, and is undone when the caller goes. Patience, in a client's ticks, is
	// for an Acquire that has the client's pair: with it, Waiting is an answer.
	Request struct {
		ID       CallID
		Command  lock.Command
		Patience int
		Now      Instant
	}

	// Delivered is how something ended that was carried.
	Delivered struct {
		Finished Finished
		Now      Instant
	}

	// GiveBack releases what was granted to a caller who had just gone.
	GiveBack struct {
		Name  string
		Token lock.Token
		Now   Instant
	}

	// Learned tells the session's TTL.
	Learned struct{ TTL lock.Millis }
)

func (Request) agentEvent()   {}
func (Cancel) agentEvent()    {}
func (Delivered) agentEvent() {}
func (GiveBack) agentEvent()  {}
func (Learned) agentEvent()   {}

// AgentEffect is something that an agent's shell has to do, besides Finish.
type AgentEffect interface{ agentEffect() }

// Drop says that some of what is carried is of no use any more.
type Drop struct{ IDs []CallID }

func (Drop) agentEffect()    {}
func (Carries) agentEffect() {}
func (Finish) agentEffect()  {}

// agentErrand is one request on its way.
type agentErrand struct {
	call    CallID
	quiet   bool // it goes on without its caller
	drawn   bool // its pair was drawn
	lifts   int  // how often its number was found too low
	command lock.Command
}

// NewAgent returns an agent that has asked nothing yet.
func NewAgent(cfg AgentConfig) *Agent {
	return &Agent{
		session: cfg.Session,
		errands: map[CallID]*agentErrand{},
		calls:   map[CallID]CallID{},
		pairs:   map[lock.Slot][]CallID{},
		lanes:   newLanes(cfg),
		life:    life{ttl: Instant(lock.MinTTL)},
	}
}

// Idle reports whether nothing is under way, so that nothing is lost with the
// agent.
func (a *Agent) Idle() bool { return len(a.errands) == 0 && len(a.queue) == 0 && a.life.round == 0 }

// Over reports whether the session is: nothing but that will ever be answered.
func (a *Agent) Over() bool { return a.over }

// LastNumber is the highest number that was drawn.
func (a *Agent) LastNumber() lock.Number { return a.lanes.last }

// Step handles one event and returns what is to be done, in order. The slice is
// valid until the next Step.
func (a *Agent) Step(ev AgentEvent) []AgentEffect {
	switch ev := ev.(type) {
	case Request:
		a.request(ev)
	case Cancel:
		a.cancel(ev.ID)
	case Delivered:
		a.delivered(ev)
	case GiveBack:
		a.request(Request{Command: lock.Command{Verb: lock.Release, Name: ev.Name, Token: ev.Token}, Now: ev.Now})
	case Learned:
		a.life.ttl = Instant(ev.TTL)
	default:
		panic("replica: an unknown agent event")
	}
	return a.flush()
}

// flush turns what the step has gathered into effects.
func (a *Agent) flush() []AgentEffect {
	clear(a.effects)
	a.effects = a.effects[:0]
	if len(a.dropped) > 0 {
		a.effects = append(a.effects, Drop{slices.Clone(a.dropped)})
		a.dropped = a.dropped[:0]
	}
	if len(a.carries) > 0 {
		a.effects = append(a.effects, Carries{slices.Clone(a.carries)})
		clear(a.carries)
		a.carries = a.carries[:0]
	}
	if len(a.finished) > 0 {
		a.effects = append(a.effects, Finish{slices.Clone(a.finished)})
		clear(a.finished)
		a.finished = a.finished[:0]
	}
	return a.effects
}

// request takes a new request in. Calls have ids from 1; what the agent does by
// itself has none.
func (a *Agent) request(ev Request) {
	ev.Command.Session = a.session
	if err := judgeRequest(&ev.Command, ev.Patience); err != nil {
		a.finish(ev.ID, lock.Result{}, err)
		return
	}
	if a.over {
		a.tellOver(ev.ID, ev.Command.Verb)
		return
	}
	switch {
	case ev.Command.Verb == lock.KeepAlive:
		a.keepAlive(ev)
		return
	case ev.Command.Verb == lock.CloseSession:
		a.send(&agentErrand{call: ev.ID, command: ev.Command}, 0)
		return
	case ev.Command.Number != 0:
		a.send(&agentErrand{call: ev.ID, command: asPair(ev.Command)}, ev.Patience)
	default:
		a.draw(ev)
	}
	a.signOfLife(ev.Now)
}

// judgeRequest refuses a pair that is not for clients. The form of all else is
// judged by who carries it.
func judgeRequest(c *lock.Command, patience int) error {
	switch {
	case c.Verb == lock.KeepAlive || c.Verb == lock.CloseSession:
		return nil
	case !c.Verb.InSlot():
		return &LimitError{lock.LimitVerb}
	case c.Slot > MaxPairSlot || c.Number > MaxPairNumber:
		return ErrPair
	case c.Number == 0 && (c.Slot != 0 || patience > 0 || c.Verb == lock.Cancel):
		return ErrPair
	default:
		return nil
	}
}

// asPair gives a command with a client's pair the number that it has for the
// nodes.
func asPair(c lock.Command) lock.Command {
	c.Number *= 2
	if c.Verb == lock.Cancel {
		c.Number++
	}
	return c
}

// send has a command carried.
func (a *Agent) send(e *agentErrand, patience int) {
	a.last++
	id := a.last
	a.errands[id] = e
	if e.call != 0 {
		a.calls[e.call] = id
	} else {
		e.quiet = true
	}
	if e.paired() {
		a.pairs[e.command.Slot] = append(a.pairs[e.command.Slot], id)
	}
	a.carries = append(a.carries, Carry{ID: id, Command: e.command, Patience: patience})
}

// paired says that the client has chosen the pair.
func (e *agentErrand) paired() bool { return !e.drawn && e.command.Verb != lock.CloseSession }

// remove takes an errand out. What it had of slots it still has.
func (a *Agent) remove(id CallID) *agentErrand {
	e := a.errands[id]
	delete(a.errands, id)
	if !e.quiet {
		delete(a.calls, e.call)
	}
	if e.paired() {
		left := slices.DeleteFunc(a.pairs[e.command.Slot], func(other CallID) bool { return other == id })
		if len(left) == 0 {
			delete(a.pairs, e.command.Slot)
		} else {
			a.pairs[e.command.Slot] = left
		}
	}
	return e
}

// delivered handles how a request ended for who carried it.
func (a *Agent) delivered(ev Delivered) {
	f := ev.Finished
	if f.ID == a.life.round && f.ID != 0 {
		a.signDelivered(ev)
		return
	}
	if _, known := a.errands[f.ID]; !known {
		return // it was dropped
	}
	e := a.remove(f.ID)
	switch {
	case f.Err != nil:
		a.end(e, lock.Result{}, f.Err)
	case f.Result.Outcome == lock.SessionExpired, f.Result.Outcome == lock.Closed:
		a.tellErrandOver(e)
		a.ended()
	case f.Result.Outcome == lock.Stale:
		a.overtaken(e, f.Repeated)
	default:
		result, err := concludeFor(f.Result)
		a.end(e, result, err)
		if e.paired() {
			a.goneOn(e.command.Slot, e.command.Number)
		}
	}
	a.startQueued()
}

// concludeFor is the meaning of an executed request's result, for who has asked
// through an agent.
func concludeFor(r lock.Result) (lock.Result, error) {
	if r.Outcome == lock.Waiting || r.Outcome == lock.Canceled {
		return r, nil
	}
	if err := conclude(r); err != nil {
		return lock.Result{}, err
	}
	return r, nil
}

// end ends an errand, whose lane others may have.
func (a *Agent) end(e *agentErrand, result lock.Result, err error) {
	if e.drawn {
		a.lanes.leave(e.command)
	}
	if !e.quiet {
		a.finish(e.call, result, err)
	}
}

// goneOn ends what the client has asked before in a slot: of that there is no
// answer any more.
func (a *Agent) goneOn(slot lock.Slot, to lock.Number) {
	for _, id := range slices.Clone(a.pairs[slot]) {
		if a.errands[id].command.Number < to {
			a.dropped = append(a.dropped, id)
			a.end(a.remove(id), lock.Result{}, ErrStale)
		}
	}
}

// ended takes note that the session is over, and ends all that was asked under it.
func (a *Agent) ended() {
	a.over = true
	for _, id := range slices.SortedFunc(maps.Keys(a.errands), cmp.Compare) {
		a.dropped = append(a.dropped, id)
		a.tellErrandOver(a.remove(id))
	}
	for _, waiting := range a.queue {
		a.tellOver(waiting.ID, waiting.Command.Verb)
	}
	a.queue = nil
	a.endLife()
}

func (a *Agent) tellErrandOver(e *agentErrand) {
	if e.drawn {
		a.lanes.leave(e.command)
	}
	if !e.quiet {
		a.tellOver(e.call, e.command.Verb)
	}
}

// tellOver answers a call of a session that is over. What was to be closed is.
func (a *Agent) tellOver(call CallID, verb lock.Verb) {
	if verb == lock.CloseSession {
		a.finish(call, lock.Result{Outcome: lock.Closed}, nil)
	} else {
		a.finish(call, lock.Result{}, ErrSessionExpired)
	}
}

// cancel handles that a caller has gone. What ends something goes on: nobody else
// would do it. A pair of the client's is left as it is, since it may be asked for
// elsewhere by now. One that was drawn is known to nobody, so it is undone.
func (a *Agent) cancel(call CallID) {
	id, sent := a.calls[call]
	if !sent {
		a.cancelUnsent(call)
		return
	}
	e := a.errands[id]
	a.finish(call, lock.Result{}, ErrCanceled)
	if e.command.Verb == lock.Release || e.command.Verb == lock.CloseSession {
		e.quiet = true
		delete(a.calls, call)
		return
	}
	a.remove(id)
	a.dropped = append(a.dropped, id)
	if e.drawn {
		a.undo(e)
	}
}

// cancelUnsent gives up what waits for a lane, or for a sign of life.
func (a *Agent) cancelUnsent(call CallID) {
	at := slices.IndexFunc(a.queue, func(waiting Request) bool { return waiting.ID == call })
	switch {
	case at < 0:
		if a.cancelKeepAlive(call) {
			a.finish(call, lock.Result{}, ErrCanceled)
		}
		return
	case a.queue[at].Command.Verb == lock.Release:
		a.queue[at].ID = 0
	default:
		a.queue = slices.Delete(a.queue, at, at+1)
	}
	a.finish(call, lock.Result{}, ErrCanceled)
}

func (a *Agent) finish(call CallID, result lock.Result, err error) {
	if call != 0 {
		a.finished = append(a.finished, Finished{ID: call, Result: result, Err: err})
	}
}
