package actors

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/lock"
	"lockstep/muster"
	"lockstep/observe/metrics"
	"lockstep/replica"
)

// What a node sees, and how long it takes nobody to have served when its reign
// begins; -1: that was no failover.
func TestReignsMeasureHowLongNobodyServed(t *testing.T) {
	status := func(role replica.Role, peer replica.NodeID) replica.Status {
		return replica.Status{Role: role, Peer: peer}
	}
	const silence = 400 * time.Millisecond
	for name, c := range map[string]struct {
		story func(r *reigns)
		ms    int
	}{
		"a founder": {func(r *reigns) {
			r.look(status(replica.Joining, "peer"))
			r.heard("peer")
			time.Sleep(silence)
			r.began(status(replica.Primary, "peer"))
		}, -1},
		"a backup whose primary died": {func(r *reigns) {
			r.look(status(replica.Backup, "peer"))
			time.Sleep(time.Second)
			r.heard("peer")
			time.Sleep(silence)
			r.heard("a client")
			r.look(status(replica.Backup, "peer"))
			r.began(status(replica.Solo, "peer"))
		}, 400},
		"a tick while the view is being written": {func(r *reigns) {
			r.look(status(replica.Backup, "peer"))
			r.heard("peer")
			time.Sleep(silence / 2)
			r.look(status(replica.Solo, "peer"))
			time.Sleep(silence / 2)
			r.began(status(replica.Solo, "peer"))
		}, 400},
		"a primary whose backup died": {func(r *reigns) {
			r.began(status(replica.Primary, "peer"))
			r.heard("peer")
			time.Sleep(silence)
			r.look(status(replica.Primary, "peer"))
			r.began(status(replica.Solo, "peer"))
		}, 400},
		"a primary whose backup was never heard": {func(r *reigns) {
			r.began(status(replica.Primary, "peer"))
			time.Sleep(silence)
			r.look(status(replica.Primary, "peer"))
			r.began(status(replica.Solo, "peer"))
		}, 400},
		"a backup that came back": {func(r *reigns) {
			r.look(status(replica.Backup, "peer"))
			r.heard("peer")
			time.Sleep(silence)
			r.began(status(replica.Solo, "peer"))
			r.heard("peer")
			time.Sleep(silence)
			r.began(status(replica.Primary, "peer")) // this was none
		}, 400},
		"another view of the same primary": {func(r *reigns) {
			r.began(status(replica.Primary, "peer"))
			r.heard("peer")
			time.Sleep(silence)
			r.began(status(replica.Primary, "peer"))
		}, -1},
		"a quorum whose primary died": {func(r *reigns) {
			r.look(status(replica.Backup, "b"))
			r.heard("b")
			time.Sleep(silence / 2)
			r.heard("c")
			r.look(status(replica.Electing, ""))
			r.heard("b") // who serves no more
			time.Sleep(silence / 2)
			r.began(status(replica.Primary, ""))
		}, 400},
		"a quorum that lost its majority, and has it again": {func(r *reigns) {
			r.began(status(replica.Primary, ""))
			time.Sleep(time.Second)
			r.ended()
			r.look(status(replica.Electing, ""))
			time.Sleep(silence)
			r.began(status(replica.Primary, ""))
		}, 400},
		"the first election": {func(r *reigns) {
			r.look(status(replica.Joining, ""))
			r.look(status(replica.Electing, ""))
			time.Sleep(silence)
			r.began(status(replica.Primary, ""))
		}, -1},
		"a node that had to begin anew": {func(r *reigns) {
			r.look(status(replica.Backup, "b"))
			r.heard("b")
			r.look(status(replica.Joining, ""))
			r.look(status(replica.Electing, ""))
			time.Sleep(silence)
			r.began(status(replica.Primary, ""))
		}, -1},
	} {
		synctest.Test(t, func(t *testing.T) {
			var r reigns
			c.story(&r)
			count, sum := r.Failovers.Count(), r.Failovers.Sum()
			if c.ms < 0 && count == 0 || c.ms >= 0 && count == 1 && sum == uint64(c.ms) {
				return
			}
			t.Errorf("%s: %d failovers of %d ms, want %d", name, count, sum, c.ms)
		})
	}
}

