package main

import (
	"context"
	"errors"
	"time"

	"lockstep"
	"lockstep/actors"
	"lockstep/lock"
)

// tenant acquires leases.
type tenant interface {
	// acquire returns nil, and no error, if it was refused.
	acquire(ctx context.Context, w want) (lease, error)
}

// usher is a tenant that sees how many wait for a lock.
type usher interface {
	waiters(ctx context.Context, name string) (int, error)
}

// want is what is asked for.
type want struct {
	name   string
	shared bool
	wait   bool // in the queue, if the lock cannot be had at once
}

// lease is a lock that is held.
type lease interface {
	token() lock.Token
	// remaining is for how long the lease is certain to last, zero if it is over.
	remaining() time.Duration
	err() error // why the lease is over, if it is
	// release ends with ErrLost if the nodes knew nothing of it any more.
	release(ctx context.Context) error
}

// clientTenant is a goroutine of one client.
type clientTenant struct{ client *lockstep.Client }

func (t clientTenant) acquire(ctx context.Context, w want) (lease, error) {
	ask := t.client.TryAcquire
	if w.wait {
		ask = t.client.Acquire
	}
	var opts []lockstep.LockOption
	if w.shared {
		opts = append(opts, lockstep.Shared())
	}
	l, err := ask(ctx, w.name, opts...)
	switch {
	case errors.Is(err, lockstep.ErrHeld):
		return nil, nil
	case err != nil:
		return nil, err
	default:
		return clientLease{l}, nil
	}
}

func (t clientTenant) waiters(ctx context.Context, name string) (int, error) {
	info, err := t.client.Show(ctx, name)
	return info.Waiters, err
}

// clientLease is a lease of the Go API.
type clientLease struct{ *lockstep.Lease }

func (l clientLease) token() lock.Token                 { return lock.Token(l.Token()) }
func (l clientLease) remaining() time.Duration          { return l.Remaining() }
func (l clientLease) err() error                        { return l.Err() }
func (l clientLease) release(ctx context.Context) error { return l.Release(ctx) }

// actorTenant is a client actor of its own.
type actorTenant struct{ caller *actors.Caller }

func (t actorTenant) acquire(ctx context.Context, w want) (lease, error) {
	command := lock.Command{Verb: lock.Acquire, Name: w.name, Wait: w.wait}
	if w.shared {
		command.Mode = lock.Shared
	}
	holding, _, err := t.caller.Acquire(ctx, command)
	if holding == nil {
		return nil, err
	}
	return actorLease{holding}, nil
}

func (t actorTenant) waiters(ctx context.Context, name string) (int, error) {
	report, err := t.caller.Inquire(ctx, lock.Query{Kind: lock.QueryLock, Name: name})
	if err != nil || len(report.Locks) == 0 {
		return 0, err
	}
	return int(report.Locks[0].Waiters), nil
}

// actorLease is what a client actor holds.
type actorLease struct{ *actors.Holding }

func (l actorLease) token() lock.Token                 { return l.Token() }
func (l actorLease) remaining() time.Duration          { return l.Remaining() }
func (l actorLease) err() error                        { return l.Err() }
func (l actorLease) release(ctx context.Context) error { return l.Release(ctx) }
