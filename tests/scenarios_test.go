package tests

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lockstep"
)

// world is a pair of nodes that a scenario plays in: P is nodes()[0].
type world interface {
	nodes() []string
	killPrimary()
	killBackup()
	// primaryDiesBeforeReply arms the hook of the lab; the channel is closed when
	// the primary has died.
	primaryDiesBeforeReply() <-chan struct{}
}

// scenarios are the lab's twelve, in its order.
var scenarios = []struct {
	name string
	play func(*stage)
}{
	{"01 basic", basic},
	{"02 primary failure", func(s *stage) { nodeFailure(s, s.killPrimary) }},
	{"03 before reply 1", beforeReply1},
	{"04 before reply 2", func(s *stage) { beforeReplyAskAgain(s, s.clerk(1)) }},
	{"05 before reply 3", func(s *stage) { beforeReplyAskAgain(s, s.clerk(2)) }},
	{"06 before reply 4", beforeReply4},
	{"07 before reply 5", beforeReply5},
	{"08 before reply 6", beforeReply6},
	{"09 before reply 7", beforeReply7},
	{"10 backup failure", func(s *stage) { nodeFailure(s, s.killBackup) }},
	{"11 many clerks, primary failure", manyClerks},
	{"12 one lock, many clerks, primary failure", oneLock},
}

// stage is one scenario being played.
type stage struct {
	world
	t      *testing.T
	ctx    context.Context
	clerks map[int]*lockstep.Clerk
}

// A failing service should fail the test, not hang it.
const longestScenario = time.Minute

// playAll plays every scenario in a fresh world.
func playAll(t *testing.T, play func(t *testing.T, scene func(t *testing.T, w world))) {
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) {
			play(t, func(t *testing.T, w world) {
				ctx, cancel := context.WithTimeout(t.Context(), longestScenario)
				defer cancel()
				scenario.play(&stage{world: w, t: t, ctx: ctx, clerks: map[int]*lockstep.Clerk{}})
			})
		})
	}
}

// clerk returns the clerk with a number, each of a client of its own.
func (s *stage) clerk(n int, opts ...lockstep.Option) *lockstep.Clerk {
	s.t.Helper()
	if k, ok := s.clerks[n]; ok {
		return k
	}
	client, err := lockstep.Dial(s.t.Context(), s.nodes(), opts...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = client.Close() }) // the nodes may be dead: nobody takes the goodbye
	s.clerks[n] = client.Clerk()
	return s.clerks[n]
}

func (s *stage) lock(k *lockstep.Clerk, name string, want bool) {
	s.t.Helper()
	s.want(k.Lock, "Lock", name, want)
}

func (s *stage) unlock(k *lockstep.Clerk, name string, want bool) {
	s.t.Helper()
	s.want(k.Unlock, "Unlock", name, want)
}

// want also runs in goroutines of the test, so it does not end the test.
func (s *stage) want(ask func(context.Context, string) (bool, error), verb, name string, want bool) {
	s.t.Helper()
	if got, err := ask(s.ctx, name); err != nil {
		s.t.Error(err)
	} else if got != want {
		s.t.Errorf("%s(%s) = %v, want %v", verb, name, got, want)
	}
}

func basic(s *stage) {
	c := s.clerk(1)
	s.lock(c, "a", true)
	s.unlock(c, "a", true)

	s.lock(c, "a", true)
	s.lock(c, "b", true)
	s.unlock(c, "a", true)
	s.unlock(c, "b", true)

	s.lock(c, "a", true)
	s.lock(c, "a", false)
	s.unlock(c, "a", true)
	s.unlock(c, "a", false)
}

func nodeFailure(s *stage, fail func()) {
	c := s.clerk(1)
	s.lock(c, "a", true)
	s.lock(c, "b", true)
	s.unlock(c, "b", true)
	s.lock(c, "c", true)
	s.lock(c, "c", false)
	s.lock(c, "d", true)
	s.unlock(c, "d", true)
	s.lock(c, "d", true)
	fail()
	s.lock(c, "a", false)
	s.unlock(c, "a", true)
	s.unlock(c, "b", false)
	s.lock(c, "b", true)
	s.unlock(c, "c", true)
	s.unlock(c, "d", true)
}

func beforeReply1(s *stage) {
	c1, c2 := s.clerk(1), s.clerk(2)
	s.lock(c1, "a", true)
	s.lock(c1, "b", true)
	s.primaryDiesBeforeReply()
	s.lock(c2, "c", true)
	s.lock(c1, "c", false)
	s.unlock(c2, "c", true)
	s.lock(c1, "c", true)
}

func beforeReplyAskAgain(s *stage, asks *lockstep.Clerk) {
	c1 := s.clerk(1)
	s.lock(c1, "a", true)
	s.lock(c1, "b", true)
	s.primaryDiesBeforeReply()
	s.lock(asks, "b", false)
}

