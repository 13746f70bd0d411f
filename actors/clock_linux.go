package actors

import (
	"golang.org/x/sys/unix"

	"lockstep/replica"
)

// ThroughSuspend is a clock that runs on while the machine is suspended (T5):
// the nodes go on counting then, and a lease that slept must know it.
func ThroughSuspend() Clock {
	return func() replica.Instant {
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
			panic(err) // every Linux that Go runs on has this clock
		}
		return replica.Instant(now.Nano() / 1e6)
	}
}
