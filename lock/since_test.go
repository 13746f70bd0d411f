package lock

import (
	"fmt"
	"slices"
	"testing"
)

// What is over tells when it had begun, by the clocks of those who took the
// commands in.
func TestEventsTellWhenWhatIsOverBegan(t *testing.T) {
	s := begin(t)
	id := s.opened(3)
	then := func(at Millis, c Command, want ...Millis) {
		t.Helper()
		c.At = at
		s.apply(c)
		var got []Millis
		for _, e := range s.Events() {
			got = append(got, e.Since)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("at %d: since %v, want %v: %+v", at, got, want, s.Events())
		}
	}
	then(100, wanting(id[0], 0, 1, "a"), 0) // taken at once: nothing is over
	then(110, wanting(id[1], 0, 1, "a"), 0) // a wait begins
	then(120, and(wanting(id[2], 0, 1, "a"), Want{Name: "b"}), 0, 0)
	then(150, releasing(id[0], 0, 2, "a", at(1, 4)), 100, 110) // a hold, and a wait that was granted
	then(170, ending(id[2]), 120, 120, 0)                      // a wait for two, in vain; and the session
	then(190, expiring(id[1]), 150, 0)                         // a hold begins with its grant
	then(200, locking(id[0], 0, 3, "c"), 0)
	then(210, unlocking(id[0], 0, 4, "c"), 0) // nobody knows of an ownerless lock
}

// Who waits is told lock by lock, and no longer than it waits.
func TestWaitsAreTold(t *testing.T) {
	s := begin(t)
	id := s.opened(3)
	told := func(want ...string) {
		t.Helper()
		var got []string
		for name, since := range s.Waits() {
			got = append(got, fmt.Sprint(name, " ", since))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("told %q, want %q", got, want)
		}
	}
	queue := func(at Millis, c Command) {
		c.At = at
		s.apply(c)
	}
	queue(5, wanting(id[0], 0, 1, "a"))
	told()
	queue(7, and(wanting(id[2], 0, 1, "a"), Want{Name: "b"}))
	queue(9, wanting(id[1], 0, 1, "a"))
	told("a 9", "a 7", "b 7")
	if n := s.Waiting(); n != 2 {
		t.Fatalf("%d acquires wait, not 2", n)
	}
	queue(11, releasing(id[0], 0, 2, "a", at(1, 4)))
	told("a 9")
	for range s.Waits() {
		break // who has heard enough stops
	}
}
