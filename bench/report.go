package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
)

// report is everything that was measured.
type report struct {
	Rows     []row        `json:"rows"`
	HandOffs []handOffRow `json:"hand_offs"`
	Quorums  []quorumRow  `json:"quorums"`
}

// row compares the two at one number of callers.
type row struct {
	Callers  int    `json:"callers"`
	Kind     string `json:"kind"` // "goroutines" on one client, "clients", or goroutines with "leases"
	Redis    runs   `json:"redis_wait"`
	Lockstep runs   `json:"lockstep"`
	Ratio    middle `json:"ratio_ops_per_second"` // Lockstep's to Redis's, of each run
	P50Ratio middle `json:"ratio_p50"`
}

// runs are what was measured of one service.
type runs struct {
	Runs         []figures `json:"runs"`
	OpsPerSecond middle    `json:"ops_per_second"`
	P50          middle    `json:"p50_us"`
	P99          middle    `json:"p99_us"`
}

// middle is a median, between the least and the most.
type middle struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func middleOf(values []float64) middle {
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	return middle{Median: (values[(n-1)/2] + values[n/2]) / 2, Min: values[0], Max: values[n-1]}
}

// comparePairs measures both services in turns, so that what else the machine
// does hits both alike.
func (r *report) comparePairs(ctx context.Context, s settings, redis *redisPair, lockstep *lockstepNodes) error {
	for _, part := range []struct {
		callers []int
		kind    string
		service service
	}{
		{s.callers, "goroutines", lockstep},
		{s.clients, "clients", clientActors{lockstep}},
		{s.leases, "leases", leased{lockstep, false}},
	} {
		for _, n := range part.callers {
			row, err := compareAt(ctx, s, n, part.kind, redis, part.service)
			if err != nil {
				return err
			}
			r.Rows = append(r.Rows, row)
		}
	}
	for _, n := range s.waiters {
		for i, kind := range []string{"goroutines", "clients"} {
			row, err := compareHandOffs(ctx, s, n, kind, redis, leased{lockstep, i == 1})
			if err != nil {
				return err
			}
			r.HandOffs = append(r.HandOffs, row)
		}
	}
	return nil
}

func compareAt(ctx context.Context, s settings, callers int, kind string, redis, lockstep service) (row, error) {
	r := row{Callers: callers, Kind: kind}
	for i := range s.runs {
		fmt.Fprintf(os.Stderr, "%d %s, run %d of %d\n", callers, kind, i+1, s.runs)
		theirs, err := measure(ctx, redis, callers, s.warmUp, s.duration)
		if err != nil {
			return r, fmt.Errorf("redis: %w", err)
		}
		ours, err := measure(ctx, lockstep, callers, s.warmUp, s.duration)
		if err != nil {
			return r, fmt.Errorf("lockstep: %w", err)
		}
		r.Redis.Runs = append(r.Redis.Runs, theirs)
		r.Lockstep.Runs = append(r.Lockstep.Runs, ours)
	}
	r.finish()
	return r, nil
}

func (r *row) finish() { r.Ratio, r.P50Ratio = ratios(&r.Redis, &r.Lockstep) }

// ratios are of what was measured right after each other.
func ratios(theirs, ours *runs) (opsPerSecond, p50 middle) {
	var ops, p50s []float64
	for i, o := range ours.Runs {
		t := theirs.Runs[i]
		ops = append(ops, o.OpsPerSecond/t.OpsPerSecond)
		p50s = append(p50s, o.P50/t.P50)
	}
	theirs.finish()
	ours.finish()
	return middleOf(ops), middleOf(p50s)
}

func (r *runs) finish() {
	of := func(f func(figures) float64) middle {
		var values []float64
		for _, run := range r.Runs {
			values = append(values, f(run))
		}
		return middleOf(values)
	}
	r.OpsPerSecond = of(func(f figures) float64 { return f.OpsPerSecond })
	r.P50 = of(func(f figures) float64 { return f.P50 })
	r.P99 = of(func(f figures) float64 { return f.P99 })
}

// write prints tables. Every figure is a median, with the least and the most
// behind it.
func (r *report) write(w io.Writer) error {
	return errors.Join(r.writePairs(w), r.writeHandOffs(w), r.writeQuorums(w))
}

func (r *report) writePairs(w io.Writer) error {
	if len(r.Rows) == 0 {
		return nil
	}
	fmt.Fprintln(w, "Redis: primary and replica, SET NX PX and compare-and-delete, each with WAIT 1 in the same round trip")
	fmt.Fprintln(w, "Lockstep: two lockd; goroutines share one client, clients are one each; leases are of goroutines")
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "callers\tRedis ops/s\tp50\tp99\tLockstep ops/s\tp50\tp99\tops/s ratio\tp50 ratio")
	for _, row := range r.Rows {
		fmt.Fprintf(table, "%d %s\t%s\t%s\t%s\n", row.Callers, row.Kind, row.Redis.cells(), row.Lockstep.cells(), ratioCells(row.Ratio, row.P50Ratio))
	}
	return table.Flush()
}

func ratioCells(ops, p50 middle) string {
	return fmt.Sprintf("%.2f (%.2f..%.2f)\t%.2f (%.2f..%.2f)", ops.Median, ops.Min, ops.Max, p50.Median, p50.Min, p50.Max)
}

// writeHandOffs prints a table of its own.
func (r *report) writeHandOffs(w io.Writer) error {
	if len(r.HandOffs) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nOne lock that all wait for: hand-offs to another than the last holder. Redis is polled, Lockstep has a queue")
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "waiters\tRedis hand-offs/s\tgrants of one\tLockstep hand-offs/s\tgrants of one\tratio")
	for _, row := range r.HandOffs {
		fmt.Fprintf(table, "%d %s\t%s\t%s\t%.2f (%.2f..%.2f)\n", row.Waiters, row.Kind,
			handOffCells(row.Redis), handOffCells(row.Lockstep), row.Ratio.Median, row.Ratio.Min, row.Ratio.Max)
	}
	return table.Flush()
}

func (r *runs) cells() string {
	return fmt.Sprintf("%s (%s..%s)\t%.0f µs\t%.0f µs", short(r.OpsPerSecond.Median), short(r.OpsPerSecond.Min), short(r.OpsPerSecond.Max),
		r.P50.Median, r.P99.Median)
}

// short writes thousands as k.
func short(f float64) string {
	if f < 10_000 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.0fk", f/1000)
}
