package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestBadFlagsAreRefused(t *testing.T) {
	for _, args := range []string{"-callers x", "-callers 0", "-clients 1,,2", "-runs 0", "-duration 0s", "-callers= -clients= -leases= -waiters= -quorum=", "-quorum x", "-waiters 0", "-redis-poll -1s", "surplus", "-nonsense"} {
		if _, err := parse(strings.Fields(args)); !errors.As(err, new(usageError)) {
			t.Errorf("%s: got %v, want a complaint about the command line", args, err)
		}
	}
}

func TestAMissingRedisIsNamed(t *testing.T) {
	_, err := startRedis(t.Context(), "/nowhere/redis-server", t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "install") {
		t.Errorf("got %v, want what to install", err)
	}
}

func TestRatiosAreOfTheSameRun(t *testing.T) {
	r := row{Callers: 256, Kind: "goroutines",
		Redis:    runs{Runs: []figures{{OpsPerSecond: 100, P50: 10, P99: 30}, {OpsPerSecond: 200, P50: 20, P99: 50}, {OpsPerSecond: 400, P50: 30, P99: 60}}},
		Lockstep: runs{Runs: []figures{{OpsPerSecond: 300, P50: 20, P99: 30}, {OpsPerSecond: 800, P50: 20, P99: 50}, {OpsPerSecond: 800, P50: 15, P99: 60}}},
	}
	r.finish()
	if r.Ratio != (middle{Median: 3, Min: 2, Max: 4}) || r.P50Ratio != (middle{Median: 1, Min: 0.5, Max: 2}) {
		t.Errorf("the ratios are %+v and %+v", r.Ratio, r.P50Ratio)
	}
	var out bytes.Buffer
	if err := (&report{Rows: []row{r}}).write(&out); err != nil || !strings.Contains(out.String(), "3.00 (2.00..4.00)") {
		t.Errorf("%v\n%s", err, &out)
	}
}

// passedOn is a lock that several waiters hand on.
type passedOn struct{ free chan struct{} }

func (p passedOn) wait(ctx context.Context, _ string) error {
	select {
	case <-p.free:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p passedOn) unlock(context.Context, string) (bool, error) {
	p.free <- struct{}{}
	return true, nil
}

// line makes as many waiters as are wanted at a lock that so many can hold.
func (p passedOn) line(_ context.Context, n int) (line []waiter, free func(), err error) {
	for range n {
		line = append(line, p)
	}
	return line, func() {}, nil
}

func heldBy(n int) passedOn {
	p := passedOn{make(chan struct{}, n)}
	for range n {
		p.free <- struct{}{}
	}
	return p
}

func TestHandOffsAreThoseToAnother(t *testing.T) {
	alone, err := handOff(t.Context(), heldBy(1), 1, 0, 20*time.Millisecond)
	if err != nil || alone.Grants < 2 || alone.PerSecond > 60 {
		t.Errorf("%v, %+v: one caller hands nothing over", err, alone)
	}
	both, err := handOff(t.Context(), heldBy(1), 2, 0, 20*time.Millisecond)
	if err != nil || both.PerSecond < 100 || both.Fewest == 0 {
		t.Errorf("%v, %+v", err, both)
	}
}

func TestALockOfTwoHoldersIsNoLock(t *testing.T) {
	if _, err := handOff(t.Context(), heldBy(2), 4, 0, time.Minute); err == nil || !strings.Contains(err.Error(), "two hold") {
		t.Errorf("got %v", err)
	}
}
