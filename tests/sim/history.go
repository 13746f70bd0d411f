package sim

import (
	"maps"
	"slices"

	"lockstep/lock"
	"lockstep/replica"
)

// history is one order of entries that some node applied, from entry 1 on.
type history struct {
	number  int
	entries []lock.Entry
	results []lock.Result
	times   []instant                // when a node first applied each entry
	firsts  []lock.Index             // where each entry's request was first executed
	passed  map[lock.Index][]passing // by the entries that let a wait in
	digests []lock.Digest
	ended   []ended           // every tenure that is over, by its end
	model   *model            // after the last entry
	settled int               // entries that a node with a role gave to its table
	cluster replica.ClusterID // whose it is, once there may be two; zero: anybody's
}

// of reports whether a process may have a part in the history.
func (h *history) of(p *process) bool { return h.cluster == 0 || h.cluster == p.status.Cluster }

// place is a point in a history: after its first n entries. Without a history
// it is an empty table, or with lost one that no history explains.
type place struct {
	in    *history
	n     int
	first lock.Index // of a note: where the request was first executed
	lost  bool
}

// follow returns the place after e, and whether e continues what is known: at
// the tip, or as another node has applied it.
func (c *checker) follow(p *process, at place, e lock.Entry) (place, bool) {
	if h := at.in; h != nil {
		if at.n == len(h.entries) {
			return at, true
		}
		if h.entries[at.n] == e {
			return at, true
		}
	}
	for i := len(c.histories) - 1; i >= 0; i-- {
		h := c.histories[i]
		if h != at.in && h.of(p) && at.n < len(h.entries) && h.entries[at.n] == e && samePast(h, at) {
			return place{in: h, n: at.n}, true
		}
	}
	return at, false
}

// samePast compares the last entry and the state after it.
func samePast(h *history, at place) bool {
	if at.n == 0 {
		return at.in == nil
	}
	return h.entries[at.n-1] == at.in.entries[at.n-1] && h.digests[at.n-1] == at.in.digests[at.n-1]
}

// begin starts a history with nothing before it.
func (c *checker) begin() place {
	h := &history{number: len(c.histories) + 1, model: newModel(), passed: map[lock.Index][]passing{}}
	c.histories = append(c.histories, h)
	return place{in: h}
}

// fork starts a history that shares the past of a place.
func (c *checker) fork(at place) place {
	from := at.in
	h := &history{
		number: len(c.histories) + 1, cluster: from.cluster,
		entries: slices.Clone(from.entries[:at.n]), results: slices.Clone(from.results[:at.n]), times: slices.Clone(from.times[:at.n]),
		firsts: slices.Clone(from.firsts[:at.n]), digests: slices.Clone(from.digests[:at.n]),
		model: newModel(), settled: min(from.settled, at.n), passed: maps.Clone(from.passed),
	}
	for i, e := range h.entries {
		h.model.judge(e, h.results[i], h.passed[e.Index])
	}
	for _, o := range from.ended {
		if o.n <= at.n {
			h.ended = append(h.ended, o)
		}
	}
	c.histories = append(c.histories, h)
	c.w.stats.Forks++
	return place{in: h, n: at.n}
}

// locate finds the place of a table that came as a snapshot.
func (c *checker) locate(p *process, t *lock.Table) place {
	n := int(t.Index())
	if n == 0 {
		return place{}
	}
	for i := len(c.histories) - 1; i >= 0; i-- {
		h := c.histories[i]
		if h.of(p) && n <= len(h.digests) && h.digests[n-1] == t.Digest() {
			return place{in: h, n: n}
		}
	}
	return place{lost: true}
}
