package lockstep

import "context"

// Acquire takes the named lock, and waits for it until ctx ends: first come,
// first served. When an error comes back nothing is held. ErrDeadlock says that
// waiting would never have ended.
func (c *Client) Acquire(ctx context.Context, name string, opts ...LockOption) (*Lease, error) {
	return c.AcquireAll(ctx, []string{name}, opts...)
}

// TryAcquire takes the named lock if it can be had at once. Otherwise the error
// is ErrHeld, and a *HeldError shows by whom.
func (c *Client) TryAcquire(ctx context.Context, name string, opts ...LockOption) (*Lease, error) {
	return c.TryAcquireAll(ctx, []string{name}, opts...)
}

// AcquireAll takes all of the named locks together, or waits for all. The
// options hold for each of them.
func (c *Client) AcquireAll(ctx context.Context, names []string, opts ...LockOption) (*Lease, error) {
	return nil, nil
}

// TryAcquireAll takes all of the named locks if they can be had at once, or
// none. The error is then as for TryAcquire, of the first that is held.
func (c *Client) TryAcquireAll(ctx context.Context, names []string, opts ...LockOption) (*Lease, error) {
	return nil, nil
}

// Do acquires the named lock, runs work, and releases the lock after work has
// returned. The context of work ends with ctx or with the lease, whichever is
// first. Do returns the error of work, joined with the reason if the lease was
// lost meanwhile.
func (c *Client) Do(ctx context.Context, name string, work func(context.Context, *Lease) error, opts ...LockOption) error {
	return nil
}

// Elect waits until this client is the one that holds the name, which makes it
// the leader. It leads until the lease ends.
func (c *Client) Elect(ctx context.Context, name string, opts ...LockOption) (*Lease, error) {
	return c.Acquire(ctx, name, opts...)
}

// Revoke takes the named lock away from whoever holds it, also from a Clerk. The
// holders' leases end with ErrRevoked and the reason. It returns false if nobody
// held the lock.
func (c *Client) Revoke(ctx context.Context, name, reason string) (bool, error) { return false, nil }

// Verify reports whether the token is that of a current grant of the named lock.
// It is for resources that want to check with the service.
func (c *Client) Verify(ctx context.Context, name string, token Token) (bool, error) {
	return false, nil
}
