package lockstep

import (
	"context"
	"fmt"
	"iter"

	"lockstep/lock"
)

// ListOption changes what List shows.
type ListOption func(*lock.Query)

// Queues lists the locks with those who wait for them.
func Queues() ListOption { return func(q *lock.Query) { q.Waiters = true } }

// List yields the locks whose names begin with prefix, in the order of their
// names: those that are held, waited for, or closed by a lock-delay. They are
// fetched as they are asked for, so that a long list is not that of one moment.
// After an error it ends.
func (c *Client) List(ctx context.Context, prefix string, opts ...ListOption) iter.Seq2[LockInfo, error] {
	q := lock.Query{Kind: lock.QueryLocks, Name: prefix}
	for _, option := range opts {
		option(&q)
	}
	return func(yield func(LockInfo, error) bool) {
		for page, err := range c.caller.Pages(ctx, q) {
			if err != nil {
				yield(LockInfo{}, explainInquiry("list", prefix, c.known(), err))
				return
			}
			for _, card := range page.Locks {
				if !yield(lockInfo(card), nil) {
					return
				}
			}
		}
	}
}

// Sessions yields the clients' sessions, the oldest first, as List does.
func (c *Client) Sessions(ctx context.Context) iter.Seq2[SessionInfo, error] {
	return func(yield func(SessionInfo, error) bool) {
		for page, err := range c.caller.Pages(ctx, lock.Query{Kind: lock.QuerySessions}) {
			if err != nil {
				yield(SessionInfo{}, explainInquiry("list sessions", "", c.known(), err))
				return
			}
			for _, card := range page.Sessions {
				if !yield(sessionInfo(card), nil) {
					return
				}
			}
		}
	}
}

// Show returns the named lock with its queue.
func (c *Client) Show(ctx context.Context, name string) (LockInfo, error) {
	report, err := c.inquire(ctx, "show", lock.Query{Kind: lock.QueryLock, Name: name, Waiters: true})
	if err != nil || len(report.Locks) == 0 {
		return LockInfo{Name: name, Holders: []HolderInfo{}}, err
	}
	return lockInfo(report.Locks[0]), nil
}

// ShowSession returns one session, and the locks that it holds or waits for with
// their queues. Its name is what Lease.Session returns; of one that is over,
// ErrSessionExpired comes back.
func (c *Client) ShowSession(ctx context.Context, name string) (SessionInfo, []LockInfo, error) {
	id, err := parseSession(name)
	if err != nil {
		return SessionInfo{}, nil, fmt.Errorf("lockstep: show session: %w", err)
	}
	report, err := c.inquire(ctx, "show session", lock.Query{Kind: lock.QuerySession, Session: id, Waiters: true})
	if err == nil && len(report.Sessions) == 0 {
		err = fmt.Errorf("lockstep: show session %s: %w", name, ErrSessionExpired)
	}
	if err != nil {
		return SessionInfo{}, nil, err
	}
	return sessionInfo(report.Sessions[0]), each(report.Locks, lockInfo), nil
}

// Deadlocks returns the cycles of those who wait for each other: first those that
// are certain, then those that are possible.
func (c *Client) Deadlocks(ctx context.Context) ([]Cycle, error) {
	report, err := c.inquire(ctx, "show deadlocks", lock.Query{Kind: lock.QueryDeadlocks})
	return each(report.Cycles, cycleInfo), err
}

// Verify reports whether the token is that of a current grant of the named lock.
// It is for resources that want to check with the service.
func (c *Client) Verify(ctx context.Context, name string, token Token) (bool, error) {
	report, err := c.inquire(ctx, "verify", lock.Query{Kind: lock.QueryToken, Name: name, Token: lock.Token(token)})
	return report.Current, err
}

// inquire asks about the state, for which no outcome is unknown.
func (c *Client) inquire(ctx context.Context, what string, q lock.Query) (lock.Report, error) {
	report, err := c.caller.Inquire(ctx, q)
	if err == nil {
		return report, nil
	}
	return report, explainInquiry(what, q.Name, c.known(), err)
}
