package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// waiter is one caller's way to a lock that it waits for.
type waiter interface {
	// wait returns when the lock is this caller's.
	wait(ctx context.Context, name string) error
	unlock(ctx context.Context, name string) (bool, error)
}

// exchange is a lock service whose locks are waited for.
type exchange interface {
	line(ctx context.Context, waiters int) ([]waiter, func(), error)
}

// handOffs is what was measured once of one lock that goes round.
type handOffs struct {
	PerSecond float64 `json:"hand_offs_per_second"` // to another caller than the last holder
	Grants    int64   `json:"grants"`               // in all
	Most      int64   `json:"most_grants_of_a_caller"`
	Fewest    int64   `json:"fewest_grants_of_a_caller"`
}

// baton is the lock that goes round. Whoever holds it writes to it without any
// other protection, which makes the race detector a witness.
type baton struct {
	name    string
	holders atomic.Int32
	over    atomic.Bool
	count   atomic.Bool // what happens now counts

	last      int
	passed    int64
	perCaller []int64
}

// loop waits for the baton and passes it on, over and over.
func (b *baton) loop(ctx context.Context, i int, w waiter) error {
	for !b.over.Load() {
		if err := w.wait(ctx, b.name); err != nil {
			return err
		}
		if b.holders.Add(1) > 1 {
			return fmt.Errorf("two hold %s at once", b.name)
		}
		b.note(i)
		b.holders.Add(-1)
		if yes, err := w.unlock(ctx, b.name); err != nil || !yes {
			return errors.Join(err, fmt.Errorf("%s was not there to be released: %v", b.name, yes))
		}
	}
	return nil
}

func (b *baton) note(i int) {
	if b.count.Load() {
		b.perCaller[i]++
		if b.last != i {
			b.passed++
		}
	}
	b.last = i
}

// handOff lets so many callers wait for one lock for a while.
func handOff(ctx context.Context, s exchange, waiters int, warmUp, duration time.Duration) (h handOffs, err error) {
	line, free, err := s.line(ctx, waiters)
	if err != nil {
		return h, err
	}
	defer free()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b := &baton{name: fmt.Sprintf("baton-%d", time.Now().UnixNano()), perCaller: make([]int64, waiters), last: -1}
	errs := make([]error, waiters)
	var group sync.WaitGroup
	for i, w := range line {
		group.Go(func() {
			if errs[i] = b.loop(ctx, i, w); errs[i] != nil {
				cancel() // the others would wait for ever
			}
		})
	}
	pause(ctx, warmUp)
	b.count.Store(true)
	began := time.Now()
	pause(ctx, duration)
	b.count.Store(false)
	took := time.Since(began)
	b.over.Store(true)
	group.Wait()
	if err := errors.Join(errors.Join(errs...), ctx.Err()); err != nil {
		return h, err
	}
	h = handOffs{PerSecond: float64(b.passed) / took.Seconds(), Most: slices.Max(b.perCaller), Fewest: slices.Min(b.perCaller)}
	for _, n := range b.perCaller {
		h.Grants += n
	}
	return h, nil
}

// handOffRow compares the two at one number of waiters.
type handOffRow struct {
	Waiters  int        `json:"waiters"`
	Kind     string     `json:"kind"` // "goroutines" on one client, or "clients"
	Redis    []handOffs `json:"redis_wait"`
	Lockstep []handOffs `json:"lockstep"`
	Ratio    middle     `json:"ratio_hand_offs_per_second"` // Lockstep's to Redis's, of each run
}

func compareHandOffs(ctx context.Context, s settings, waiters int, kind string, redis, lockstep exchange) (handOffRow, error) {
	r := handOffRow{Waiters: waiters, Kind: kind}
	for i := range s.runs {
		fmt.Fprintf(os.Stderr, "%d %s that wait for one lock, run %d of %d\n", waiters, kind, i+1, s.runs)
		theirs, err := handOff(ctx, redis, waiters, s.warmUp, s.duration)
		if err != nil {
			return r, fmt.Errorf("redis: %w", err)
		}
		ours, err := handOff(ctx, lockstep, waiters, s.warmUp, s.duration)
		if err != nil {
			return r, fmt.Errorf("lockstep: %w", err)
		}
		r.Redis, r.Lockstep = append(r.Redis, theirs), append(r.Lockstep, ours)
	}
	r.finish()
	return r, nil
}

func (r *handOffRow) finish() {
	ratios := make([]float64, len(r.Redis))
	for i, theirs := range r.Redis {
		ratios[i] = r.Lockstep[i].PerSecond / max(1, theirs.PerSecond)
	}
	r.Ratio = middleOf(ratios)
}

// handOffCells are the hand-offs a second, and the grants of one caller in all runs.
func handOffCells(runs []handOffs) string {
	rates := make([]float64, len(runs))
	fewest, most := runs[0].Fewest, int64(0)
	for i, run := range runs {
		rates[i] = run.PerSecond
		fewest, most = min(fewest, run.Fewest), max(most, run.Most)
	}
	m := middleOf(rates)
	return fmt.Sprintf("%.0f (%.0f..%.0f)\t%d..%d", m.Median, m.Min, m.Max, fewest, most)
}
