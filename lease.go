package lockstep

import (
	"context"
	"time"
)

// Lease is a lock that is held, or several that were acquired together. It is
// used once: when it is released or lost, it stays so, and whoever wants the
// lock again acquires it again. It is safe for concurrent use.
type Lease struct{}

// Token returns the fencing token of the grant. It names the grant also when the
// lease is over.
func (l *Lease) Token() Token { return 0 }

// Names returns the locks of the lease, in the order of asking.
func (l *Lease) Names() []string { return nil }

// Session returns the name of the client's session, which holds the locks.
func (l *Lease) Session() string { return "" }

// Remaining returns for how long the lease is certain to last if the nodes are
// not heard any more. Keep-alives extend it. It is 0 when the lease is over.
func (l *Lease) Remaining() time.Duration { return 0 }

// Deadline returns the time until which the lease is certain to last if the
// nodes are not heard any more. It is the zero time when the lease is over.
func (l *Lease) Deadline() time.Time { return time.Time{} }

// Err returns nil while the lock is held. Then it is ErrReleased, ErrLost,
// ErrExpired or ErrRevoked, which comes as a *RevokedError.
func (l *Lease) Err() error { return nil }

// Context returns a context that ends when the lease does, before anybody else
// could be granted the lock. context.Cause tells why, as Err does. It has the
// values of the context that the lock was acquired with, but not its end. An
// Acquire under it tells the nodes that this lock is kept meanwhile.
func (l *Lease) Context() context.Context { return context.Background() }

// Release gives the lock back. The lease is over at once, whatever comes of it.
// It returns nil if the lock was held until now; ErrReleased if Release was
// called before; and why the lease was lost, if it was. With ErrUnknown no answer
// came before ctx ended, and the client goes on trying.
func (l *Lease) Release(ctx context.Context) error { return nil }
