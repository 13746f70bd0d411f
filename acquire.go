package lockstep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockstep/lock"
)

// Acquire takes the named lock, and waits for it until ctx ends: first come,
// first served. When an error comes back nothing is held. ErrDeadlock says that
// waiting would never have ended.
func (c *Client) Acquire(ctx context.Context, name string, opts ...LockOption) (*Lease, error) {
	return c.acquire(ctx, []string{name}, true, opts)
}

// TryAcquire takes the named lock if it can be had at once. Otherwise the error
// is ErrHeld, and a *HeldError shows by whom.
func (c *Client) TryAcquire(ctx context.Context, name string, opts ...LockOption) (*Lease, error) {
	return c.acquire(ctx, []string{name}, false, opts)
}

// AcquireAll takes all of the named locks together, or waits for all. The
// options hold for each of them.
func (c *Client) AcquireAll(ctx context.Context, names []string, opts ...LockOption) (*Lease, error) {
	return c.acquire(ctx, names, true, opts)
}

// TryAcquireAll takes all of the named locks if they can be had at once, or
// none. The error is then as for TryAcquire, of the first that is not free.
func (c *Client) TryAcquireAll(ctx context.Context, names []string, opts ...LockOption) (*Lease, error) {
	return c.acquire(ctx, names, false, opts)
}

func (c *Client) acquire(ctx context.Context, names []string, wait bool, opts []LockOption) (*Lease, error) {
	command, err := commandFor(ctx, names, wait, opts)
	if err != nil {
		return nil, fmt.Errorf("lockstep: acquire %q: %w", names, err)
	}
	call := "lockstep/TryAcquire"
	if wait {
		call = "lockstep/Acquire"
	}
	asking, span := c.begin(ctx, call, command.Name)
	lease, err := c.take(ctx, asking, command)
	finish(span, err)
	return lease, err
}

// take has an Acquire executed. The nodes are asked with a context of their own,
// which the lease does not have: what is asked under it later is no part of this.
func (c *Client) take(ctx, asking context.Context, command lock.Command) (*Lease, error) {
	holding, result, err := c.caller.Acquire(asking, command)
	for command.Wait && c.asksAgain(err) {
		holding, result, err = c.caller.Acquire(asking, command)
	}
	if err != nil {
		return nil, explainAcquire(command.Name, c.known(), err)
	}
	l := &Lease{client: c, holding: holding, name: command.Name, values: ctx}
	if command.Terms != nil {
		l.and = command.Terms.And
	}
	if holding == nil {
		return nil, c.refused(ctx, l.Names(), result)
	}
	return l, nil
}

func (c *Client) refused(ctx context.Context, names []string, result lock.Result) error {
	if result.Outcome == lock.Deadlock {
		return fmt.Errorf("lockstep: acquire %q: %w", names[0], &DeadlockError{result.Cycle})
	}
	info := c.whoHolds(ctx, names)
	return fmt.Errorf("lockstep: acquire: %w", &HeldError{Name: info.Name, Lock: info})
}

// showWithin is how long a refused TryAcquire may take to find out who holds the
// lock.
const showWithin = time.Second

// whoHolds shows the first lock that is not free, as well as it can.
func (c *Client) whoHolds(ctx context.Context, names []string) LockInfo {
	ctx, cancel := context.WithTimeout(ctx, showWithin)
	defer cancel()
	for _, name := range names {
		info, err := c.Show(ctx, name)
		if err != nil {
			break
		}
		if !info.Free() {
			return info
		}
	}
	return LockInfo{Name: names[0]}
}

// Do acquires the named lock, runs work, and releases the lock after work has
// returned. The context of work ends with ctx or with the lease, whichever is
// first. Do returns the error of work, joined with the reason if the lease was
// lost meanwhile.
func (c *Client) Do(ctx context.Context, name string, work func(context.Context, *Lease) error, opts ...LockOption) error {
	lease, err := c.Acquire(ctx, name, opts...)
	if err != nil {
		return err
	}
	return lease.during(ctx, work)
}

var errNotAlone = errors.New("a leader is alone: neither Shared nor Permits can be asked for")

// Elect waits until this client is the one that holds the name, which makes it
// the leader. It leads until the lease ends.
func (c *Client) Elect(ctx context.Context, name string, opts ...LockOption) (*Lease, error) {
	alone := func(r *request) {
		if r.want.Mode != lock.Exclusive {
			r.err = errNotAlone
		}
	}
	return c.acquire(ctx, []string{name}, true, append(opts[:len(opts):len(opts)], alone))
}

// Revoke takes the named lock away from whoever holds it, also from a Clerk. The
// holders' leases end with ErrRevoked and the reason. It returns false if nobody
// held the lock.
func (c *Client) Revoke(ctx context.Context, name, reason string) (bool, error) {
	command := lock.Command{Verb: lock.Revoke, Name: name, Terms: &lock.Terms{Info: lock.Info(reason)}}
	ctx, span := c.begin(ctx, "lockstep/Revoke", name)
	result, err := c.caller.Ask(ctx, command)
	for c.asksAgain(err) {
		result, err = c.caller.Ask(ctx, command)
	}
	finish(span, err)
	if err != nil {
		return false, explain("revoke", name, c.known(), err)
	}
	return result.Outcome == lock.Released, nil
}
