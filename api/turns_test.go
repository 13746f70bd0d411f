package api

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func oneTurn() *Turns {
	turns := NewTurns(Rest{})
	turns.free = 1
	return turns
}

// TestARestFollowsATurn: as long as the turn took, so many times, but not for ever.
func TestARestFollowsATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := oneTurn()
		turns.rest = Rest{Times: 3, Longest: 10 * time.Millisecond}
		for _, test := range []struct{ took, rest time.Duration }{
			{time.Millisecond, 3 * time.Millisecond}, {0, 0}, {time.Second, 10 * time.Millisecond},
		} {
			turn, err := turns.Take(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(test.took)
			turn.End()
			began := time.Now()
			turn, _ = turns.Take(t.Context(), "b")
			if rest := time.Since(began); rest != test.rest {
				t.Errorf("after a turn of %v it took %v, not %v", test.took, rest, test.rest)
			}
			turn.End() // it took no time
		}
	})
}

// TestNobodyIsKeptFromATurn: however many of one origin wait, who comes from another
// waits for one of them; and among themselves it is first come, first served.
func TestNobodyIsKeptFromATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, served := oneTurn(), make(chan string, 10)
		if _, err := turns.Take(t.Context(), "busy"); err != nil {
			t.Fatal(err)
		}
		come := func(ctx context.Context, origin, name string) {
			go func() {
				if _, err := turns.Take(ctx, origin); err != nil {
					served <- name + " left"
					return
				}
				served <- name
			}()
			synctest.Wait()
		}
		impatient, leave := context.WithCancel(t.Context())
		come(t.Context(), "crowd", "c1")
		come(impatient, "crowd", "c2")
		come(t.Context(), "crowd", "c3")
		come(t.Context(), "crowd", "c4")
		come(impatient, "gone", "g")
		come(t.Context(), "other", "o")
		leave()
		synctest.Wait()
		for range 2 {
			if name := <-served; name != "c2 left" && name != "g left" {
				t.Errorf("%s is served before a turn is over", name)
			}
		}
		for _, want := range []string{"c1", "o", "c3", "c4"} {
			turns.give()
			if synctest.Wait(); len(served) != 1 {
				t.Fatalf("%d are served instead of %s", len(served), want)
			}
			if name := <-served; name != want {
				t.Errorf("%s is served, and it was the turn of %s", name, want)
			}
		}
		turns.give()
		if turns.free != 1 || len(turns.lines) != 0 || len(turns.next) != 0 {
			t.Errorf("left: %+v", turns)
		}
	})
}

// TestATurnThatCameTooLate: it is another's, and is not lost.
func TestATurnThatCameTooLate(t *testing.T) {
	turns := oneTurn()
	_, _ = turns.Take(t.Context(), "busy")
	mine := turns.enter("late") // and its context ends in the very moment
	turns.give()
	turns.leave("late", mine)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := turns.Take(ctx, "next"); err != nil {
		t.Error(err)
	}
}
