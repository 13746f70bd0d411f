package sim

import (
	"fmt"
	"math/rand/v2"

	"lockstep/lock"
	"lockstep/replica"
)

// tickLength is what the nodes' tickers aim at.
const tickLength = 50 * millisecond

// plan is what a seed decides before the run begins. Small limits are drawn
// often, so that the paths behind them run.
type plan struct {
	regime                      int
	end, faultsEnd, callsEnd    instant
	strict                      bool               // one order for ever: no history ends, but with all that held it
	suspect                     int                // ticks of silence until a node does something about it
	quorum                      *quorumPlan        // nil: a pair
	durable                     bool               // the pair has its log on disk
	grows                       bool               // the pair becomes a quorum
	switches                    bool               // an operator changes the pair's roles
	pair                        replica.PairConfig // but for what differs between the nodes
	period                      []instant          // of the nodes' ticks: clock rates are off by up to 2%
	network                     weather
	stall                       instant // a process may stop for so long at any time
	disk                        instant // a write may take so long
	late                        instant // after a pause, frames may be read so much later than ticks
	gapAtPost, queueWhileDown   bool
	badInstalls                 float64
	inquires                    int // of what a user wishes for: the last percentage that is a question
	clients, clerks, names      int
	think                       instant
	firstAttempt, maxAttempt    int
	clientLoss, giveUp, restart float64

	// Of the clients:
	clockStart []replica.Instant
	clockDrift []int64 // in millionths
	ttl        []lock.Millis
	users      []int
	upset      instant // about so often a client is paused, killed or cut off
}

// weather is how the network treats frames between the nodes.
type weather struct {
	loss, dup          float64
	lossRow            int // no more than so many in a row are lost
	delayMin, delayMax instant
	reconnect          instant
}

func drawPlan(seed uint64, regime int, length instant) plan {
	r := rand.New(rand.NewPCG(seed, 1))
	p := plan{
		regime: regime, end: length, faultsEnd: length * 4 / 6, callsEnd: length * 5 / 6,
		gapAtPost: r.IntN(2) == 0, queueWhileDown: r.IntN(3) == 0,
		clients: 3 + r.IntN(4), clerks: 1 + r.IntN(4), names: 1 + r.IntN(4),
		think:        oneOf(r, 20*millisecond, 100*millisecond, 400*millisecond),
		firstAttempt: 6 + r.IntN(10), maxAttempt: 20 + r.IntN(60),
		clientLoss: oneOf(r, 0, 0.02, 0.2), giveUp: oneOf(r, 0, 0.05, 0.3), restart: oneOf(r, 0, 0.002, 0.02),
		badInstalls: oneOf(r, 0, 0.2), inquires: 10,
	}
	p.pair = replica.PairConfig{
		Pair:           [2]replica.NodeID{"a", "b"},
		SuspectTicks:   replica.MinSuspectTicks + r.IntN(5),
		Solo:           oneOf(r, replica.SoloBoth, replica.SoloBoth, replica.SoloBoth, replica.SoloPrimaryOnly, replica.SoloNone),
		TrustRefused:   r.IntN(2) == 0,
		MaxBatch:       oneOf(r, 0, 1, 2, 5),
		MaxQueue:       oneOf(r, 0, 0, 2, 8),
		ChunkBytes:     oneOf(r, 0, 1200, 4000), // some dozen pieces: while they travel the view may run out
		MaxRetained:    oneOf(r, 0, 0, 20, 80),
		EntriesPerView: oneOf(r, uint64(0), 60, 60, 1000),
	}
	for range p.pair.Pair {
		p.period = append(p.period, ticking(tickLength, drawDrift(r)))
	}
	p.drawClients(r)
	p.suspect = p.pair.SuspectTicks
	switch regime {
	case mildDurable, roughDurable:
		p.regime = regime - Quorum
		p.drawDurable(r)
	case 1:
		p.strict = true
		p.drawMild(r)
	case 2:
		p.drawRough(r)
	case mildSwitched, roughSwitched:
		p.regime, p.switches = regime-mildSwitched+1, true
		p.drawSwitched(r)
	case Quorum, Ruined:
		p.drawQuorum(r)
		p.quorum.ruined = regime == Ruined
	case Growing:
		p.drawGrowing(r)
	}
	return p
}

// drawDurable draws the first or the second regime, with the log on disk.
func (p *plan) drawDurable(r *rand.Rand) {
	if p.regime == 1 {
		p.strict = true
		p.drawMild(r)
		p.disk = min(p.disk, tickLength/2) // there is more to write
	} else {
		p.drawRough(r)
	}
	p.durable = true
	p.badInstalls = 0 // nothing tells that the node's own copy is a bad one
	p.pair.Durable = true
	p.pair.RetainBytes = oneOf(r, uint64(0), 2000, 10_000)
}

