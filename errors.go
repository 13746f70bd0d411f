package lockstep

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lockstep/remote"
	"lockstep/replica"
)

// Errors that callers tell apart with errors.Is. That a lock cannot be had is no
// failure: a Clerk answers false, and what would return a Lease says ErrHeld or
// ErrDeadlock instead.
var (
	// ErrUnknown says that no definite answer came in time: the request was
	// executed once or never. One of a Clerk may still be executed until the clerk
	// gets its next answer or the client is closed, and a Release or a Revoke until
	// the client is closed. It never comes from an Acquire, of which nothing stays.
	// With it comes the cause, context.DeadlineExceeded or context.Canceled.
	ErrUnknown = errors.New("outcome unknown")

	// ErrSessionExpired says that the client's session ended under the request: it
	// could not tell the nodes within its TTL that it lives, as it found out by its
	// own clock or from them, or both nodes were restarted and all locks are gone.
	// Whether the request was executed is unknown; of an Acquire nothing is held.
	// The next call opens a new session; see WithAtLeastOnce. From ShowSession it says that there is no
	// such session.
	ErrSessionExpired = errors.New("session expired")

	// ErrClosed says that the client has been closed. Whether a call that was
	// outstanding then was executed is unknown.
	ErrClosed = errors.New("client closed")

	// ErrOverloaded says that too many calls wait on this client already. The
	// call was not sent.
	ErrOverloaded = errors.New("too many calls wait on this client")

	// ErrInvalid says that the request's form is wrong or that a limit was
	// reached. It was not executed.
	ErrInvalid = errors.New("not accepted")

	// ErrNoQuorum says why no answer came: the nodes that could be reached know of
	// no primary, since no majority of all nodes can talk to each other. It comes
	// together with what else the error is: the end of ctx, or ErrSessionExpired.
	ErrNoQuorum = errors.New("no quorum: the nodes that answer know of no primary")

	// ErrNoAnswer says that a node did not tell where it stands in time.
	ErrNoAnswer = errors.New("no answer")

	// ErrIncompatible says that no node will talk to a client of this version.
	ErrIncompatible = errors.New("incompatible versions")

	// ErrForbidden says that no node lets this client in, by their rules and the
	// certificate that it shows.
	ErrForbidden = errors.New("not allowed")

	// ErrHeld says that TryAcquire could not have the lock. It comes as a
	// *HeldError.
	ErrHeld = errors.New("held by another")

	// ErrDeadlock says that waiting for the lock would close a cycle of those who
	// wait for each other. It comes as a *DeadlockError.
	ErrDeadlock = errors.New("deadlock")
)

// Why a Lease is over: Lease.Err, Lease.Release and the cause of Lease.Context.
var (
	// ErrReleased says that the lock was given back: with Release, or with the
	// client.
	ErrReleased = errors.New("lease released")

	// ErrLost says that the nodes could not be told in time that this client
	// lives, or that they have forgotten it.
	ErrLost = errors.New("lease lost")

	// ErrExpired says that the lock was held for its MaxHold.
	ErrExpired = errors.New("lease expired")

	// ErrRevoked says that somebody took the lock away. It comes as a
	// *RevokedError, which has the reason.
	ErrRevoked = errors.New("lease revoked")
)

// HeldError is an ErrHeld.
type HeldError struct {
	Name string
	// Lock shows who held the lock just after it was refused. It has no more than
	// the name if that was not to be found out, or if the lock was free by then.
	Lock LockInfo
}

// DeadlockError is an ErrDeadlock.
type DeadlockError struct {
	Cycle string // who waits for whom, for people
}

// RevokedError is an ErrRevoked.
type RevokedError struct{ Reason string }

// explain turns what the core says into what callers are promised.
func explain(verb, name string, nodes []string, err error) error {
	return explainAs(fmt.Sprintf("lockstep: %s %q", verb, name), nodes, err)
}

// explainAs is explain for what is not about one name.
func explainAs(what string, nodes []string, err error) error {
	var limit *replica.LimitError
	var incompatible *replica.IncompatibleError
	switch {
	case errors.As(err, &limit):
		return fmt.Errorf("%s: %w: %s", what, ErrInvalid, limit)
	case errors.As(err, &incompatible) && strings.HasPrefix(incompatible.Reason, remote.NotAdmitted):
		return fmt.Errorf("%s: %w: node %s says: %s", what, ErrForbidden, incompatible.Node, strings.TrimPrefix(incompatible.Reason, remote.NotAdmitted))
	case errors.As(err, &incompatible):
		return fmt.Errorf("%s: %w: node %s says: %s", what, ErrIncompatible, incompatible.Node, incompatible.Reason)
	case errors.Is(err, replica.ErrSessionExpired):
		return fmt.Errorf("%s: %w: whether it was executed is unknown", what, wanting(err, ErrSessionExpired))
	case errors.Is(err, replica.ErrClosed):
		return fmt.Errorf("%s: %w", what, ErrClosed)
	case errors.Is(err, replica.ErrBusy):
		return fmt.Errorf("%s: %w", what, ErrOverloaded)
	case ended(err) != nil:
		return fmt.Errorf("%s: no definite answer from %v: %w: %w", what, nodes, ErrUnknown, ended(err))
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
}

// ended returns why the caller's context has ended, if that is what err is.
func ended(err error) error {
	for _, cause := range []error{context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, cause) {
			return wanting(err, cause)
		}
	}
	return nil
}

// wanting says of an end that it came for want of a quorum, if it did.
func wanting(err, end error) error {
	if errors.Is(err, replica.ErrNoQuorum) {
		return fmt.Errorf("%w: %w", ErrNoQuorum, end)
	}
	return end
}

// explainAcquire is explain for requests of which nothing stays: what was not
// granted in time is undone, or goes with the session.
func explainAcquire(name string, nodes []string, err error) error {
	what := fmt.Sprintf("lockstep: acquire %q", name)
	switch {
	case errors.Is(err, replica.ErrSessionExpired):
		return fmt.Errorf("%s: nothing is held: %w", what, wanting(err, ErrSessionExpired))
	case ended(err) != nil:
		return fmt.Errorf("%s: nothing is held: %w", what, ended(err))
	default:
		return explain("acquire", name, nodes, err)
	}
}

// explainInquiry is explain for questions, which change nothing.
func explainInquiry(what, name string, nodes []string, err error) error {
	if ended(err) != nil {
		return fmt.Errorf("lockstep: %s %q: %w from %v: %w", what, name, ErrNoAnswer, nodes, ended(err))
	}
	return explain(what, name, nodes, err)
}

// explainOrder is explain for an operator's orders, which may be repeated.
func explainOrder(what string, nodes []string, err error) error {
	if ended(err) != nil {
		return fmt.Errorf("lockstep: %s: not done yet, as far as %v have told: %w", what, nodes, ended(err))
	}
	return explainAs("lockstep: "+what, nodes, err)
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%q is %s", e.Name, ErrHeld)
}

// Is makes every HeldError an ErrHeld.
func (e *HeldError) Is(target error) bool { return target == ErrHeld }

func (e *DeadlockError) Error() string { return fmt.Sprintf("%s: %s", ErrDeadlock, e.Cycle) }

// Is makes every DeadlockError an ErrDeadlock.
func (e *DeadlockError) Is(target error) bool { return target == ErrDeadlock }

func (e *RevokedError) Error() string { return fmt.Sprintf("%s: %s", ErrRevoked, e.Reason) }

// Is makes every RevokedError an ErrRevoked.
func (e *RevokedError) Is(target error) bool { return target == ErrRevoked }
