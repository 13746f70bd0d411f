package sim

import (
	"fmt"
	"math/rand/v2"

	"lockstep/replica"
	"lockstep/replica/quorum"
)

// quorumPlan is what only a run of three or more nodes has.
type quorumPlan struct {
	size, spares int // nodes that found the cluster, machines that may join it
	quiet        int // the node that is quiet, or -1
	config       quorum.Config
	wishes       instant // about so often the operator wants something
	rate         instant // a fault comes within this, time and again
	spoils       float64 // how often a disk gets a fault
	ruined       bool    // a majority is lost for good, once
}

// drawQuorum draws a cluster in which anything may happen.
func (p *plan) drawQuorum(r *rand.Rand) {
	q := &quorumPlan{size: oneOf(r, 3, 3, 3, 3, 5), spares: 1 + r.IntN(2), quiet: -1}
	if r.IntN(4) == 0 {
		q.quiet = r.IntN(q.size)
	}
	q.config = quorum.Config{
		Durable:        r.IntN(5) < 3,
		ElectionTicks:  oneOf(r, 0, 0, 6, 15),
		MaxBatch:       oneOf(r, 0, 1, 3),
		MaxInFlight:    oneOf(r, 0, 0, 1, 3),
		MaxQueue:       oneOf(r, 0, 0, 4),
		EntriesPerView: oneOf(r, uint64(0), 0, 40, 400),
		ChunkBytes:     oneOf(r, 0, 1200, 4000),
		RetainBytes:    oneOf(r, uint64(0), 2000, 10_000, 50_000),
	}
	q.wishes = oneOf(r, 2*second, 6*second)
	q.rate = oneOf(r, 10*tickLength, 3*second, 8*second)
	q.spoils = oneOf(r, 0, 0.2)
	p.quorum = q
	p.strict = true
	p.suspect = q.config.ElectionTicks
	if p.suspect == 0 {
		p.suspect = 10
	}
	for range q.size + q.spares - len(p.period) {
		p.period = append(p.period, ticking(tickLength, drawDrift(r)))
	}
	p.inquires = 30
	p.clients, p.clerks = min(p.clients, 4), min(p.clerks, 2)
	p.think = oneOf(r, 100*millisecond, 400*millisecond, second)
	p.network = someWeather(r)
	p.stall = upTo(r, 4*tickLength)
	p.disk = oneOf(r, 500, 500, upTo(r, 4*tickLength))
	p.late = upTo(r, 30*tickLength)
}

// someWeather is fair often, so that much is ordered, and anything otherwise.
func someWeather(r *rand.Rand) weather {
	if r.IntN(2) == 0 {
		return weather{
			loss: oneOf(r, 0, 0.02), dup: oneOf(r, 0, 0.05), lossRow: 1 << 30,
			delayMin: 20, delayMax: upTo(r, tickLength), reconnect: upTo(r, tickLength),
		}
	}
	return roughWeather(r)
}

func (q *quorumPlan) String() string {
	c := q.config
	return fmt.Sprintf("size %d spares %d quiet %d durable %v election %d batch %d flight %d queue %d perView %d chunk %d retain %d wishes %d rate %d spoils %v",
		q.size, q.spares, q.quiet, c.Durable, c.ElectionTicks, c.MaxBatch, c.MaxInFlight, c.MaxQueue, c.EntriesPerView, c.ChunkBytes, c.RetainBytes, q.wishes, q.rate, q.spoils)
}

// machines builds the world of a quorum: the nodes that found the cluster, and
// the spare ones. The founder is not always the first.
func (w *world) machines() {
	q := w.plan.quorum
	names := w.fate.Perm(q.size + q.spares)
	var peers []replica.Peer
	for i, k := range names {
		n := &node{w: w, id: i, quiet: i == q.quiet, idle: i >= q.size}
		n.title, n.name = fmt.Sprintf("node-%d", k), replica.NodeID('a'+rune(i))
		if q.config.Durable {
			n.fs = w.newDisk()
		}
		if !n.idle {
			peers = append(peers, replica.Peer{Name: n.title, Address: n.name})
		}
		w.addNode(n)
	}
	for _, n := range w.nodes[:q.size] {
		n.peers = peers
	}
	w.operator = newOperator(w)
}
