package lockstep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockstep/actors"
	"lockstep/lock"
	"lockstep/replica"
)

// Lease is a lock that is held, or several that were acquired together. It is
// used once: when it is released or lost it stays so, and whoever wants the lock
// again acquires it again. It is safe for concurrent use.
type Lease struct {
	client  *Client
	holding *actors.Holding
	name    string
	and     []lock.Want     // what was acquired with it
	values  context.Context // with which it was acquired
}

// Token returns the fencing token of the grant. It names the grant also when the
// lease is over.
func (l *Lease) Token() Token { return Token(l.holding.Token()) }

// Names returns the locks of the lease, in the order of asking.
func (l *Lease) Names() []string {
	names := []string{l.name}
	for _, want := range l.and {
		names = append(names, want.Name)
	}
	return names
}

// Session returns the name of the client's session, which holds the locks.
func (l *Lease) Session() string { return sessionText(l.holding.Session()) }

// Remaining returns for how long the lease is certain to last if the nodes are
// not heard any more. Keep-alives extend it. It is 0 when the lease is over.
func (l *Lease) Remaining() time.Duration { return l.holding.Remaining() }

// Deadline returns the time until which the lease is certain to last if the
// nodes are not heard any more. It is the zero time when the lease is over.
func (l *Lease) Deadline() time.Time {
	left := l.holding.Remaining()
	if left == 0 {
		return time.Time{}
	}
	return time.Now().Add(left)
}

// Err returns nil while the lock is held. Then it is ErrReleased, ErrLost,
// ErrExpired or ErrRevoked, which comes as a *RevokedError.
func (l *Lease) Err() error { return leaseError(l.holding.Err()) }

// Context returns a context that ends when the lease does, before anybody else
// could be granted the lock. context.Cause tells why, as Err does. It has the
// values of the context that the lock was acquired with, but not its end. An
// Acquire under it tells the nodes that this lock is kept meanwhile.
func (l *Lease) Context() context.Context {
	return l.holding.Context(l.mark(context.WithoutCancel(l.values)), leaseError)
}

// mark makes what is acquired under a context be acquired under this lease.
func (l *Lease) mark(ctx context.Context) context.Context {
	return context.WithValue(ctx, underKey{}, lock.Holding{Name: l.name, Token: l.holding.Token()})
}

// Release gives the lock back. The lease is over at once, whatever comes of it.
// It returns nil if the lock was held until now; ErrReleased if Release was
// called before; and why the lease was lost, if it was. With ErrUnknown no answer
// came before ctx ended, and the client goes on trying; with ErrSessionExpired
// the lock goes with the session.
func (l *Lease) Release(ctx context.Context) error {
	ctx, span := l.client.begin(ctx, "lockstep/Release", l.name)
	err := l.holding.Release(ctx)
	finish(span, err)
	if cause := leaseError(err); cause != nil && cause != err {
		return fmt.Errorf("lockstep: release %q: %w", l.name, cause)
	}
	if err == nil {
		return nil
	}
	return explain("release", l.name, l.client.known(), err)
}

// releaseWithin is how long Do waits for the answer to its Release, which goes on
// without it.
const releaseWithin = 5 * time.Second

// during runs work with the lease, and releases it also when work panics.
func (l *Lease) during(ctx context.Context, work func(context.Context, *Lease) error) (err error) {
	working, cancel := context.WithCancelCause(l.mark(ctx))
	stop := context.AfterFunc(l.Context(), func() { cancel(l.Err()) })
	defer func() {
		stop()
		cancel(nil)
		err = errors.Join(err, l.giveBack(ctx))
	}()
	return work(working, l)
}

// giveBack releases the lease unless work did, and returns how it was lost, if it
// was. That no answer came is no news to whoever has done the work.
func (l *Lease) giveBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer cancel()
	err := l.Release(ctx)
	for _, loss := range []error{ErrLost, ErrExpired, ErrRevoked} {
		if errors.Is(err, loss) {
			return err
		}
	}
	return nil
}

// leaseError says in the words of this package why a lease is over. Other errors
// it returns as they are.
func leaseError(err error) error {
	if err == nil {
		return nil
	}
	var revoked *actors.Revoked
	switch {
	case errors.As(err, &revoked):
		return &RevokedError{revoked.Reason}
	case errors.Is(err, replica.ErrReleased):
		return ErrReleased
	case errors.Is(err, replica.ErrExpired):
		return ErrExpired
	case errors.Is(err, replica.ErrLost):
		return ErrLost
	default:
		return err
	}
}
