package actors

import (
	"slices"
	"time"

	"lockstep/lock"
	"lockstep/muster"
	"lockstep/observe/metrics"
	"lockstep/replica"
)

// reigns measures how long nobody has served when this node begins to, as it saw
// it: from the last sign of whoever did, or of the backup without which nothing
// was answered. And it remembers the last reigns, those of others too. It decides
// nothing.
type reigns struct {
	metrics.Reigns
	tick     time.Duration
	reigning bool
	sign     replica.NodeID // whose frames are the sign; empty: nobody's
	last     time.Time      // when the last sign came; zero: nobody is known to have served
	farewell bool           // whoever gave it has said that it was the last one
	refused  bool           // and nobody listens there any more
	seen     []muster.Reign // the newest last; at most MaxReigns
}

// soon is how many silent ticks are too few for anybody to be suspected, whatever
// the protocol: who takes over earlier has been asked to. Only in a pair a refused
// connection may have said that the other is dead.
const soon = 5

// heard takes note of a frame.
func (r *reigns) heard(from replica.NodeID) {
	if from == r.sign && from != "" {
		r.last, r.refused = time.Now(), false
	}
}

// saidGoodbye takes note of a farewell in it.
func (r *reigns) saidGoodbye(from replica.NodeID) {
	if from == r.sign && from != "" {
		r.farewell = true
	}
}

// dialRefused takes note that nobody listens at a node's address.
func (r *reigns) dialRefused(node replica.NodeID) {
	if node == r.sign && node != "" {
		r.refused = true
	}
}

// look finds out who serves. It is called at every tick, which may come between
// a node's taking a view and its reign.
func (r *reigns) look(s replica.Status) {
	switch s.Role {
	case replica.Backup, replica.Quiet:
		if s.Peer != "" {
			r.witness(s)
		}
		r.sign = s.Peer
	case replica.Primary:
		r.sign = s.Peer // of a quorum's primary nobody: it has a majority, whoever that is
	case replica.Electing, replica.Solo:
		r.sign = "" // who served does so no more
	default:
		r.sign, r.last = "", time.Time{}
	}
}

// began counts a reign. What follows without a pause on another view of the same
// primary was no failover.
func (r *reigns) began(s replica.Status) {
	r.Begun++
	goesOn := r.reigning && s.Role == replica.Primary
	switch {
	case r.last.IsZero():
		r.remember(s, s.Node, muster.Started, 0)
	case goesOn:
		r.remember(s, s.Node, muster.WentOn, 0)
	default:
		idle := time.Since(r.last)
		r.Failovers.Observe(uint64(idle.Milliseconds()))
		r.remember(s, s.Node, r.why(s, s.Node, idle), idle)
	}
	r.reigning, r.last = true, time.Now()
	r.look(s)
}

// ended notes, of a reign that needed nobody's sign, its last moment.
func (r *reigns) ended() {
	if r.reigning && r.sign == "" {
		r.last = time.Now()
	}
	r.reigning = false
}

// witness takes note of the reign of another.
func (r *reigns) witness(s replica.Status) {
	switch newest := r.newest(); {
	case s.View <= newest.View:
	case r.last.IsZero():
		r.remember(s, s.Peer, muster.Unseen, 0)
	default:
		idle := time.Since(r.last)
		r.remember(s, s.Peer, r.why(s, s.Peer, idle), idle)
	}
}

func (r *reigns) newest() muster.Reign {
	if len(r.seen) == 0 {
		return muster.Reign{}
	}
	return r.seen[len(r.seen)-1]
}

// why says why a reign begins after somebody else's.
func (r *reigns) why(s replica.Status, primary replica.NodeID, idle time.Duration) muster.Why {
	switch {
	case r.newest().Primary == primary:
		return muster.WentOn
	case r.farewell || idle < soon*r.tick && (s.Quorum || !r.refused):
		return muster.HandedOver
	default:
		return muster.Suspected
	}
}

func (r *reigns) remember(s replica.Status, primary replica.NodeID, why muster.Why, idle time.Duration) {
	one := muster.Reign{View: s.View, Primary: primary, Began: now(), Idle: lock.Millis(idle.Milliseconds()), Why: why}
	if one.Name = s.Name; primary != s.Node {
		i := slices.IndexFunc(s.Members, func(m replica.MemberStatus) bool { return m.Address == primary })
		if one.Name = ""; i >= 0 {
			one.Name = s.Members[i].Name
		}
	}
	if len(r.seen) == muster.MaxReigns {
		r.seen = slices.Delete(r.seen, 0, 1)
	}
	r.seen = append(r.seen, one)
	r.farewell, r.refused = false, false
}