// drawSwitched draws the first or the second regime, with its log in memory or on
// disk.
func (p *plan) drawSwitched(r *rand.Rand) {
	switch {
	case r.IntN(2) == 0:
		p.drawDurable(r)
		if p.pair.MaxQueue == 2 {
			p.pair.MaxQueue = 8 // with slow disks somebody is unlucky for seconds
		}
	case p.regime == 1:
		p.strict = true
		p.drawMild(r)
	default:
		p.drawRough(r)
	}
}

// drawClients draws short time-outs often, so that sessions end in a run.
func (p *plan) drawClients(r *rand.Rand) {
	for range p.clients {
		p.clockStart = append(p.clockStart, replica.Instant(r.Int64N(1e9)))
		p.clockDrift = append(p.clockDrift, drawDrift(r))
		p.ttl = append(p.ttl, lock.MinTTL*oneOf[lock.Millis](r, 1, 2, 2, 4, 12))
		p.users = append(p.users, r.IntN(4))
	}
	p.upset = oneOf(r, second/2, 2*second, 10*second)
}

func oneOf[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }

// drawMild draws what regime 1 allows: between two frames that a healthy node
// handles of another there are never as many ticks as suspicion takes, even
// when everything that delays them comes together.
func (p *plan) drawMild(r *rand.Rand) {
	n := p.pair.SuspectTicks
	for {
		p.network = weather{
			loss: oneOf(r, 0, 0.02, 0.2, 0.5), dup: oneOf(r, 0, 0.05),
			lossRow: r.IntN(n - 3), delayMin: 20, delayMax: upTo(r, 3*tickLength/2),
			reconnect: upTo(r, tickLength),
		}
		p.stall = upTo(r, tickLength*3/2)
		p.disk = upTo(r, 3*tickLength)
		if p.silence() <= instant(n-1)*tickLength {
			break
		}
	}
	p.late = instant(n)*tickLength - tickLength - p.silence()/8
	p.late = max(0, min(p.late, instant(n-2)*tickLength))
}

// silence is the longest time without a frame that the mild regime can give: a
// row of lost beats, or those that a cut loses, then a beat that comes late
// because its sender stalls or waits for its disk and the network is slow.
func (p *plan) silence() instant {
	w := p.network
	cut := int((w.delayMax+w.reconnect)/tickLength) + 1
	beats := instant(max(w.lossRow, cut) + 1)
	return beats*tickLength*104/100 + w.delayMax + 2*p.stall + p.disk
}

// upTo is often tiny and sometimes anything up to most.
func upTo(r *rand.Rand, most instant) instant {
	if r.IntN(2) == 0 {
		return most/50 + instant(r.Int64N(int64(most/50)))
	}
	return 1 + instant(r.Int64N(int64(most)))
}

func (p *plan) drawRough(r *rand.Rand) {
	p.network = roughWeather(r)
	p.stall = upTo(r, 4*tickLength)
	p.disk = upTo(r, 20*tickLength)
	p.late = upTo(r, 30*tickLength)
}

func roughWeather(r *rand.Rand) weather {
	return weather{
		loss: oneOf(r, 0, 0.05, 0.3, 0.7), dup: oneOf(r, 0, 0.1), lossRow: 1 << 30,
		delayMin: 20, delayMax: upTo(r, 10*tickLength), reconnect: upTo(r, 10*tickLength),
	}
}

// fairWeather is what comes when the faults stop.
func fairWeather() weather {
	return weather{delayMin: 50, delayMax: 2 * millisecond, reconnect: 10 * millisecond}
}

// String is the first line of a trace.
func (p *plan) String() string {
	c := p.pair
	var of string
	if p.durable {
		of = fmt.Sprintf("durable, retain %d", c.RetainBytes)
	}
	if p.quorum != nil {
		of = p.quorum.String()
	}
	return fmt.Sprintf("regime %d N %d solo %d trust %v batch %d queue %d chunk %d retained %d perView %d periods %v network %+v stall %d disk %d late %d clients %dx%d names %d think %d drifts %v ttls %v users %v upset %d %s",
		p.regime, c.SuspectTicks, c.Solo, c.TrustRefused, c.MaxBatch, c.MaxQueue, c.ChunkBytes, c.MaxRetained, c.EntriesPerView,
		p.period, p.network, p.stall, p.disk, p.late, p.clients, p.clerks, p.names, p.think, p.clockDrift, p.ttl, p.users, p.upset, of)
}
