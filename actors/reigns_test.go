package actors

import (
	"testing"
	"testing/synctest"
	"time"

	"lockstep/metrics"
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
