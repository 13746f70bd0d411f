package quorum

import (
	"testing"

	"lockstep/lock"
	"lockstep/replica"
)

// Who asks a node that has left, and whose process still ends, learns at once
// where to go.
func TestWhoComesTooLateIsTurnedAway(t *testing.T) {
	w := startWorld(t, 7, "abc", true)
	p := w.awaitPrimary()
	w.run(10)
	p.step(replica.Leave{})
	w.until("it leaves", func() bool { return p.left })
	w.until("another", func() bool { n := w.primary(); return n != nil && n != p && n.core.ready() })
	late := lock.Command{Verb: lock.OpenSession, Number: 7}
	p.step(replica.Submit{Commands: []lock.Command{late}})
	if got := p.refused[late.ID()]; got.Kind != replica.NotPrimary || got.Hint != w.primary().address {
		t.Errorf("the request was answered %+v", got)
	}
	p.step(replica.Submit{View: 2, Commands: []lock.Command{{Verb: lock.Expire, Session: 1, Number: 1}}}) // of its clock
	p.step(replica.Barrier{ID: 9})
	if p.barred != 9 {
		t.Error("the barrier waits for ever")
	}
	if len(p.refused) != 1 {
		t.Errorf("refused: %v", p.refused)
	}
}
