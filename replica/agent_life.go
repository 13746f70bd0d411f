package replica

import (
	"slices"

	"lockstep/lock"
)

// life is how an agent passes its client's signs of life on: in rounds, one at a
// time. Each counts for what came before it began, and for nothing that came
// later: the node that serves may have counted it before that (T1).
type life struct {
	ttl     Instant // lock.MinTTL until it is known
	round   CallID  // under way, or zero
	began   Instant // when the last one did, if any has
	any     bool
	bearers []CallID // KeepAlives that the round will answer,
	next    []CallID // and those that the next one will
	more    bool     // the next one is wanted, though nobody waits for it
}

// How often a request counts as a sign of life, in fractions of the TTL, and for
// how long one is passed on.
const (
	oftenEnough = 16
	shortRound  = 3
)

// keepAlive passes a sign of life on and answers when it is known to have been
// taken.
func (a *Agent) keepAlive(ev Request) {
	if a.life.round != 0 {
		a.life.next = append(a.life.next, ev.ID)
		return
	}
	a.life.bearers = append(a.life.bearers, ev.ID)
	a.beginRound(ev.Now)
}

// signOfLife passes on that a request has come. Nobody waits for that, so it is
// enough to do so from time to time.
func (a *Agent) signOfLife(now Instant) {
	switch l := &a.life; {
	case l.any && now < l.began+l.ttl/oftenEnough:
	case l.round != 0:
		l.more = true
	default:
		a.beginRound(now)
	}
}

// beginRound asks for one acknowledgement. It is asked for again until there is
// one, but not for long: else the nodes would be told of a life that may have ended
// since. Who waits for it has another round then.
func (a *Agent) beginRound(now Instant) {
	a.last++
	a.lanes.last += 2
	l := &a.life
	l.round, l.began, l.any, l.more = a.last, now, true, false
	a.carries = append(a.carries, Carry{
		ID:       l.round,
		Command:  lock.Command{Verb: lock.KeepAlive, Session: a.session, Number: a.lanes.last},
		Deadline: int(max(l.ttl/shortRound, Instant(lock.MinTTL)) / ClientTickPeriod),
	})
}

// signDelivered ends a round.
func (a *Agent) signDelivered(ev Delivered) {
	l := &a.life
	bearers := l.bearers
	l.round, l.bearers = 0, nil
	switch f := ev.Finished; {
	case f.Err == ErrDeadline:
		l.next = append(bearers, l.next...)
	case f.Err != nil:
		a.finishAll(bearers, lock.Result{}, f.Err)
	case f.Result.Outcome == lock.SessionExpired:
		a.finishAll(bearers, lock.Result{}, ErrSessionExpired)
		a.ended()
	case f.Result.Outcome == lock.Alive:
		a.finishAll(bearers, f.Result, nil)
	default:
		a.finishAll(bearers, lock.Result{}, ErrBadAnswer)
	}
	if len(l.next) > 0 || l.more {
		l.bearers, l.next = l.next, nil
		a.beginRound(ev.Now)
	}
}

func (a *Agent) finishAll(calls []CallID, result lock.Result, err error) {
	for _, call := range calls {
		a.finish(call, result, err)
	}
}

// cancelKeepAlive reports whether a call was waiting for a round. That goes on: the
// sign of life was given.
func (a *Agent) cancelKeepAlive(call CallID) bool {
	for _, waiting := range []*[]CallID{&a.life.bearers, &a.life.next} {
		if at := slices.Index(*waiting, call); at >= 0 {
			*waiting = slices.Delete(*waiting, at, at+1)
			a.life.more = a.life.more || waiting == &a.life.next
			return true
		}
	}
	return false
}

// endLife ends the round at hand with its session.
func (a *Agent) endLife() {
	l := &a.life
	if l.round != 0 {
		a.dropped = append(a.dropped, l.round)
	}
	a.finishAll(append(l.bearers, l.next...), lock.Result{}, ErrSessionExpired)
	a.life = life{ttl: l.ttl}
}
