package actors

import (
	"time"

	"lockstep/metrics"
	"lockstep/replica"
)

// reigns measures how long nobody has served when this node begins to, as it saw
// it: from the last sign of whoever did, or of the backup without which nothing
// was answered. It decides nothing.
type reigns struct {
	metrics.Reigns
	reigning bool
	sign     replica.NodeID // whose frames are the sign; empty: nobody's
	last     time.Time      // when the last sign came; zero: nobody is known to have served
}

// heard takes note of a frame.
func (r *reigns) heard(from replica.NodeID) {
	if from == r.sign && from != "" {
		r.last = time.Now()
	}
}

// look finds out who serves. It is called at every tick, which may come between
// a node's taking a view and its reign.
func (r *reigns) look(s replica.Status) {
	switch s.Role {
	case replica.Primary, replica.Backup, replica.Quiet:
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
	if !r.last.IsZero() && !goesOn {
		r.Failovers.Observe(uint64(time.Since(r.last).Milliseconds()))
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
