package lockstep_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"lockstep"
	"lockstep/locktest"
)

// The death of a node costs no session, no lock and no place in a queue.
func TestFailingOverKeepsEverything(t *testing.T) {
	for name, kill := range map[string]func(*locktest.Pair){
		"primary": (*locktest.Pair).KillPrimary,
		"backup":  (*locktest.Pair).KillBackup,
	} {
		t.Run(name, func(t *testing.T) {
			onPair(t, func(t *testing.T, pair *locktest.Pair) {
				holder := pair.Client(lockstep.WithTTL(2 * time.Second))
				lease := acquired(t, holder, "db")
				first := waitFor(t.Context(), t, pair.Client(), "db")
				second := waitFor(t.Context(), t, pair.Client(), "db")
				kill(pair)
				time.Sleep(10 * time.Second)
				if err := lease.Err(); err != nil {
					t.Fatalf("the lease: %v", err)
				}
				release(t, lease)
				next := first.got(t)
				if second.isOver() {
					t.Fatal("the second waiter came in with the first")
				}
				release(t, next)
				second.got(t)
			})
		})
	}
}

// A node that comes back learns what is held and who waits.
func TestARestartedNodeKnowsTheLeases(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		lease := acquired(t, pair.Client(), "db")
		waiting := waitFor(t.Context(), t, pair.Client(), "db")
		pair.RestartBackup()
		pair.AwaitPaired()
		pair.KillPrimary()
		wantHeld(t, pair.Client(), "db")
		release(t, lease)
		waiting.got(t)
	})
}

// Five hundred wait for one lock, and the primary dies while it is handed on: each
// gets it once, in the order of queueing.
func TestALongQueueOutlivesThePrimary(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		const waiters = 500
		lease := acquired(t, pair.Client(), "db")
		var clients []*lockstep.Client
		for range 10 {
			clients = append(clients, pair.Client())
		}
		var mu sync.Mutex
		var order []string
		var all sync.WaitGroup
		for i := range waiters {
			w := waitFor(t.Context(), t, clients[i%len(clients)], "db")
			all.Go(func() {
				if <-w.ended; w.err != nil {
					t.Errorf("waiter %d: %v", i, w.err)
					return
				}
				mu.Lock()
				order = append(order, fmt.Sprint(i))
				if len(order) == waiters/2 {
					pair.KillPrimary()
				}
				mu.Unlock()
				if err := w.lease.Release(t.Context()); err != nil {
					t.Errorf("waiter %d releases: %v", i, err)
				}
			})
		}
		release(t, lease)
		all.Wait()
		if len(order) != waiters {
			t.Fatalf("%d grants for %d waiters", len(order), waiters)
		}
		for i, who := range order {
			if who != fmt.Sprint(i) {
				t.Fatalf("grant %d went to waiter %s", i, who)
			}
		}
	})
}
