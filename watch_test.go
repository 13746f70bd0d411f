package lockstep_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"lockstep"
	"lockstep/locktest"
)

// watcher follows a watch from a goroutine of its own.
type watcher struct {
	events chan lockstep.Event
	err    chan error
}

// watch returns when the watch has begun.
func watch(ctx context.Context, t *testing.T, client *lockstep.Client, prefix string) watcher {
	t.Helper()
	w := watcher{make(chan lockstep.Event), make(chan error, 1)}
	go func() {
		for event, err := range client.Watch(ctx, prefix) {
			if err != nil {
				w.err <- err
				return
			}
			w.events <- event
		}
	}()
	w.next(t, lockstep.EventBegan, "")
	return w
}

func (w watcher) next(t *testing.T, kind lockstep.EventKind, name string) lockstep.Event {
	t.Helper()
	select {
	case event := <-w.events:
		if event.Kind != kind || event.Name != name {
			t.Fatalf("want %s %q, got %+v", kind, name, event)
		}
		return event
	case err := <-w.err:
		t.Fatal(err)
	case <-time.After(time.Minute):
		t.Fatalf("no event in a minute, want %s %q", kind, name)
	}
	panic("unreachable")
}

func TestAWatchTellsWhatHappens(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		ctx, cancel := context.WithCancel(t.Context())
		client := pair.Client()
		w := watch(ctx, t, pair.Client(), "deploy/")
		acquired(t, client, "db") // below another prefix
		lease := acquired(t, client, "deploy/web", lockstep.MaxHold(time.Hour))
		event := w.next(t, lockstep.EventAcquired, "deploy/web")
		if event.Token != lease.Token() || event.Session != lease.Session() || event.Span.Duration != time.Hour || event.At.IsZero() {
			t.Errorf("%+v", event)
		}
		next := waitFor(t.Context(), t, pair.Client(), "deploy/web")
		w.next(t, lockstep.EventWaitBegan, "deploy/web")
		release(t, lease)
		w.next(t, lockstep.EventReleased, "deploy/web")
		w.next(t, lockstep.EventAcquired, "deploy/web")
		next.got(t)
		if _, err := client.Revoke(t.Context(), "deploy/web", "enough"); err != nil {
			t.Fatal(err)
		}
		if event := w.next(t, lockstep.EventRevoked, "deploy/web"); event.Reason != "enough" {
			t.Errorf("%+v", event)
		}
		cancel()
		if err := <-w.err; !errors.Is(err, context.Canceled) {
			t.Errorf("the watch ended with %v", err)
		}
	})
}

// Whoever watches misses nothing when a node dies.
func TestAWatchOutlivesThePrimary(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		client := pair.Client()
		w := watch(ctx, t, pair.Client(), "db")
		lease := acquired(t, client, "db")
		w.next(t, lockstep.EventAcquired, "db")
		pair.KillPrimary()
		release(t, lease)
		w.next(t, lockstep.EventReleased, "db")
	})
}
