package replica

import (
	"errors"

	"lockstep/lock"
)

// Why a call has no result. ErrBusy and LimitError say that the request had no
// effect. After the others it may have been executed, or may be yet; that ends
// with the next answer to a call of the same clerk (S4), or with the session.
var (
	ErrSessionExpired = errors.New("replica: the session has expired; the request may have been executed")
	ErrDeadline       = errors.New("replica: the deadline has passed; the request may have been executed")
	ErrCanceled       = errors.New("replica: the call was given up; the request may have been executed")
	ErrClosed         = errors.New("replica: the client is closed")
	ErrBusy           = errors.New("replica: 16384 calls wait already; the call was not sent")
	// ErrNoQuorum: the nodes that answer know of no primary.
	ErrNoQuorum = errors.New("replica: the nodes that answer know of no primary")
	// ErrBadAnswer is an answer that no node of this version can have given to
	// the request.
	ErrBadAnswer = errors.New("replica: the answer does not fit the request")
)

// Why a lease ended.
var (
	// ErrLost: the nodes could not be reached in time (T4), or said that the
	// session had expired.
	ErrLost     = errors.New("replica: the session was lost, and the lock with it")
	ErrExpired  = errors.New("replica: the lock was held for the longest time that its holder had asked for")
	ErrRevoked  = errors.New("replica: an operator took the lock away")
	ErrReleased = errors.New("replica: the lock was given back")
)

// LimitError refuses a request for its form or for a limit that it met. The
// request had no effect.
type LimitError struct{ Limit lock.Limit }

func (e *LimitError) Error() string { return e.Limit.String() }

// IncompatibleError fails the calls when no node will talk to us. Node is the
// last that refused.
type IncompatibleError struct {
	Node   NodeID
	Reason string
}

func (e *IncompatibleError) Error() string {
	return "replica: no node accepts this client; " + string(e.Node) + " says: " + e.Reason
}

// conclude is the meaning of an executed request's result (design section 7).
func conclude(r lock.Result) error {
	switch r.Outcome {
	case lock.Granted, lock.Held, lock.Released, lock.NotHeld, lock.Deadlock:
		return nil
	case lock.Invalid, lock.LimitReached:
		return &LimitError{r.Limit}
	default:
		return ErrBadAnswer
	}
}
