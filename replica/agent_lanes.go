package replica

import "lockstep/lock"

// lanes are the slots that an agent draws pairs from, and their numbers. Each has
// one request open.
type lanes struct {
	first lock.Slot   // of all
	next  lock.Slot   // that was never used
	free  []lock.Slot // that were; the last is used again first, so that few are ever used
	waits int         // lanes of Acquires that may wait
	last  lock.Number // drawn
}

// Limits of what is drawn.
const (
	maxLanes = lock.Slot(lock.MaxSlots/2) / AgentPlaces
	// maxWaitLanes leaves room for the Release that others wait for.
	maxWaitLanes = maxLanes * 3 / 4
	maxQueued    = 1 << 12 // calls that wait for a lane
	// maxLifts goes from a millisecond to many years.
	maxLifts = 20
)

func newLanes(cfg AgentConfig) lanes {
	first := MaxPairSlot + 1 + lock.Slot(cfg.Place%AgentPlaces)*maxLanes
	return lanes{first: first, next: first, last: cfg.First}
}

func (l *lanes) full() bool { return len(l.free) == 0 && l.next == l.first+maxLanes }

// has reports whether there is a lane for a command.
func (l *lanes) has(c *lock.Command) bool {
	return !l.full() && (!c.Wait || l.waits < int(maxWaitLanes))
}

// take gives a command a pair. The number behind it is left for its Cancel.
func (l *lanes) take(c *lock.Command) {
	if n := len(l.free); n > 0 {
		c.Slot, l.free = l.free[n-1], l.free[:n-1]
	} else {
		c.Slot = l.next
		l.next++
	}
	if c.Wait {
		l.waits++
	}
	l.number(c)
}

func (l *lanes) number(c *lock.Command) {
	l.last += 2
	c.Number = l.last
}

// leave gives a command's slot back.
func (l *lanes) leave(c lock.Command) {
	l.free = append(l.free, c.Slot)
	l.waitsNoMore(c)
}

func (l *lanes) waitsNoMore(c lock.Command) {
	if c.Wait {
		l.waits--
	}
}

// draw sends a command under a pair of the agent's, as soon as there is a lane. A
// Release is never too many: there is one for each grant.
func (a *Agent) draw(ev Request) {
	if len(a.queue) >= maxQueued && ev.Command.Verb != lock.Release {
		a.finish(ev.ID, lock.Result{}, ErrBusy)
		return
	}
	a.queue = append(a.queue, ev)
	a.startQueued()
}

// startQueued sends what there are lanes for, first come, first served; but who may
// wait for long does not keep others waiting.
func (a *Agent) startQueued() {
	left := a.queue[:0]
	for i, waiting := range a.queue {
		if a.lanes.full() {
			left = append(left, a.queue[i:]...)
			break
		}
		if !a.lanes.has(&waiting.Command) {
			left = append(left, waiting)
			continue
		}
		e := &agentErrand{call: waiting.ID, drawn: true, command: waiting.Command}
		a.lanes.take(&e.command)
		a.send(e, 0)
	}
	clear(a.queue[len(left):])
	a.queue = left
}

// overtaken handles that a slot has gone on to a higher number. For a client's
// pair that is the answer.
//
// A drawn one has met those of another agent of its place: of a former life whose
// clock was ahead, or of a node that has the place while the members change. If it
// was sent once, it was not executed, and takes a higher number: by so much more
// each time that a wrong clock is overtaken soon. If it was sent more often, an
// earlier sending may have been executed, and its answer is forgotten. A Cancel has
// nothing left to undo.
func (a *Agent) overtaken(e *agentErrand, repeated bool) {
	switch {
	case e.paired():
		a.end(e, lock.Result{}, ErrStale)
	case e.command.Verb == lock.Cancel:
		a.end(e, lock.Result{}, nil)
	case repeated || e.lifts == maxLifts:
		a.end(e, lock.Result{}, ErrUnknown)
	default:
		a.lanes.last += AgentNumbersAMilli << (2 * e.lifts)
		e.lifts++
		a.lanes.number(&e.command)
		a.send(e, 0)
	}
}

// undo follows a drawn request, which nobody wants any more, with its Cancel: it
// leaves neither a grant nor a wait behind (S6), and is not executed later (S4). The
// lane stays taken until that is certain.
func (a *Agent) undo(e *agentErrand) {
	a.lanes.waitsNoMore(e.command)
	cancel := lock.Command{Verb: lock.Cancel, Session: a.session, Slot: e.command.Slot, Number: e.command.Number + 1}
	a.send(&agentErrand{drawn: true, command: cancel}, 0)
}
