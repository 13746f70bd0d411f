package api

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestNobodyIsKeptFromATurn: however many of one origin wait, who comes from another
// waits for one of them; and among themselves it is first come, first served.
func TestNobodyIsKeptFromATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, served := newTurns(1), make(chan string, 10)
		if err := turns.take(t.Context(), "busy"); err != nil {
			t.Fatal(err)
		}
		come := func(ctx context.Context, origin, name string) {
			go func() {
				if err := turns.take(ctx, origin); err != nil {
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
	turns := newTurns(1)
	_ = turns.take(t.Context(), "busy")
	mine := turns.enter("late") // and its context ends in the very moment
	turns.give()
	turns.leave("late", mine)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := turns.take(ctx, "next"); err != nil {
		t.Error(err)
	}
}
