package quorum

import (
	"strings"
	"testing"

	"lockstep/lock"
	"lockstep/replica"
)

// TestDigests: a node whose state is not that of the others ends (R4).
func TestDigests(t *testing.T) {
	w := startWorld(t, 3, "abc", true)
	w.awaitPrimary()
	w.open(1)
	w.alike()
	w.run(2 * digestIdle)
	for _, a := range w.names {
		if b := w.nodes[a]; !b.up || len(b.core.digests.own) == 0 {
			t.Fatalf("%s has no digest, or ended: %q", b.name, b.exited)
		}
	}
	b := w.backup()
	b.table = lock.NewTable() // as after a bit that flipped
	for b.table.Index() < w.primary().table.Index() {
		b.table.Apply(lock.Entry{View: 1, Index: b.table.Index() + 1, Command: lock.Command{Verb: lock.OpenSession, Number: 99}})
	}
	w.open(2)
	w.until("it ends", func() bool { return b.exited != "" })
	if !strings.Contains(b.exited, "differs from that of a majority") {
		t.Errorf("it ends with %q", b.exited)
	}
	w.run(50)
	if w.primary() == nil {
		t.Error("the others ended, too")
	}
}

// TestDigestsOfTwo: between two nobody knows who is right, and both say so.
func TestDigestsOfTwo(t *testing.T) {
	w := startWorld(t, 3, "ab", true)
	p := w.awaitPrimary()
	w.open(1)
	w.alike()
	b := w.backup()
	b.table = lock.NewTable()
	for b.table.Index() < p.table.Index() {
		b.table.Apply(lock.Entry{View: 1, Index: b.table.Index() + 1, Command: lock.Command{Verb: lock.OpenSession, Number: 99}})
	}
	w.open(2)
	w.until("both say so", func() bool {
		return w.heard(b.name+": the state after entry") && w.heard(p.name+": the state after entry")
	})
	if !b.up || !p.up {
		t.Error("one of two has ended")
	}
}

// TestSnapshotIsOneCut: a newcomer gets a snapshot while the others go on, and
// has the same state at once (R8). What does not fit its digest is not used.
func TestSnapshotIsOneCut(t *testing.T) {
	w := newWorld(t, 3)
	w.tweak = func(cfg *Config) { cfg.RetainBytes = 1500 }
	w.delay, w.loss = 60, 0.05
	for _, p := range peersOf("abc") {
		w.add(p.Name, true, peersOf("abc")).start()
	}
	w.awaitPrimary()
	b := w.backup()
	b.crash()
	for n := range lock.Number(60) {
		w.open(n + 1)
	}
	b.start()
	n := lock.Number(100)
	w.until("it has caught up", func() bool {
		n++
		if p := w.primary(); p != nil {
			p.step(replica.Submit{Commands: openings(int(n), 1)})
		}
		return b.installs > 0 && b.table.Index() > 80
	})
	w.open(1 << 30)
	w.alike()
}
