package doors

import (
	"time"

	"lockstep/api"
)

// More refusals: of connections that came to nothing.
const (
	Hands  Refusal = "handshakes" // more of one origin than are due
	Hand   Refusal = "handshake"  // one that failed
	Silent Refusal = "silent"     // nothing was asked in time
)

var troubles = map[api.Trouble]Refusal{
	api.NoRoom: Crowded, api.TooManyHands: Hands, api.BadHand: Hand, api.Silence: Silent,
}

// Turned takes note of a connection that came to nothing.
func (j *Journal) Turned(t api.Turned) {
	j.refused(troubles[t.Why], guest{from: t.From.String()}, t.What, time.Now())
}
