package observe

import (
	"github.com/prometheus/client_golang/prometheus"

	"lockstep/observe/metrics"
	"lockstep/replica"
)

// family is one metric: what it is called, what it means, and where a node has
// its values. Each has the label node, and those that are named here: none of
// them has more values than a cluster has members, or the code has kinds.
type family struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
	read       func(n *metrics.Node, put put)
}

// put takes a value, with those of the family's labels.
type put func(value float64, labels ...string)

// spread is a metric that is a histogram. Its unit is given in seconds.
type spread struct {
	name, help string
	unit       float64
	read       func(n *metrics.Node) *metrics.Histogram
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue

	milli = 1e-3
	micro = 1e-6
)

var families = []family{
	{"lockstep_answered", "Whether an actor of the node told its numbers in time: 0 is one that hangs.", gauge, []string{"actor"},
		func(n *metrics.Node, put put) {
			put(one(n.Table != nil), "lock_table")
			put(one(n.Standing != nil), "replicator")
		}},

	// What the node was asked.
	{"lockstep_requests_total", "Requests that were answered here with a result, by what they wanted and what came of it. A wait counts as waiting, and a repeat again.", counter, []string{"verb", "outcome"},
		ofTable(func(t *metrics.Table, put put) {
			for v, outcomes := range t.Requests {
				for o, n := range outcomes {
					if n > 0 { // most of the pairs make no sense
						put(float64(n), metrics.Verbs[v], metrics.Outcomes[o])
					}
				}
			}
		})},
	{"lockstep_requests_sent_away_total", "Requests that got no result here, since this node is not or is no longer the one to answer, or has too much to do.", counter, []string{"reason"},
		ofTable(func(t *metrics.Table, put put) { putEach(t.SentAway[:], metrics.Reasons[:], put) })},
	{"lockstep_queries_total", "Questions about locks and sessions, by what was asked for.", counter, []string{"kind"},
		ofTable(func(t *metrics.Table, put put) { putEach(t.Queries[:], metrics.Questions[:], put) })},

	// What happened to locks, counted by the node that reigned.
	{"lockstep_grants_total", "Locks that were granted while this node reigned, at once or after a wait.", counter, []string{"mode"},
		ofTable(func(t *metrics.Table, put put) { putEach(t.Grants[:], metrics.Modes[:], put) })},
	{"lockstep_releases_total", "Locks that were given back while this node reigned.", counter, nil,
		ofTable(func(t *metrics.Table, put put) { put(float64(t.Released)) })},
	{"lockstep_expiries_total", "Locks that were lost while this node reigned, since their session expired.", counter, nil,
		ofTable(func(t *metrics.Table, put put) { put(float64(t.Expired)) })},
	{"lockstep_revocations_total", "Locks that an operator took away while this node reigned.", counter, nil,
		ofTable(func(t *metrics.Table, put put) { put(float64(t.Revoked)) })},
	{"lockstep_overholds_total", "Locks that were taken back while this node reigned, since their longest hold was over.", counter, nil,
		ofTable(func(t *metrics.Table, put put) { put(float64(t.Overheld)) })},
	{"lockstep_waits_given_up_total", "Waits that ended without a grant while this node reigned.", counter, nil,
		ofTable(func(t *metrics.Table, put put) { put(float64(t.GivenUp)) })},
	{"lockstep_sessions_opened_total", "Sessions that were opened while this node reigned.", counter, nil,
		ofTable(func(t *metrics.Table, put put) { put(float64(t.Opened)) })},
	{"lockstep_sessions_closed_total", "Sessions that were closed by their clients while this node reigned.", counter, nil,
		ofTable(func(t *metrics.Table, put put) { put(float64(t.Closed)) })},
	{"lockstep_sessions_expired_total", "Sessions that expired while this node reigned, since their clients were silent.", counter, nil,
		ofTable(func(t *metrics.Table, put put) { put(float64(t.SilentEnd)) })},

	// What there is.
	{"lockstep_locks", "Locks that are held, in this node's copy.", gauge, nil,
		ofTable(func(t *metrics.Table, put put) { put(float64(t.Locks)) })},
	{"lockstep_waiters", "Acquires that wait, in this node's copy.", gauge, nil,
		ofTable(func(t *metrics.Table, put put) { put(float64(t.Waiting)) })},
	{"lockstep_sessions", "Sessions that are open, in this node's copy.", gauge, nil,
		ofTable(func(t *metrics.Table, put put) { put(float64(t.Sessions)) })},

	// Where the node stands.
	{"lockstep_role", "1 for the role that this node has, 0 for the others.", gauge, []string{"role"},
		ofStatus(func(s *replica.Status, put put) {
			for _, role := range roles {
				put(one(s.Role == role), role.String())
			}
		})},
	{"lockstep_view", "The reign that this node takes part in.", gauge, nil,
		ofStatus(func(s *replica.Status, put put) { put(float64(s.View)) })},
	{"lockstep_entries_total", "Entries of the order that are known to this node to be in it, ever.", counter, nil,
		ofStatus(func(s *replica.Status, put put) { put(float64(s.Index)) })},
	{"lockstep_members", "Members of the cluster by role, as far as this node knows.", gauge, []string{"role"}, ofStatus(putMembers)},
	{"lockstep_lag_entries", "How many entries of the log a member is behind, as far as this node knows, while it reigns.", gauge, []string{"member"}, ofStatus(putLag)},
	{"lockstep_silence_seconds", "How long ago this node last heard a member that it has heard at all.", gauge, []string{"member"}, ofStatus(putSilence)},
	{"lockstep_reigns_total", "Reigns of this node that have begun.", counter, nil,
		func(n *metrics.Node, put put) {
			if n.Standing != nil {
				put(float64(n.Standing.Reigns.Begun))
			}
		}},

	// What goes in and out.
	{"lockstep_frames_total", "Frames between this process and others.", counter, []string{"direction"},
		func(n *metrics.Node, put put) {
			put(float64(n.Traffic.FramesIn), "in")
			put(float64(n.Traffic.FramesOut), "out")
		}},
	{"lockstep_frame_bytes_total", "Bytes in those frames, without their headers.", counter, []string{"direction"},
		func(n *metrics.Node, put put) {
			put(float64(n.Traffic.BytesIn), "in")
			put(float64(n.Traffic.BytesOut), "out")
		}},
	{"lockstep_refusals_total", "What was turned away: at the nodes' port, at the public one (api: …), or since it would not go into a frame.", counter, []string{"reason"},
		func(n *metrics.Node, put put) {
			for reason, count := range n.Refusals {
				put(float64(count), reason)
			}
		}},
	{"lockstep_log_bytes", "Bytes that the log and its snapshot take on disk. Missing without a log.", gauge, nil,
		ofStatus(func(s *replica.Status, put put) {
			if s.Durable {
				put(float64(s.DiskBytes))
			}
		})},
}