func beforeReply4(s *stage) {
	c1, c2 := s.clerk(1), s.clerk(2)
	s.lock(c1, "a", true)
	s.lock(c1, "b", true)
	s.unlock(c1, "b", true)
	s.primaryDiesBeforeReply()
	s.unlock(c1, "b", false)
	s.lock(c2, "b", true)
}

func beforeReply5(s *stage) {
	c1, c2 := s.clerk(1), s.clerk(2)
	s.lock(c1, "a", true)
	s.unlock(c1, "a", true)
	s.unlock(c2, "a", false)
	s.lock(c1, "b", true)
	s.primaryDiesBeforeReply()
	s.unlock(c2, "b", true)
	s.lock(c1, "b", true)
}

// patientAttempt is longer than failing over takes, so that the patient clerk
// re-sends only after the other has been served by B.
const patientAttempt = 3 * time.Second

func beforeReply6(s *stage) {
	c1, c2 := s.clerk(1), s.clerk(2, lockstep.WithAttempt(patientAttempt), lockstep.WithTTL(6*patientAttempt))
	s.lock(c1, "a", true)
	s.unlock(c1, "a", true)
	s.unlock(c2, "a", false)
	s.lock(c1, "b", true)
	dead := s.primaryDiesBeforeReply()
	again := s.background(func() { s.unlock(c2, "b", true) })
	<-dead
	s.lock(c1, "b", true)
	again.afterThis()
	s.unlock(c1, "b", true)
}

func beforeReply7(s *stage) {
	c1, c2 := s.clerk(1), s.clerk(2, lockstep.WithAttempt(patientAttempt), lockstep.WithTTL(6*patientAttempt))
	s.lock(c1, "a", true)
	s.unlock(c1, "a", true)
	dead := s.primaryDiesBeforeReply()
	again := s.background(func() { s.unlock(c2, "a", false) })
	<-dead
	s.lock(c1, "a", true)
	again.afterThis()
	s.unlock(c1, "a", true)
}

// waiting is a call in the background.
type waiting struct {
	s    *stage
	done chan struct{}
}

func (s *stage) background(call func()) waiting {
	w := waiting{s: s, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		call()
	}()
	return w
}

// afterThis asserts that the call still waits at this moment, and then waits for
// it. P is silent, so only B can have answered it, and only when asked again.
func (w waiting) afterThis() {
	w.s.t.Helper()
	select {
	case <-w.done:
		w.s.t.Fatal("the re-sent request was answered too early: the scenario proves nothing")
	default:
	}
	<-w.done
}

// Scenarios 11 and 12 count requests, half of them before the kill.
const loadPerClerk = 600

// manyClerks: two clerks with ten names each remember what each lock must be.
func manyClerks(s *stage) {
	s.underLoad(func(n int, c *lockstep.Clerk, step func() bool) {
		var held [10]bool
		choose := rand.New(rand.NewPCG(11, uint64(n)))
		for step() {
			i := choose.IntN(len(held))
			name := fmt.Sprintf("clerk-%d/lock-%d", n, i)
			if choose.IntN(2) == 0 {
				s.lock(c, name, !held[i])
				held[i] = true
			} else {
				s.unlock(c, name, held[i])
				held[i] = false
			}
		}
		for i := range held {
			s.lock(c, fmt.Sprintf("clerk-%d/lock-%d", n, i), !held[i])
		}
	})
}

// oneLock: two clerks hammer one name; every true answer counts.
func oneLock(s *stage) {
	var locks, unlocks atomic.Int64
	s.underLoad(func(n int, c *lockstep.Clerk, step func() bool) {
		choose := rand.New(rand.NewPCG(12, uint64(n)))
		for step() {
			ask, count := c.Lock, &locks
			if choose.IntN(2) == 0 {
				ask, count = c.Unlock, &unlocks
			}
			yes, err := ask(s.ctx, "a")
			if err != nil {
				s.t.Error(err)
			} else if yes {
				count.Add(1)
			}
		}
	})
	l, u := locks.Load(), unlocks.Load()
	if l < u || l > u+1 {
		s.t.Fatalf("%d locks and %d unlocks answered true: they must differ by at most one", l, u)
	}
	s.unlock(s.clerk(1), "a", l == u+1)
}

// underLoad runs two clerks, kills P when they are half-way, and waits for both.
// step says whether to go on, and counts.
func (s *stage) underLoad(work func(n int, c *lockstep.Clerk, step func() bool)) {
	var half, all sync.WaitGroup
	for n := 1; n <= 2; n++ {
		c := s.clerk(n)
		half.Add(1)
		all.Go(func() {
			count := 0
			work(n, c, func() bool {
				if count++; count == loadPerClerk/2 {
					half.Done()
				}
				return count <= loadPerClerk
			})
		})
	}
	half.Wait() // the clerks do not wait: the kill falls into their load
	s.killPrimary()
	all.Wait()
}
