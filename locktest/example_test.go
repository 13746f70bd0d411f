package locktest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"lockstep"
	"lockstep/locktest"
)

// A test of a program that must survive the death of either node.
func Example() {
	_ = func(t *testing.T) {
		pair := locktest.StartPair(t)
		lease, err := pair.Client().Acquire(t.Context(), "deploy")
		if err != nil {
			t.Fatal(err)
		}
		pair.KillPrimary()
		if _, err := pair.Client().TryAcquire(t.Context(), "deploy"); !errors.Is(err, lockstep.ErrHeld) {
			t.Fatal("the backup knows that the lock is held:", err)
		}
		pair.RestartPrimary()
		pair.AwaitPaired()
		pair.PauseBoth(time.Minute) // longer than the TTL
		if cause := context.Cause(lease.Context()); cause != lockstep.ErrLost {
			t.Fatal("the lease is lost:", cause)
		}
	}
}

// A test of a program that must survive a partition: the primary of three nodes
// is cut off, and the others go on with what it knew.
func ExampleStartCluster() {
	_ = func(t *testing.T) {
		cluster := locktest.StartCluster(t, 3, locktest.Durable())
		lease, err := cluster.Client().Acquire(t.Context(), "deploy")
		if err != nil {
			t.Fatal(err)
		}
		cluster.Isolate(cluster.Primary())
		if _, err := cluster.Client().TryAcquire(t.Context(), "deploy"); !errors.Is(err, lockstep.ErrHeld) {
			t.Fatal("the others know that the lock is held:", err)
		}
		cluster.Heal()
		cluster.AwaitReady()
		if err := lease.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
