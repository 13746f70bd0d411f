package words

import (
	"testing"

	"lockstep/lock"
)

// TestARevokeIsInTheBooks: in both that are kept, in the same words.
func TestARevokeIsInTheBooks(t *testing.T) {
	for outcome, want := range map[lock.Outcome]string{
		lock.Released: "released", lock.NotHeld: "was free", lock.Stale: "refused", lock.LimitReached: "refused", lock.SessionExpired: "refused",
	} {
		if got := Revoked(outcome); got != want {
			t.Errorf("%v: %s, want %s", outcome, got, want)
		}
	}
}
