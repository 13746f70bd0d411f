package main

import (
	"context"
	"errors"

	"lockstep"
	"lockstep/actors"
	"lockstep/lock"
)

// leased is the same nodes, by leases: of goroutines that share a client, or
// of clients of their own.
type leased struct {
	*lockstepNodes
	actors bool
}

// connect returns clerks that acquire and release leases.
func (l leased) connect(ctx context.Context, callers int) ([]clerk, func(), error) {
	holders, free, err := l.holders(ctx, callers)
	clerks := make([]clerk, len(holders))
	for i, h := range holders {
		clerks[i] = h
	}
	return clerks, free, err
}

// line returns waiters that stand in the lock's queue.
func (l leased) line(ctx context.Context, waiters int) ([]waiter, func(), error) {
	holders, free, err := l.holders(ctx, waiters)
	line := make([]waiter, len(holders))
	for i, h := range holders {
		line[i] = h
	}
	return line, free, err
}

func (l leased) holders(ctx context.Context, n int) ([]*holder, func(), error) {
	holders := make([]*holder, n)
	if l.actors {
		callers, free, err := l.spawnClients(n)
		for i, c := range callers {
			holders[i] = &holder{acquire: actorAcquire(c)}
		}
		return holders[:len(callers)], free, err
	}
	client, err := lockstep.Dial(ctx, l.addresses)
	if err != nil {
		return nil, nil, err
	}
	for i := range holders {
		holders[i] = &holder{acquire: clientAcquire(client)}
	}
	return holders, func() { client.Close() }, nil
}

// released is a lease.
type released interface{ Release(context.Context) error }

// holder holds one lease at a time.
type holder struct {
	acquire func(ctx context.Context, name string, wait bool) (released, error)
	held    released
}

func (h *holder) lock(ctx context.Context, name string) (bool, error) {
	held, err := h.acquire(ctx, name, false)
	h.held = held
	return held != nil, err
}

func (h *holder) wait(ctx context.Context, name string) error {
	held, err := h.acquire(ctx, name, true)
	h.held = held
	return err
}

func (h *holder) unlock(ctx context.Context, _ string) (bool, error) {
	err := h.held.Release(ctx)
	return err == nil, err
}

func clientAcquire(c *lockstep.Client) func(context.Context, string, bool) (released, error) {
	return func(ctx context.Context, name string, wait bool) (released, error) {
		ask := c.TryAcquire
		if wait {
			ask = c.Acquire
		}
		lease, err := ask(ctx, name)
		if err != nil {
			return nil, err
		}
		return lease, nil
	}
}

var errRefused = errors.New("refused")

func actorAcquire(c *actors.Caller) func(context.Context, string, bool) (released, error) {
	return func(ctx context.Context, name string, wait bool) (released, error) {
		holding, _, err := c.Acquire(ctx, lock.Command{Verb: lock.Acquire, Name: name, Wait: wait})
		if holding == nil {
			return nil, errors.Join(err, errRefused)
		}
		return holding, nil
	}
}
