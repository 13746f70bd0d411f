package actors

import (
	"time"

	"lockstep/replica"
)

// Clock tells the time that leases are measured by, in milliseconds since some
// moment. It never goes back.
type Clock func() replica.Instant

// Monotonic is Go's own clock. In a synctest bubble it is the bubble's. It stands
// still while the machine is suspended, so leases on a real network want
// ThroughSuspend.
func Monotonic() Clock {
	began := time.Now()
	return func() replica.Instant { return replica.Instant(time.Since(began).Milliseconds()) }
}
