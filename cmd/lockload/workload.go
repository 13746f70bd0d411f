package main

import (
	"context"
	"fmt"
	"time"
)

// workload is which locks the callers ask for.
type workload int

const (
	ownNames workload = iota // each caller its own
	oneName                  // all callers the same
	mixed                    // three rounds with the own name, one with the common one
)

var workloadWords = []string{"own", "one", "mix"}

func (w workload) String() string { return workloadWords[w] }

// clerk asks for one thing at a time.
type clerk interface {
	Lock(ctx context.Context, name string) (bool, error)
	Unlock(ctx context.Context, name string) (bool, error)
}

// member is what one caller reaches the nodes by.
type member struct {
	clerk  clerk  // for locks without an owner
	tenant tenant // for leases
}

// target is a lock under load, as one caller sees it.
type target struct {
	name  string
	clerk clerk
	check checker
	// leased locks are released by nobody who was not granted them; those without
	// an owner, by anybody.
	leased bool
}

// names makes the locks of a run. Every run has its own, so that what another
// run left behind cannot be mistaken for a wrong answer.
type names struct {
	run     string
	plan    plan
	common  *sharedCheck
	holders *holders // of the common lock, if it is leased
}

func newNames(p plan, callers int) *names {
	run := runName()
	name := fmt.Sprintf("load-%s-all", run)
	return &names{run: run, plan: p, common: &sharedCheck{name: name}, holders: newHolders(name, callers)}
}

// turns returns what one caller locks in each of its rounds, in turn.
func (n *names) turns(caller int, m member) []target {
	switch n.plan.workload {
	case ownNames:
		return []target{n.own(caller, m)}
	case oneName:
		return n.ofOne(caller, m)
	default:
		// Callers begin at different places, so that the common lock is asked for
		// by a quarter of them at a time and not by all at once.
		own := n.own(caller, m)
		turns := []target{own, own, own, own}
		turns[caller%len(turns)] = n.shared(caller, m, false)
		return turns
	}
}

func (n *names) own(caller int, m member) target {
	name := fmt.Sprintf("load-%s-%d", n.run, caller)
	if n.plan.leases {
		return leased(&seat{tenant: m.tenant, want: want{name: name, wait: n.plan.wait}, holders: newHolders(name, 1)})
	}
	return target{name: name, clerk: m.clerk, check: newOwnCheck(name)}
}

// shared is the common lock; reading makes sense only of a lease.
func (n *names) shared(caller int, m member, reading bool) target {
	if n.plan.leases {
		w := want{name: n.common.name, shared: reading, wait: n.plan.wait}
		return leased(&seat{caller: caller, tenant: m.tenant, want: w, holders: n.holders})
	}
	return target{name: n.common.name, clerk: m.clerk, check: n.common}
}

func leased(s *seat) target { return target{name: s.want.name, clerk: s, check: s, leased: true} }

// ofOne mixes reading and writing evenly. Callers begin at different places.
func (n *names) ofOne(caller int, m member) []target {
	writing := n.shared(caller, m, false)
	if n.plan.readers == 0 {
		return []target{writing}
	}
	reading := n.shared(caller, m, true)
	turns := make([]target, percent)
	for i := range turns {
		turns[i] = writing
		if at := i + caller*37; at*n.plan.readers%percent < n.plan.readers {
			turns[i] = reading
		}
	}
	return turns
}

const percent = 100

// afterError is how long a caller waits after an error before it goes on: an
// error that comes at once must not turn into a storm.
const afterError = 10 * time.Millisecond

// caller is one client under load. Its goroutine takes a lock and frees it, over
// and over, whatever the answers are.
type caller struct {
	load  *load
	index int
	turns []target

	outstanding outstanding
	waits       bool          // the last request got no answer
	since       time.Duration // when the first of the requests began that got none since the last answer
}

// run goes on until the load is over. A round that has begun is finished, so
// that no lock stays behind.
func (c *caller) run() {
	for round := 0; c.load.another(); round++ {
		c.await(round)
		c.round(c.turns[round%len(c.turns)])
	}
}

// await keeps the pace, if there is one: callers begin one after the other, and who is
// late goes on at once.
func (c *caller) await(round int) {
	pace := c.load.plan.pace
	if pace == 0 {
		return
	}
	due := pace*time.Duration(round) + pace*time.Duration(c.index)/time.Duration(len(c.load.callers))
	time.Sleep(due - c.load.now())
}

func (c *caller) round(t target) {
	for v := range verbs {
		yes, answered := c.ask(v, t)
		if !answered {
			time.Sleep(afterError)
		}
		if t.leased && !yes {
			c.load.left.Add(int64(verbs - 1 - v)) // that many were not asked
			return
		}
	}
}

// ask asks once, checks the answer, and reports it if there was one.
func (c *caller) ask(v verb, t target) (yes, answered bool) {
	began := c.load.now()
	if !c.waits {
		c.since = began
	}
	yes, err := c.call(v, t, began)
	ended := c.load.now()
	if c.waits = err != nil; c.waits {
		t.check.unknown(v)
		c.load.recorder.failed(c.index, v, ended, err)
		return false, false
	}
	if wrong := t.check.answered(v, yes); wrong != "" {
		c.load.wrong(c.index, ended, wrong)
	}
	c.load.recorder.answered(c.index, v, answer{yes: yes, took: ended - began, waited: ended - c.since, at: ended})
	return yes, true
}

func (c *caller) call(v verb, t target, began time.Duration) (bool, error) {
	ctx := c.outstanding.begin(began)
	defer c.outstanding.end()
	if v == lockVerb {
		return t.clerk.Lock(ctx, t.name)
	}
	return t.clerk.Unlock(ctx, t.name)
}
