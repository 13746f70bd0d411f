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
