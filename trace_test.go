package lockstep_test

import (
	"context"
	"errors"
	"testing"

	"lockstep"
	"lockstep/locktest"
	"lockstep/observe/traces"
	"lockstep/observe/traces/tracestest"
)

// TestCallsAreSpans: each call that asks for a lock or gives one back is a span of
// its own, below that of its context and nothing else.
func TestCallsAreSpans(t *testing.T) {
	pair, book := locktest.StartPair(t), new(tracestest.Book)
	client := pair.Client(lockstep.WithTracer(book))
	in, _ := traces.Parse(tracestest.Parent)
	ctx := traces.With(t.Context(), in)

	lease, err := client.Acquire(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.TryAcquire(ctx, "a"); !errors.Is(err, lockstep.ErrHeld) {
		t.Fatal(err)
	}
	inner, err := client.TryAcquire(lease.Context(), "b") // which has the values of ctx
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Revoke(ctx, "b", "to see"); err != nil {
		t.Fatal(err)
	}
	<-inner.Context().Done()
	clerk := client.Clerk()
	for _, call := range []func(context.Context, string) (bool, error){clerk.Lock, clerk.Unlock} {
		if yes, err := call(ctx, "c"); !yes || err != nil {
			t.Fatal(yes, err)
		}
	}
	if err := lease.Release(ctx); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := client.Acquire(gone, "d"); err == nil {
		t.Fatal("a lock is acquired by nobody")
	}

	want := []struct{ name, lock string }{
		{"lockstep/Acquire", "a"}, {"lockstep/TryAcquire", "a"}, {"lockstep/TryAcquire", "b"}, {"lockstep/Revoke", "b"},
		{"lockstep/Lock", "c"}, {"lockstep/Unlock", "c"}, {"lockstep/Release", "a"}, {"lockstep/Acquire", "d"},
	}
	all := book.Spans()
	if len(all) != len(want) {
		t.Fatalf("the spans are\n%s", book.Text())
	}
	for i, s := range all {
		if s.Name != want[i].name || s.Notes["lockstep.lock"] != want[i].lock || s.Kind != traces.Client || s.Parent != in || s.Ends != 1 {
			t.Errorf("span %d is %+v, want %v", i, s, want[i])
		}
		if fails := i == len(want)-1; (s.Failed != "") != fails {
			t.Errorf("span %d has failed: %q", i, s.Failed)
		}
	}
	if all[1].Notes["lockstep.outcome"] != "held" {
		t.Errorf("that the lock is held is not said: %v", all[1].Notes)
	}
}

// TestCallsOfOtherTraces: what nobody keeps makes no span, and changes nothing.
func TestCallsOfOtherTraces(t *testing.T) {
	pair, book := locktest.StartPair(t), new(tracestest.Book)
	client := pair.Client(lockstep.WithTracer(book))
	unkept, _ := traces.Parse(tracestest.Unkept)
	if err := client.Do(traces.With(t.Context(), unkept), "a", func(ctx context.Context, _ *lockstep.Lease) error {
		if traces.Of(ctx) != unkept {
			t.Error("the work is below another span")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got := book.Text(); got != "" {
		t.Errorf("the spans are\n%s", got)
	}
}
