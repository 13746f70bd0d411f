package tests

import (
	"slices"
	"testing"
	"time"

	"lockstep"
)

// A pair becomes a cluster of three while its clients run: nobody's request fails,
// no lease is lost, whoever waits keeps the place in the line, and tokens rise. Then
// any node may die, and comes back with the flags that it was first started with.
func TestAPairGrowsUnderItsClients(t *testing.T) {
	t.Parallel()
	for _, durability := range []string{"memory", "fsync"} {
		t.Run(durability, func(t *testing.T) {
			w := startProcesses(t, "-durability", durability)
			l := startLoad(t, w, "-clients", "32", "-locks", "leases", "-names", "mix")
			holder := w.dial(lockstep.WithTTL(2 * time.Second))
			held, first := acquire(t, holder, "held"), acquire(t, holder, "line")
			const many = 40
			q := &waiters{t: t, half: make(chan struct{}), of: many}
			for i := range many {
				q.wait(w.dial(lockstep.WithTTL(2*time.Second)), i)
				awaitLock(t, holder, "line", func(l lockstep.LockInfo) bool { return l.Waiters == i+1 })
			}

			address := freeAddress(t)
			startLockd(t, "node", "-name", "c", "-peers", "a="+w.addresses[0]+",b="+w.addresses[1]+",c="+address, "-data", t.TempDir(), "-durability", durability)
			add(t, holder, address)
			w.goOn()
			if err := first.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			q.all.Wait()
			if len(q.got) != many || !slices.IsSorted(q.got) {
				t.Errorf("%d of %d had the lock, in this order: %v", len(q.got), many, q.got)
			}

			serving := w.serving()
			w.lockds[serving].kill()
			w.goOn()
			w.start(serving)
			awaitVoters(t, holder, 3)
			w.goOn()
			w.lockds[1-serving].kill()
			w.goOn()
			l.end("a pair that grows, " + durability)
			if err := held.Err(); err != nil {
				t.Errorf("the lease that was held from the beginning: %v", err)
			}
			if last := acquire(t, holder, "line"); last.Token() <= q.last {
				t.Errorf("token %v after %v", last.Token(), q.last)
			}
		})
	}
}

// add takes the third node in, as soon as the primary has heard of it.
func add(t *testing.T, c *lockstep.Client, address string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		err := c.AddNode(t.Context(), "c", address, false, nil)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // between two polls
	}
}

// awaitVoters polls until so many nodes vote, each of which runs.
func awaitVoters(t *testing.T, c *lockstep.Client, many int) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; {
		voters := 0
		for _, s := range c.Status(t.Context()) {
			if len(s.Members) == many && (s.Role == "primary" || s.Role == "backup") {
				voters++
			}
		}
		if voters == many {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d vote: %+v", voters, many, c.Status(t.Context()))
		}
		time.Sleep(20 * time.Millisecond) // between two polls
	}
}
