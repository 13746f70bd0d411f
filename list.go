package lockstep

import (
	"context"
	"iter"
)

// ListOption changes what List shows.
type ListOption func(*listOptions)

type listOptions struct{ queues bool }

// Queues lists the locks with those who wait for them.
func Queues() ListOption { return func(o *listOptions) { o.queues = true } }

// List yields the locks whose names begin with prefix, in the order of their
// names: those that are held, waited for, or closed by a lock-delay. They are
// fetched as they are asked for, so that a long list shows a moment each. After
// an error it ends.
func (c *Client) List(ctx context.Context, prefix string, opts ...ListOption) iter.Seq2[LockInfo, error] {
	return func(yield func(LockInfo, error) bool) {}
}

// Show returns the named lock with its queue.
func (c *Client) Show(ctx context.Context, name string) (LockInfo, error) { return LockInfo{}, nil }

// Sessions yields the clients' sessions, the oldest first, as List does.
func (c *Client) Sessions(ctx context.Context) iter.Seq2[SessionInfo, error] {
	return func(yield func(SessionInfo, error) bool) {}
}

// ShowSession returns one session, and the locks that it holds or waits for with
// their queues. Its name is what Lease.Session returns; of one that is over,
// ErrSessionExpired comes back.
func (c *Client) ShowSession(ctx context.Context, name string) (SessionInfo, []LockInfo, error) {
	return SessionInfo{}, nil, nil
}

// Deadlocks returns the cycles of those who wait for each other.
func (c *Client) Deadlocks(ctx context.Context) ([]Cycle, error) { return nil, nil }
