package actors

import (
	"context"
	"sync"
	"time"

	"lockstep/lock"
	"lockstep/replica"
)

// Holding is what one Acquire got. The Client actor makes it with the answer, and
// it ends once: released by its owner, or lost. It costs no goroutine and no
// timer, and a context only if somebody asks for it.
type Holding struct {
	caller  *Caller
	name    string // one of its locks
	token   lock.Token
	session lock.SessionID
	until   replica.Instant // its MaxHold is over then; endless if it has none
	next    *Holding        // the actor's: another one with the same token (see holdings)

	mu     sync.Mutex
	cause  error             // nil while it is held
	ctx    context.Context   // nil until somebody asks for it
	cancel func(cause error) // of ctx
}

const endless = ^replica.Instant(0)

// Token returns the fencing token of the grant.
func (h *Holding) Token() lock.Token { return h.token }

// Session returns the session that holds the locks.
func (h *Holding) Session() lock.SessionID { return h.session }

// Err returns nil while the locks are held, and then why they are not.
func (h *Holding) Err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cause
}

// Remaining returns for how long the locks are certain to be held if the nodes
// are not heard any more (T4), and 0 when they are not held any more.
func (h *Holding) Remaining() time.Duration {
	until, now := min(h.until, h.caller.believed()), h.caller.clock()
	if until <= now || h.Err() != nil {
		return 0
	}
	return time.Duration(until-now) * time.Millisecond
}

// Context returns a context that is cancelled when the holding ends. The first
// caller decides on its parent, which gives it values and should have no end of
// its own, and on how the cause is told.
func (h *Holding) Context(parent context.Context, tell func(cause error) error) context.Context {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx == nil {
		ctx, cancel := context.WithCancelCause(parent)
		h.ctx, h.cancel = ctx, func(cause error) { cancel(tell(cause)) }
		if h.cause != nil {
			h.cancel(h.cause)
		}
	}
	return h.ctx
}

// end makes the holding be over. It returns why it was before, or nil.
func (h *Holding) end(cause error) (before error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cause != nil {
		return h.cause
	}
	h.cause = cause
	if h.cancel != nil {
		h.cancel(cause)
	}
	return nil
}

// Release gives the locks back. The holding is over before anything is asked: its
// owner must have stopped using the locks by then. It returns why the holding was
// over before, if it was. When ctx ends first, the release goes on without its
// caller.
func (h *Holding) Release(ctx context.Context) error {
	if before := h.end(replica.ErrReleased); before != nil {
		return before
	}
	one := h.caller.queue.newCall()
	one.give(h)
	h.caller.follow(ctx, one)
	end, err := h.caller.await(ctx, one)
	if err == nil && end.Result.Outcome != lock.Released {
		return replica.ErrLost
	}
	return err
}

// Revoked is the cause of a holding's end when an operator took it away.
type Revoked struct{ Reason string }

func (r *Revoked) Error() string { return replica.ErrRevoked.Error() + ": " + r.Reason }

// Unwrap makes it a replica.ErrRevoked.
func (r *Revoked) Unwrap() error { return replica.ErrRevoked }

func lossOf(e replica.LeaseLost) error {
	if e.Cause == replica.ErrRevoked {
		return &Revoked{e.Reason}
	}
	return e.Cause
}
