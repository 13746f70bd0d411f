package lockstep_test

import (
	"strings"
	"testing"
	"time"

	"lockstep"
	"lockstep/locktest"
)

// historyOf asks for the history of a lock.
func historyOf(t *testing.T, client *lockstep.Client, name string) lockstep.History {
	t.Helper()
	h, err := client.History(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestAHistoryTellsWhoHadALockAndWhen(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		alice := pair.Client(lockstep.WithInfo(map[string]string{"user": "alice"}))
		bob := pair.Client(lockstep.WithInfo(map[string]string{"user": "bob"}))
		first := acquired(t, alice, "db", lockstep.Info(map[string]string{"ticket": "7"}))
		began := time.Now()
		time.Sleep(time.Minute) // in a bubble
		release(t, first)
		second := acquired(t, bob, "db")
		if was, err := alice.Revoke(t.Context(), "db", "it hangs"); !was || err != nil {
			t.Fatal(was, err)
		}
		third := acquired(t, bob, "db", lockstep.Shared())
		time.Sleep(time.Minute)

		h := historyOf(t, bob, "db")
		if !h.Complete || len(h.Tenures) != 3 {
			t.Fatalf("%+v", h)
		}
		one, two, three := h.Tenures[0], h.Tenures[1], h.Tenures[2]
		if one.Token != first.Token() || one.How != lockstep.EndReleased || one.Owner["user"] != "alice" || one.Info["ticket"] != "7" ||
			one.Ended.Sub(one.Granted).Round(time.Second) != time.Minute || one.By != "" {
			t.Errorf("the first: %+v", one)
		}
		if two.Token != second.Token() || two.How != lockstep.EndRevoked || two.Reason != "it hangs" || two.By != first.Session() || two.ByOwner["user"] != "alice" {
			t.Errorf("the second: %+v", two)
		}
		if three.Token != third.Token() || !three.Lasts() || three.Mode != lockstep.ModeShared || !three.Ended.IsZero() {
			t.Errorf("the third: %+v", three)
		}
		for when, want := range map[time.Time]lockstep.Token{
			began.Add(-time.Minute):      0,
			began.Add(30 * time.Second):  one.Token,
			time.Now().Add(-time.Second): three.Token,
		} {
			var got lockstep.Token
			had, sure := h.At(when)
			if len(had) > 0 {
				got = had[0].Token
			}
			if got != want || !sure || len(had) > 1 {
				t.Errorf("at %v: %+v, %v", when, had, sure)
			}
		}
	})
}

func TestAHistoryIsThereAfterAFailoverAndOnTheNodeThatComesBack(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client := pair.Client()
		for range 3 {
			release(t, acquired(t, client, "db"))
		}
		if was, err := client.Clerk().Lock(t.Context(), "lab"); !was || err != nil {
			t.Fatal(was, err)
		}
		before, lab := historyOf(t, client, "db"), historyOf(t, client, "lab")
		check := func(what string) {
			t.Helper()
			for _, want := range []lockstep.History{before, lab} {
				got := historyOf(t, client, want.Name)
				if len(got.Tenures) != len(want.Tenures) || !got.Complete {
					t.Fatalf("%s: %+v", what, got)
				}
				for i := range want.Tenures {
					if g, w := got.Tenures[i], want.Tenures[i]; g.Token != w.Token || g.How != w.How || !g.Granted.Equal(w.Granted) || !g.Ended.Equal(w.Ended) {
						t.Errorf("%s: %+v, and it was %+v", what, g, w)
					}
				}
			}
		}
		pair.KillPrimary()
		check("after the primary was killed")
		pair.RestartPrimary()
		pair.AwaitPaired()
		pair.KillBackup()
		check("by the node that had come back empty")
	})
}

// Thousands may share a lock: their history comes page by page.
func TestALongHistoryIsWhole(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		const holders = 600
		client := pair.Client()
		for range holders {
			acquired(t, client, "db", lockstep.Shared(), lockstep.Info(map[string]string{"why": strings.Repeat("x", 1000)}))
		}
		h := historyOf(t, client, "db")
		if len(h.Tenures) != holders {
			t.Fatalf("%d tenures", len(h.Tenures))
		}
		for i := 1; i < holders; i++ {
			if h.Tenures[i].Token <= h.Tenures[i-1].Token {
				t.Fatalf("tenure %d is out of order", i)
			}
		}
	})
}

func TestWhatBeganBeforeTheRecordIsNotSure(t *testing.T) {
	noon := time.Date(2031, 5, 6, 12, 0, 0, 0, time.UTC)
	alone := lockstep.Tenure{Token: 1, Mode: lockstep.ModeExclusive, Granted: noon.Add(-time.Hour), Ended: noon.Add(time.Hour), How: lockstep.EndReleased}
	beside := alone
	beside.Mode = lockstep.ModeShared
	for name, tc := range map[string]struct {
		h    lockstep.History
		had  int
		sure bool
	}{
		"complete and empty":     {lockstep.History{Complete: true}, 0, true},
		"begins later":           {lockstep.History{Begins: noon.Add(1)}, 0, false},
		"begins then":            {lockstep.History{Begins: noon}, 0, true},
		"begins nobody knows":    {lockstep.History{}, 0, false},
		"alone before it begins": {lockstep.History{Begins: noon.Add(1), Tenures: []lockstep.Tenure{alone}}, 1, true},
		"shared before":          {lockstep.History{Begins: noon.Add(1), Tenures: []lockstep.Tenure{beside}}, 1, false},
	} {
		if had, sure := tc.h.At(noon); len(had) != tc.had || sure != tc.sure {
			t.Errorf("%s: %+v, %v", name, had, sure)
		}
	}
	h := lockstep.History{Complete: true, Tenures: []lockstep.Tenure{alone}}
	if had, _ := h.At(alone.Ended); len(had) != 0 {
		t.Error("who has ended has it still")
	}
	if had, _ := h.At(alone.Granted); len(had) != 1 {
		t.Error("who was granted it has it not")
	}
}