var spreads = []spread{
	{"lockstep_commit_seconds", "From a request's coming to its execution. One request at a time is timed.", micro,
		spreadOfTable(func(t *metrics.Table) *metrics.Histogram { return &t.Commit })},
	{"lockstep_wait_seconds", "How long those waited who had to wait, until they were granted what they wanted, while this node reigned.", milli,
		spreadOfTable(func(t *metrics.Table) *metrics.Histogram { return &t.Waits })},
	{"lockstep_hold_seconds", "How long locks were held whose hold ended while this node reigned. Nobody knows it of ownerless locks.", milli,
		spreadOfTable(func(t *metrics.Table) *metrics.Histogram { return &t.Holds })},
	{"lockstep_failover_seconds", "How long nobody had served when this node began to, as it saw it; also when a role was handed over.", milli,
		func(n *metrics.Node) *metrics.Histogram {
			if n.Standing == nil {
				return nil
			}
			return &n.Standing.Reigns.Failovers
		}},
	{"lockstep_log_sync_seconds", "How long the disk took to sync the log. Missing without a log.", micro,
		func(n *metrics.Node) *metrics.Histogram { return n.Syncs }},
}

// roles are all that a node can have.
var roles = []replica.Role{
	replica.Joining, replica.Primary, replica.Backup, replica.Solo, replica.Demoted, replica.Electing, replica.Quiet,
}

func putMembers(s *replica.Status, put put) {
	var members [replica.Quiet + 1]int
	for i := range s.Members {
		members[min(s.Members[i].Role, replica.Quiet)]++
	}
	for role, n := range members {
		put(float64(n), replica.Role(role).String())
	}
}

// putLag tells of the others what only who reigns knows.
func putLag(s *replica.Status, put put) {
	if s.Role == replica.Primary || s.Role == replica.Solo {
		putOthers(s, put, func(m *replica.MemberStatus) float64 { return float64(s.Last - min(s.Last, m.Match)) })
	}
}

func putSilence(s *replica.Status, put put) {
	putOthers(s, put, func(m *replica.MemberStatus) float64 {
		if !m.Heard {
			return -1
		}
		return float64(m.HeardAgo*s.TickMS) * milli
	})
}

// putOthers puts the value of each other member, unless it is negative. A node
// that has lost its log is two members for a while, with one name: the newer one
// counts, which is to take the other's place.
func putOthers(s *replica.Status, put put, value func(*replica.MemberStatus) float64) {
	last := map[string]*replica.MemberStatus{}
	for i := range s.Members {
		if m := &s.Members[i]; m.Address != s.Node && (last[m.Name] == nil || last[m.Name].Voter) {
			last[m.Name] = m
		}
	}
	for name, m := range last {
		if v := value(m); v >= 0 {
			put(v, name)
		}
	}
}

// putEach puts what is counted by kind, if the kind has a name.
func putEach(counts []uint64, names []string, put put) {
	for i, name := range names {
		if name != "" {
			put(float64(counts[i]), name)
		}
	}
}

func ofTable(read func(*metrics.Table, put)) func(*metrics.Node, put) {
	return func(n *metrics.Node, put put) {
		if n.Table != nil {
			read(n.Table, put)
		}
	}
}

func ofStatus(read func(*replica.Status, put)) func(*metrics.Node, put) {
	return func(n *metrics.Node, put put) {
		if n.Standing != nil {
			read(&n.Standing.Status, put)
		}
	}
}

func spreadOfTable(read func(*metrics.Table) *metrics.Histogram) func(*metrics.Node) *metrics.Histogram {
	return func(n *metrics.Node) *metrics.Histogram {
		if n.Table == nil {
			return nil
		}
		return read(n.Table)
	}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
