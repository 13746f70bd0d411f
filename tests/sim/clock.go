package sim

import (
	"math/rand/v2"

	"lockstep/lock"
	"lockstep/replica"
)

// maxDrift is how far the rate of a clock may be off, in millionths (T4).
const maxDrift = 20_000

// drawDrift is anything up to that, and often exactly that: the rules must hold
// at the bound.
func drawDrift(r *rand.Rand) int64 {
	return oneOf(r, -maxDrift, maxDrift, r.Int64N(2*maxDrift+1)-maxDrift, r.Int64N(2*maxDrift+1)-maxDrift)
}

// clock is a client's own: it has some start and a rate of its own, and it runs
// on whatever becomes of the process. A pause is therefore also what a suspend
// is: no tick came, and the clock has jumped (T5).
type clock struct {
	start replica.Instant
	drift int64
}

func (c clock) at(now instant) replica.Instant {
	return c.start + replica.Instant(int64(now/millisecond)*(1_000_000+c.drift)/1_000_000)
}

// ticking is the length of a period that a clock with this drift calls the
// length.
func ticking(length instant, drift int64) instant {
	return instant(int64(length) * 1_000_000 / (1_000_000 + drift))
}

// span is a length of time of the rules in simulated time.
func span(m lock.Millis) instant { return instant(m) * millisecond }
