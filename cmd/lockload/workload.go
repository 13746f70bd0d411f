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

// target is a lock under load.
type target struct {
	name  string
	check checker
}

// names makes the locks of a run. Every run has its own, so that what another
// run left behind cannot be mistaken for a wrong answer.
type names struct {
	run    string
	common *sharedCheck
}

func newNames(run string) *names {
	return &names{run: run, common: &sharedCheck{name: fmt.Sprintf("load-%s-all", run)}}
}

// rounds returns what one caller locks in each of its rounds, in turn.
func (n *names) rounds(w workload, caller int) []target {
	name := fmt.Sprintf("load-%s-%d", n.run, caller)
	own := target{name, newOwnCheck(name)}
	common := target{n.common.name, n.common}
	switch w {
	case ownNames:
		return []target{own}
	case oneName:
		return []target{common}
	default:
		// Callers begin at different places, so that the common lock is asked for
		// by a quarter of them at a time and not by all at once.
		turns := []target{own, own, own, own}
		turns[caller%len(turns)] = common
		return turns
	}
}

// afterError is how long a caller waits after an error before it goes on: an
// error that comes at once must not turn into a storm.
const afterError = 10 * time.Millisecond

// caller is one client under load. Its goroutine takes a lock and frees it, over
// and over, whatever the answers are.
type caller struct {
	load  *load
	index int
	clerk clerk
	turns []target

	outstanding outstanding
	waits       bool          // the last request got no answer
	since       time.Duration // when the first of the requests began that got none since the last answer
}

// run goes on until the load is over. A round that has begun is finished, so
// that no lock stays behind.
func (c *caller) run() {
	for round := 0; c.load.another(); round++ {
		t := c.turns[round%len(c.turns)]
		for v := range verbs {
			if !c.ask(v, t) {
				time.Sleep(afterError)
			}
		}
	}
}

// ask asks once, checks the answer and reports whether there was one.
func (c *caller) ask(v verb, t target) bool {
	began := c.load.now()
	if !c.waits {
		c.since = began
	}
	yes, err := c.call(v, t.name, began)
	ended := c.load.now()
	if c.waits = err != nil; c.waits {
		t.check.unknown(v)
		c.load.recorder.failed(c.index, v, ended, err)
		return false
	}
	if wrong := t.check.answered(v, yes); wrong != "" {
		c.load.wrong(c.index, ended, wrong)
	}
	c.load.recorder.answered(c.index, v, answer{yes: yes, took: ended - began, waited: ended - c.since, at: ended})
	return true
}

func (c *caller) call(v verb, name string, began time.Duration) (bool, error) {
	ctx := c.outstanding.begin(began)
	defer c.outstanding.end()
	if v == lockVerb {
		return c.clerk.Lock(ctx, name)
	}
	return c.clerk.Unlock(ctx, name)
}