// What a node remembers of the reigns that it sees, its own and those of others.
func TestReignsAreRemembered(t *testing.T) {
	members := []replica.MemberStatus{{Member: replica.Member{Name: "n-b", Address: "b"}}}
	status := func(role replica.Role, view lock.View, peer replica.NodeID) replica.Status {
		return replica.Status{Node: "a", Name: "n-a", Role: role, View: view, Peer: peer, Members: members}
	}
	const tick = 50 * time.Millisecond
	for name, c := range map[string]struct {
		story func(r *reigns)
		want  string // view, name, why, idle in ms
	}{
		"a founder": {func(r *reigns) {
			r.look(status(replica.Joining, 0, ""))
			r.began(status(replica.Primary, 1, ""))
		}, "1 n-a started 0"},
		"one that comes to a reign under way, and to its end": {func(r *reigns) {
			r.look(status(replica.Backup, 7, "b"))
			r.look(status(replica.Backup, 7, "b"))
			r.heard("b")
			time.Sleep(12 * tick)
			r.look(status(replica.Electing, 7, ""))
			r.began(status(replica.Primary, 8, ""))
			r.look(status(replica.Primary, 8, ""))
		}, "7 n-b unseen 0; 8 n-a suspected 600"},
		"a primary that hands over, and another": {func(r *reigns) {
			r.began(status(replica.Primary, 1, ""))
			time.Sleep(time.Second)
			r.ended()
			r.look(status(replica.Electing, 2, ""))
			time.Sleep(tick)
			r.look(status(replica.Backup, 2, "b"))
			r.heard("b")
			r.look(status(replica.Backup, 2, "b"))
			time.Sleep(2 * tick)
			r.look(status(replica.Backup, 3, "c")) // of whom it knows no name
		}, "1 n-a started 0; 2 n-b handed_over 50; 3  handed_over 100"},
		"a silence that is long enough": {func(r *reigns) {
			r.look(status(replica.Quiet, 1, "b"))
			r.heard("b")
			time.Sleep(soon * tick)
			r.look(status(replica.Quiet, 2, "c"))
			r.look(status(replica.Quiet, 2, ""))
			r.look(status(replica.Quiet, 1, "b")) // late news
		}, "1 n-b unseen 0; 2  suspected 250"},
		"a majority that is lost, and there again": {func(r *reigns) {
			r.began(status(replica.Primary, 1, ""))
			r.ended()
			r.look(status(replica.Electing, 1, ""))
			time.Sleep(time.Second)
			r.began(status(replica.Primary, 2, ""))
		}, "1 n-a started 0; 2 n-a went_on 1000"},
		"a pair whose backup dies and comes back": {func(r *reigns) {
			r.began(status(replica.Primary, 1, "b"))
			r.heard("b")
			time.Sleep(8 * tick)
			r.dialRefused("b")
			r.began(status(replica.Solo, 2, "b"))
			time.Sleep(time.Second)
			r.began(status(replica.Primary, 3, "b"))
		}, "1 n-a started 0; 2 n-a went_on 400; 3 n-a went_on 0"},
		"a peer that refuses connections": {func(r *reigns) {
			r.look(status(replica.Backup, 1, "b"))
			r.heard("b")
			r.dialRefused("c")
			r.dialRefused("b")
			r.began(status(replica.Solo, 2, "b"))
		}, "1 n-b unseen 0; 2 n-a suspected 0"},
		"one of a quorum that stops, and refuses connections at once": {func(r *reigns) {
			s := status(replica.Backup, 1, "b")
			s.Quorum = true
			r.look(s)
			r.heard("b")
			r.dialRefused("b")
			s.Role, s.View = replica.Primary, 2
			r.began(s)
		}, "1 n-b unseen 0; 2 n-a handed_over 0"},
		"a refusal that was none": {func(r *reigns) {
			r.look(status(replica.Backup, 1, "b"))
			r.dialRefused("b")
			r.heard("b")
			r.began(status(replica.Solo, 2, "b"))
		}, "1 n-b unseen 0; 2 n-a handed_over 0"},
		"a farewell, whatever follows it": {func(r *reigns) {
			r.look(status(replica.Backup, 1, "b"))
			r.heard("b")
			r.saidGoodbye("c")
			r.saidGoodbye("b")
			r.dialRefused("b")
			time.Sleep(8 * tick)
			r.began(status(replica.Solo, 2, "b"))
		}, "1 n-b unseen 0; 2 n-a handed_over 400"},
		"a farewell that counts once": {func(r *reigns) {
			r.look(status(replica.Backup, 1, "b"))
			r.heard("b")
			r.saidGoodbye("b")
			r.look(status(replica.Backup, 2, "c"))
			r.heard("c")
			time.Sleep(8 * tick)
			r.began(status(replica.Solo, 3, "c"))
		}, "1 n-b unseen 0; 2  handed_over 0; 3 n-a suspected 400"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := reigns{tick: tick}
			c.story(&r)
			var got []string
			for _, one := range r.seen {
				got = append(got, fmt.Sprint(one.View, " ", one.Name, " ", one.Why, " ", one.Idle))
			}
			if text := strings.Join(got, "; "); text != c.want {
				t.Errorf("%s:\ngot  %s\nwant %s", name, text, c.want)
			}
		})
	}
}

func TestReignsAreForgotten(t *testing.T) {
	r := reigns{tick: time.Second}
	for view := range lock.View(2 * muster.MaxReigns) {
		r.began(replica.Status{Node: "a", Role: replica.Primary, View: view + 1})
	}
	if len(r.seen) != muster.MaxReigns || r.newest().View != 2*muster.MaxReigns || r.seen[0].View != muster.MaxReigns+1 {
		t.Errorf("%d reigns, from view %d to %d", len(r.seen), r.seen[0].View, r.newest().View)
	}
}

// TestReplicatorTellsOfReigns: what peers and links do is taken note of, and told.
func TestReplicatorTellsOfReigns(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		r := replicatorOnStand(s)
		r.core.effects = []replica.Effect{replica.Began{View: 3}}
		s.Root().Send(r.pid, replica.Synced{View: 3})
		next[replica.Began](t, r.table)
		r.core.effects = nil
		s.Root().Send(r.pid, &StatusAsked{From: "client", Client: 7})
		sent := s.taken()
		if len(sent) != 1 || len(sent[0].parcel.StatusReports[0].Reigns) != 1 || sent[0].parcel.StatusReports[0].Reigns[0].Primary != "here" {
			t.Fatalf("sent %+v", sent)
		}
	})
}

func TestReplicatorCountsReigns(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		r := replicatorOnStand(s)
		r.core.effects = []replica.Effect{replica.Began{View: 3}}
		s.Root().Send(r.pid, replica.Synced{View: 3})
		next[replica.Began](t, r.table)
		r.core.effects = []replica.Effect{replica.Ended{}}
		s.Root().Send(r.pid, replica.Synced{View: 4})
		next[replica.Ended](t, r.table)
		told := make(chan metrics.Standing, 1)
		s.Root().Send(r.pid, tellStanding{told})
		if got := <-told; got.Reigns.Begun != 1 || got.Status.Node != "here" || got.Status.DiskBytes != 4096 {
			t.Errorf("told %+v", got)
		}
	})
}
