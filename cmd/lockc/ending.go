package main

import (
	"errors"
	"math"
	"syscall"
	"time"

	"lockstep"
)

// ending decides when a command that runs under a lease is told to stop, and when
// it is killed: early enough that it is gone before anybody else can have the
// lock. Moments are counted from the command's start.
type ending struct {
	grace  time.Duration // how long before the lease's end the command is told
	margin time.Duration // how long before it, it is killed
	stage  stage
	killAt time.Duration // when stopping
	lost   bool          // the lease's end is the reason
	late   bool          // the lease was over when it was killed: we were stopped, or suspended
}

type stage uint8

const (
	running stage = iota
	stopping
	killing
)

// afterRevoke is how long a command may go on whose lock was taken away by force:
// another may have it already.
const afterRevoke = time.Second

// newEnding cuts the grace to a third of the TTL. Keep-alives are sent that often,
// so a command is told to stop when one of them, with all its repeats, was in vain.
func newEnding(ttl, grace time.Duration) ending {
	return ending{grace: min(grace, ttl/3), margin: min(ttl/10, 500*time.Millisecond)}
}

// step returns the signal that is due, or zero. Remaining is what is left of the
// lease, and cause why it is over, if it is.
func (e *ending) step(now, remaining time.Duration, cause error) syscall.Signal {
	switch {
	case errors.Is(cause, lockstep.ErrRevoked):
		if e.stage == running {
			return e.stop(now, min(e.grace, afterRevoke), true)
		}
		remaining = math.MaxInt64 // it is killAt that counts
	case cause != nil:
		remaining = 0
	}
	switch {
	case e.stage == killing, remaining <= e.margin, e.stage == stopping && now >= e.killAt:
		e.lost = e.lost || e.stage == running
		e.late = e.late || e.stage != killing && remaining <= 0
		e.stage = killing // at every step: a group that forks may outrun one signal
		return syscall.SIGKILL
	case e.stage == running && remaining <= e.grace:
		return e.stop(now, remaining-e.margin, true)
	default:
		return 0
	}
}

// finish is called when the command has ended by itself, but has left others
// behind: they must not outlive the lock either.
func (e *ending) finish(now time.Duration) syscall.Signal {
	if e.stage != running {
		return 0
	}
	return e.stop(now, e.grace, false)
}

func (e *ending) stop(now, patience time.Duration, lost bool) syscall.Signal {
	e.stage, e.killAt, e.lost = stopping, now+patience, lost
	return syscall.SIGTERM
}
