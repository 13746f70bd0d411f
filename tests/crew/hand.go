// Package crew is clients that work with locks and write down what they do and
// see, so that it can be judged.
package crew

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"lockstep"
	"lockstep/tests/history"
)

// Names are the locks that hands ask for: few, so that hands meet; several, so
// that the history of each stays short.
type Names struct {
	Leases []string
	Lab    []string // ownerless
}

// Hand is one client. It asks for one thing at a time.
type Hand struct {
	ID       int
	Client   *lockstep.Client
	Clerk    *lockstep.Clerk
	Recorder *history.Recorder
	Random   *rand.Rand
	Names    Names
	Longest  time.Duration // that it keeps a lease
	Rest     time.Duration // the longest between two requests
}

// patience is how long a hand mostly waits for an answer: longer than any fault,
// since every unknown outcome makes the search for an order longer.
const patience = 20 * time.Second

// Work goes on until ctx ends, and ends with nothing held.
func (h *Hand) Work(ctx context.Context) {
	for ctx.Err() == nil {
		switch h.Random.IntN(4) {
		case 0:
			h.lab(ctx)
		default:
			h.lease(ctx)
		}
		if h.Rest > 0 {
			pause(ctx, rand.N(h.Rest))
		}
	}
}

// Keep is Work with leases alone.
func (h *Hand) Keep(ctx context.Context) {
	for ctx.Err() == nil {
		h.lease(ctx)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (h *Hand) lab(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	name := h.Names.Lab[h.Random.IntN(len(h.Names.Lab))]
	o := history.Op{Client: h.ID, Kind: history.Lock, Name: name, Call: h.Recorder.Now()}
	ask := h.Clerk.Lock
	if h.Random.IntN(2) == 0 {
		o.Kind, ask = history.Unlock, h.Clerk.Unlock
	}
	yes, err := ask(ctx, name)
	switch {
	case err != nil:
		h.Recorder.Open(o)
		return
	case yes:
		o.Answer = history.Yes
	default:
		o.Answer = history.No
	}
	h.Recorder.Answered(o)
}

// lease takes a lock, keeps it for a moment or until it is lost, and gives it
// back.
func (h *Hand) lease(ctx context.Context) {
	held, o := h.acquire(context.WithoutCancel(ctx))
	if held == nil {
		return
	}
	until := h.hold(ctx, held, time.Duration(h.Random.Int64N(int64(h.Longest))))
	lost := history.Op{Client: h.ID, Kind: history.Lose, Name: o.Name, Token: o.Token, Call: until}
	if held.Err() != nil {
		h.Recorder.Open(lost)
		return
	}
	h.release(context.WithoutCancel(ctx), held, o, lost)
}

func (h *Hand) acquire(ctx context.Context) (*lockstep.Lease, history.Op) {
	waits := patience
	if h.Random.IntN(100) == 0 {
		waits = time.Duration(h.Random.IntN(20)) * time.Millisecond // gives up
	}
	ctx, cancel := context.WithTimeout(ctx, waits)
	defer cancel()
	o := history.Op{Client: h.ID, Kind: history.Acquire, Name: h.Names.Leases[h.Random.IntN(len(h.Names.Leases))]}
	var opts []lockstep.LockOption
	if h.Random.IntN(3) == 0 {
		o.Kind, opts = history.AcquireShared, []lockstep.LockOption{lockstep.Shared()}
	}
	ask := h.Client.Acquire
	if h.Random.IntN(2) == 0 {
		ask = h.Client.TryAcquire
	}
	o.Call = h.Recorder.Now()
	held, err := ask(ctx, o.Name, opts...)
	switch {
	case err == nil:
		o.Answer, o.Token = history.Yes, uint64(held.Token())
		h.Recorder.Answered(o)
	case errors.Is(err, lockstep.ErrHeld):
		o.Answer = history.No
		h.Recorder.Answered(o)
	default:
		h.Recorder.GaveUp(o)
	}
	return held, o
}

// hold keeps a lease and returns the moment until which its holder could believe
// in it: now, or its last deadline if it is lost.
func (h *Hand) hold(ctx context.Context, held *lockstep.Lease, d time.Duration) int64 {
	deadline := held.Deadline()
	for end := time.Now().Add(d); time.Now().Before(end) && held.Err() == nil && ctx.Err() == nil; {
		if next := held.Deadline(); !next.IsZero() {
			deadline = next
		}
		select {
		case <-held.Context().Done():
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	return min(h.Recorder.Now(), h.Recorder.At(deadline))
}

func (h *Hand) release(ctx context.Context, held *lockstep.Lease, o, lost history.Op) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	o.Kind, o.Call = history.Release, h.Recorder.Now()
	switch err := held.Release(ctx); {
	case err == nil:
		o.Answer = history.Yes
		h.Recorder.Answered(o)
	case errors.Is(err, lockstep.ErrLost):
		h.Recorder.Open(lost)
	default:
		o.Answer = history.Unknown
		h.Recorder.Open(o)
	}
}
