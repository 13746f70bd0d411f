package sim

import (
	"fmt"

	"lockstep/lock"
	"lockstep/replica"
)

// user is a part of a program that takes owned locks, uses them for a while and
// gives them back, or does not. Now and then it asks about the state, or takes
// somebody's lock away as an operator.
type user struct {
	c    *client
	id   int
	open *call
}

// mostLeases is how many a user holds at a time.
const mostLeases = 3

func (u *user) think() {
	w := u.c.w
	w.after(1+instant(w.whim.Int64N(int64(2*w.plan.think))), u.act)
}

func (u *user) act() {
	c, w := u.c, u.c.w
	over := w.now >= w.plan.callsEnd
	switch {
	case c.closed || c.paused:
		u.think()
	case u.open != nil:
		if over {
			c.step(replica.Cancel{ID: u.open.id})
		}
	case u.giveBack(over):
	case !over:
		u.wish()
	}
}

// giveBack releases a lease that was kept for long enough.
func (u *user) giveBack(over bool) bool {
	for _, l := range u.leases() {
		if l.keep <= u.c.w.now || over {
			u.c.drop(func(o *lease) bool { return o == l })
			u.call(&call{verb: lock.Release, name: l.name, token: l.token})
			return true
		}
	}
	return false
}

func (u *user) leases() []*lease {
	var mine []*lease
	for _, l := range u.c.leases {
		if l.user == u {
			mine = append(mine, l)
		}
	}
	return mine
}

func (u *user) wish() {
	w := u.c.w
	switch k := w.whim.IntN(100); {
	case k < 3:
		u.call(&call{verb: lock.Revoke, name: u.name()})
	case k < w.plan.inquires:
		u.inquire()
	case len(u.leases()) < mostLeases && k < 80:
		u.acquire()
	default:
		u.think()
	}
}

// name is one of the owned locks' names, or of the lab's: they share a
// namespace.
func (u *user) name() string {
	w := u.c.w
	if w.whim.IntN(12) == 0 {
		return fmt.Sprintf("name-%d", w.whim.IntN(w.plan.names))
	}
	return fmt.Sprintf("held-%d", w.whim.IntN(w.plan.names))
}

func (u *user) acquire() {
	w := u.c.w
	first := u.want(u.name())
	one := &call{verb: lock.Acquire, name: first.name, mode: first.mode, wait: w.whim.IntN(3) > 0, wants: []want{first}}
	one.terms = &lock.Terms{Permits: first.permits, Of: first.of}
	for w.whim.IntN(5) == 0 {
		if next := u.want(u.name()); find(one.wants, next.name) == nil {
			one.wants = append(one.wants, next)
			one.terms.And = append(one.terms.And, lock.Want{Name: next.name, Mode: next.mode, Permits: next.permits, Of: next.of})
		}
	}
	u.vary(one.terms)
	u.call(one)
}

func (u *user) want(name string) want {
	r := u.c.w.whim
	one := want{name: name, mode: oneOf(r, lock.Exclusive, lock.Exclusive, lock.Shared, lock.Counted)}
	if one.mode == lock.Counted {
		one.of = uint32(oneOf(r, 3, 3, 3, 2))
		one.permits = 1 + uint32(r.IntN(2))
	}
	return one
}

// vary asks for something beyond the plain case now and then.
func (u *user) vary(t *lock.Terms) {
	w := u.c.w
	if mine := u.leases(); len(mine) > 0 && w.whim.IntN(2) == 0 {
		t.Under = lock.Holding{Name: mine[0].name, Token: mine[0].token}
	}
	t.Reentrant = w.whim.IntN(4) == 0
	t.AllowDeadlock = w.whim.IntN(10) == 0
	if !t.Reentrant && w.whim.IntN(6) == 0 {
		t.MaxHold = lock.MinMaxHold + lock.Millis(w.whim.IntN(1000))
	}
	if w.whim.IntN(6) == 0 {
		t.LockDelay = lock.Millis(1 + w.whim.IntN(1000))
	}
}

func (u *user) inquire() {
	w := u.c.w
	q := lock.Query{Kind: oneOf(w.whim, lock.QueryLock, lock.QueryToken, lock.QueryLocks, lock.QuerySessions), Name: u.name()}
	if mine := u.leases(); len(mine) > 0 {
		q.Name, q.Token = mine[0].name, mine[0].token
	}
	u.ask(&call{name: q.Name}, func(id replica.CallID) replica.ClientEvent {
		return replica.Inquire{ID: id, Query: q}
	})
}

func (u *user) call(one *call) {
	w := u.c.w
	patience := 0
	if w.now < w.plan.faultsEnd && w.whim.Float64() < w.plan.giveUp {
		patience = 1 + w.whim.IntN(24)
	}
	if one.wait { // some wait until the end
		patience = oneOf(w.whim, 0, 1+w.whim.IntN(400), 1+w.whim.IntN(400))
	}
	byDeadline := patience%2 == 0
	u.ask(one, func(id replica.CallID) replica.ClientEvent {
		ev := replica.Call{ID: id, Name: one.name, Token: one.token, Terms: one.terms, Verb: one.verb, Mode: one.mode, Wait: one.wait}
		if byDeadline {
			ev.Deadline = patience
		}
		return ev
	})
	if patience > 0 && !byDeadline {
		u.c.later(instant(patience)*clientTick, func() { u.c.step(replica.Cancel{ID: one.id}) })
	}
}

// ask begins a call. The core may end it in the same step.
func (u *user) ask(one *call, event func(replica.CallID) replica.ClientEvent) {
	u.open = one
	u.c.begins(one, u)
	u.c.say("user %d call %d: %s %s %+v", u.id, one.id, verbName(one.verb), one.name, one.wants)
	u.c.step(event(one.id))
}

// finished takes what was granted.
func (u *user) finished(done *call, f replica.Finished) {
	u.c.say("user %d call %d ends: %+v %v", u.id, done.id, f.Result, f.Err)
	u.open = nil
	if done.verb == lock.Acquire && f.Result.Outcome == lock.Granted {
		u.take(done, f)
	}
	u.think()
}

func (u *user) take(done *call, f replica.Finished) {
	c, w := u.c, u.c.w
	l := &lease{client: c, user: u, token: f.Result.Token, name: done.name, wants: done.wants, in: c.heard, until: endless}
	if f.Until != 0 {
		l.until = f.Until
	}
	l.keep = w.now + instant(w.whim.Int64N(int64(oneOf(w.whim, w.plan.think, second, span(3*c.ttl), 20*second))))
	w.stats.Leases++
	c.leases = append(c.leases, l)
	w.check.believed(l)
}

func (u *user) gone() {
	u.open = nil
	u.think()
}
