package doors

import (
	"net"
	"time"

	"lockstep/api"
	"lockstep/doors/access"
)

// More refusals: of connections that came to nothing, and of requests that are not
// what they should be.
const (
	Hands     Refusal = "handshakes" // more of one origin than are due
	Hand      Refusal = "handshake"  // one that failed
	Silent    Refusal = "silent"     // nothing was asked in time
	TooLarge  Refusal = "too_large"  // more bytes than a request can have
	Malformed Refusal = "malformed"  // what nobody can mean
	TooSlow   Refusal = "slow"       // the request did not come, or its answer was not taken, in time
)

var troubles = map[api.Trouble]Refusal{
	api.NoRoom: Crowded, api.TooManyHands: Hands, api.BadHand: Hand, api.Silence: Silent,
}

// Turned takes note of a connection that came to nothing.
func (j *Journal) Turned(t api.Turned) {
	j.refused(troubles[t.Why], guest{from: t.From.String()}, t.What, time.Now())
}

// shaking is what one origin may have of the costliest that a stranger can ask for:
// an encrypted connection takes a millisecond of a processor.
var shaking = access.Limits{Rate: 100, Burst: 400}

// Shakes reports whether an origin may have one more encrypted connection now.
func (d *Doors) Shakes(from net.Addr) bool {
	return d.Many(from) || d.within(d.hands, api.Origin(from.String()), shaking)
}

// Many reports whether somebody connects for many others: limits of one origin are
// not for it.
func (d *Doors) Many(from net.Addr) bool { return d.proxies.Has(from) }

// within counts one more of what takes no time. Where more come than can be counted,
// none of them is held to anything: it is no single one then that makes the crowd, and
// nobody must be able to shut others out.
func (d *Doors) within(m *access.Meter, account string, l access.Limits) bool {
	exceeded, _ := m.Begin(account, l, time.Now())
	if exceeded == access.Nothing {
		m.End(account)
	}
	return exceeded != access.TooFast
}

// patience is how often somebody may ask who was told to wait.
var patience = access.Limits{Rate: 20, Burst: 100}

// insists reports whether somebody goes on asking who was told to wait: his connection
// is closed, since to answer on it costs about as much as a request, and another one
// takes its time.
func (d *Doors) insists(account string) bool { return !d.within(d.insisting, account, patience) }
