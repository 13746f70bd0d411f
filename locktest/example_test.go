package locktest_test

import (
	"testing"

	"lockstep/locktest"
)

// A test of a program that must survive the death of either node.
func Example() {
	_ = func(t *testing.T) {
		pair := locktest.StartPair(t)
		clerk := pair.Clerk()
		if taken, err := clerk.Lock(t.Context(), "deploy"); err != nil || !taken {
			t.Fatal(taken, err)
		}
		pair.KillPrimary()
		if taken, err := clerk.Lock(t.Context(), "deploy"); err != nil || taken {
			t.Fatal("the backup knows that the lock is held:", taken, err)
		}
	}
}
