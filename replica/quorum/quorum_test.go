package quorum

import (
	"slices"
	"strings"
	"testing"

	"lockstep/lock"
	"lockstep/replica"
)

func eachMode(t *testing.T, f func(t *testing.T, durable bool)) {
	t.Run("memory", func(t *testing.T) { f(t, false) })
	t.Run("disk", func(t *testing.T) { f(t, true) })
}

// TestFoundAndServe: three nodes that have nothing found a cluster, and all
// apply what is ordered.
func TestFoundAndServe(t *testing.T) {
	eachMode(t, func(t *testing.T, durable bool) {
		w := startWorld(t, 1, "abc", durable)
		w.awaitPrimary()
		if w.now > 20*tickTime {
			t.Errorf("it took %d ticks to found", w.now/tickTime)
		}
		for i := range lock.Number(20) {
			if r := w.open(i + 1); r.Outcome != lock.Opened {
				t.Fatalf("opening %d: %+v", i, r)
			}
		}
		w.alike()
		if n := w.node("c").table.Index(); n < 20 {
			t.Errorf("c has applied %d entries", n)
		}
	})
}

// TestOneNode: a list of one founds alone.
func TestOneNode(t *testing.T) {
	eachMode(t, func(t *testing.T, durable bool) {
		w := startWorld(t, 1, "a", durable)
		w.awaitPrimary()
		w.open(1)
		p := w.primary()
		p.step(replica.Barrier{ID: 1})
		w.until("a barrier", func() bool { return p.confirmed == 1 })
	})
}

// TestPrimaryDies: another takes over, and the dead one comes back.
func TestPrimaryDies(t *testing.T) {
	eachMode(t, func(t *testing.T, durable bool) {
		w := startWorld(t, 3, "abc", durable)
		first := w.awaitPrimary()
		w.open(1)
		token := w.open(1).Session
		first.crash()
		w.until("another primary", func() bool { p := w.primary(); return p != nil && p != first })
		if again := w.open(1).Session; again != token {
			t.Errorf("the session was %d and is %d", token, again)
		}
		if next := w.open(2).Session; next <= token {
			t.Errorf("session %d after %d", next, token)
		}
		first.start()
		w.open(3)
		w.until("it votes again", func() bool { s := first.core.Status(); return s.Role == replica.Backup })
		w.alike()
	})
}

// TestAHandOverIsNoWarning: that for a moment there is no primary is worth a
// warning when one is lost, and not when it hands over.
func TestAHandOverIsNoWarning(t *testing.T) {
	for _, crash := range []bool{false, true} {
		w := startWorld(t, 3, "abc", true)
		p := w.awaitPrimary()
		w.run(5)
		w.warned = nil
		if crash {
			p.crash()
		} else {
			p.step(replica.Leave{})
		}
		w.until("another primary", func() bool { return w.primary() != nil && w.primary() != p && w.primary().core.ready() })
		lost := slices.ContainsFunc(w.warned, func(s string) bool { return strings.Contains(s, "knows of no primary") })
		if lost != crash {
			t.Errorf("with a crash %v: warned of %q", crash, w.warned)
		}
	}
}
