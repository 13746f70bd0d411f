package tests

import (
	"context"
	"testing"
	"time"

	"lockstep"
)

// The primary is killed between two tenures, and its successor, when the first has
// come back, too: who had the lock is remembered by a node that saw none of it.
func TestWhoHadALockIsKnownAfterEveryNodeHasDied(t *testing.T) {
	t.Parallel()
	w := startProcesses(t)
	client := w.dial(lockstep.WithTTL(30*time.Second), lockstep.WithInfo(map[string]string{"job": "backup"}))
	var held []lockstep.Token
	turn := func() {
		t.Helper()
		lease := acquire(t, client, "db")
		held = append(held, lease.Token())
		if err := lease.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		h, err := client.History(ctx, "db")
		if err != nil || !h.Complete || len(h.Tenures) != len(held) {
			t.Fatalf("%s: %+v, %v", when, h, err)
		}
		for i, one := range h.Tenures {
			if one.Token != held[i] || one.How != lockstep.EndReleased || one.Owner["job"] != "backup" || one.Granted.IsZero() || one.Ended.Before(one.Granted) {
				t.Errorf("%s, tenure %d: %+v", when, i, one)
			}
		}
	}
	turn()
	turn()
	w.killPrimary()
	turn()
	check("after the primary was killed")
	w.start(0)
	w.awaitPaired()
	w.killBackup() // who serves by now
	turn()
	check("by the node that has come back")
}
