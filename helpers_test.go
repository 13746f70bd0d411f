package lockstep_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockstep"
	"lockstep/locktest"
)

// onPair runs a test with a pair in a bubble, where waiting costs nothing.
func onPair(t *testing.T, test func(t *testing.T, pair *locktest.Pair)) {
	synctest.Test(t, func(t *testing.T) { test(t, locktest.StartPair(t)) })
}

// acquired is what a call has got. It may take no longer than a minute.
func acquired(t *testing.T, client *lockstep.Client, name string, opts ...lockstep.LockOption) *lockstep.Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	lease, err := client.Acquire(ctx, name, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

func release(t *testing.T, lease *lockstep.Lease) {
	t.Helper()
	if err := lease.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// wantHeld fails unless the lock cannot be had at once.
func wantHeld(t *testing.T, client *lockstep.Client, name string, opts ...lockstep.LockOption) *lockstep.HeldError {
	t.Helper()
	var held *lockstep.HeldError
	lease, err := client.TryAcquire(t.Context(), name, opts...)
	if !errors.As(err, &held) || !errors.Is(err, lockstep.ErrHeld) || lease != nil {
		t.Fatalf("want ErrHeld, got %v, %v", lease, err)
	}
	return held
}

// waits is an Acquire in a goroutine of its own.
type waits struct {
	lease *lockstep.Lease
	err   error
	at    time.Time // when it ended
	ended chan struct{}
}

// waitFor begins an Acquire, and returns when it waits in the lock's queue.
func waitFor(ctx context.Context, t *testing.T, client *lockstep.Client, name string, opts ...lockstep.LockOption) *waits {
	t.Helper()
	before := show(t, client, name).Waiters
	w := &waits{ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		w.lease, w.err = client.Acquire(ctx, name, opts...)
		w.at = time.Now()
	}()
	for show(t, client, name).Waiters == before {
		time.Sleep(time.Millisecond) // a poll: nothing is assumed about how long it takes
	}
	return w
}

// got returns what a wait has led to.
func (w *waits) got(t *testing.T) *lockstep.Lease {
	t.Helper()
	<-w.ended
	if w.err != nil {
		t.Fatal(w.err)
	}
	return w.lease
}

func (w *waits) isOver() bool {
	synctest.Wait()
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}

func show(t *testing.T, client *lockstep.Client, name string) lockstep.LockInfo {
	t.Helper()
	info, err := client.Show(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// lossOf notes when and why a lease ends. In ten minutes it has to.
func lossOf(t *testing.T, lease *lockstep.Lease) func() (time.Time, error) {
	var at time.Time
	var cause error
	var told sync.WaitGroup
	told.Go(func() {
		select {
		case <-lease.Context().Done():
			at, cause = time.Now(), context.Cause(lease.Context())
		case <-time.After(10 * time.Minute):
			t.Error("the lease does not end")
		}
	})
	return func() (time.Time, error) {
		told.Wait()
		return at, cause
	}
}
