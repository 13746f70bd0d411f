package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"lockstep/cmd/internal/cli"
)

// report is everything that the program prints in the end.
type report struct {
	Workload string   `json:"workload"`
	Locks    string   `json:"locks"` // "ownerless", "leases" or "both"
	Callers  int      `json:"callers"`
	Kind     string   `json:"kind"`    // "clients" or "goroutines"
	Service  string   `json:"service"` // "given", "embedded" or "spawned"
	Nodes    []string `json:"nodes"`
	OK       bool     `json:"ok"` // no wrong answer, and every caller going again
	Runs     []result `json:"runs"`
	Medians  medians  `json:"medians"`
}

// medians are over all runs.
type medians struct {
	OpsPerSecond    middle  `json:"ops_per_second"`
	P50             middle  `json:"p50_us"`
	P99             middle  `json:"p99_us"`
	FloorOps        *middle `json:"floor_ops_per_second,omitempty"`
	FloorP50        *middle `json:"floor_p50_us,omitempty"`
	ThroughputRatio *middle `json:"ratio_ops_per_second,omitempty"`
	P50Ratio        *middle `json:"ratio_p50,omitempty"`
	LeasesOps       *middle `json:"leases_ops_per_second,omitempty"`
	LeasesP50       *middle `json:"leases_p50_us,omitempty"`
	LeasesRatio     *middle `json:"leases_ratio_ops_per_second,omitempty"`
	LeasesP50Ratio  *middle `json:"leases_ratio_p50,omitempty"`
	HandOffs        *middle `json:"hand_offs_per_second,omitempty"`
}

func (r *report) finish() {
	r.Medians = medians{
		OpsPerSecond: middleOf(r.Runs, func(r result) float64 { return r.OpsPerSecond }),
		P50:          middleOf(r.Runs, func(r result) float64 { return r.All.P50 }),
		P99:          middleOf(r.Runs, func(r result) float64 { return r.All.P99 }),
	}
	r.OK = r.wrongs() == 0 && r.stuck() == 0
	if r.all(func(r *result) bool { return r.Floor != nil }) {
		r.Medians.FloorOps = r.middle(func(r result) float64 { return r.Floor.OpsPerSecond })
		r.Medians.FloorP50 = r.middle(func(r result) float64 { return r.Floor.P50 })
		r.Medians.ThroughputRatio = r.middle(func(r result) float64 { return r.Ratio.Throughput })
		r.Medians.P50Ratio = r.middle(func(r result) float64 { return r.Ratio.P50 })
	}
	if r.all(func(r *result) bool { return r.Leases != nil }) {
		r.Medians.LeasesOps = r.middle(func(r result) float64 { return r.Leases.OpsPerSecond })
		r.Medians.LeasesP50 = r.middle(func(r result) float64 { return r.Leases.All.P50 })
		r.Medians.LeasesRatio = r.middle(func(r result) float64 { return r.LeasesRatio.Throughput })
		r.Medians.LeasesP50Ratio = r.middle(func(r result) float64 { return r.LeasesRatio.P50 })
	}
	if r.all(func(r *result) bool { return r.Common != nil }) {
		r.Medians.HandOffs = r.middle(func(r result) float64 { return r.Common.HandOffsPerSec })
	}
}

func (r *report) all(has func(*result) bool) bool {
	return !slices.ContainsFunc(r.Runs, func(r result) bool { return !has(&r) })
}

func (r *report) middle(of func(result) float64) *middle {
	m := middleOf(r.Runs, of)
	return &m
}

// failure says in one line what no service may do, or what this one did not.
func (r *report) failure() error {
	switch {
	case r.wrongs() > 0:
		return cli.Fail(exitWrong, "%d wrong answers", r.wrongs())
	case r.operations() == 0:
		return cli.Fail(cli.Unavailable, "no request was answered")
	case r.stuck() > 0:
		return cli.Fail(cli.Unavailable, "%d callers were not going again at the end", r.stuck())
	default:
		return nil
	}
}

// loads are all that were measured.
func (r *report) loads() (all []*result) {
	for i := range r.Runs {
		all = append(all, &r.Runs[i])
		if leases := r.Runs[i].Leases; leases != nil {
			all = append(all, leases)
		}
	}
	return all
}

func (r *report) wrongs() (n int) {
	for _, run := range r.loads() {
		n += len(run.Wrongs) + run.MoreWrongs
	}
	return n
}

func (r *report) stuck() (n int) {
	for _, run := range r.loads() {
		n += run.Stuck
	}
	return n
}

// operations is how many were answered in all.
func (r *report) operations() (n int64) {
	for _, run := range r.loads() {
		n += run.Operations
	}
	return n
}

// write prints the report for people.
func (r *report) write(w io.Writer) {
	fmt.Fprintf(w, "%d %s, %s names, %s, %s pair %s\n", r.Callers, r.Kind, r.Workload, r.what(), r.Service, strings.Join(r.Nodes, " and "))
	for i, run := range r.Runs {
		if len(r.Runs) > 1 {
			fmt.Fprintf(w, "\nrun %d of %d\n", i+1, len(r.Runs))
		}
		run.write(w)
	}
	if len(r.Runs) > 1 {
		r.Medians.write(w, len(r.Runs))
	}
}

// what is measured, for people.
func (r *report) what() string {
	switch r.Locks {
	case leasedLocks.String():
		return "leases"
	case bothLocks.String():
		return "ownerless locks and leases"
	default:
		return "ownerless locks"
	}
}

// write is what was measured of one run, and then of what it is compared with.
func (r *result) write(w io.Writer) {
	r.writeLoad(w)
	if r.Leases != nil {
		fmt.Fprint(w, "\nthe same with leases: ")
		r.Leases.writeLoad(w)
		fmt.Fprintf(w, "of the ownerless locks: %.3f of their ops/s, %.2f times their p50\n", r.LeasesRatio.Throughput, r.LeasesRatio.P50)
	}
	r.writeFloor(w)
}

func (r *result) writeLoad(w io.Writer) {
	fmt.Fprintf(w, "%s operations in %.2f s: %s ops/s, %d refusals, %d errors\n\n",
		thousands(float64(r.Operations)), r.Seconds, thousands(r.OpsPerSecond), r.Refusals, r.Errors)
	r.writeVerbs(w)
	fmt.Fprintf(w, "\nlongest wait of a client %s; longest time without an answer for any %s\n", span(r.LongestWait), span(r.LongestGap))
	if r.Stuck == 0 {
		fmt.Fprintf(w, "all %d callers were going at the end\n", r.Callers)
	} else {
		fmt.Fprintf(w, "%d OF %d CALLERS WERE NOT GOING AGAIN AT THE END\n", r.Stuck, r.Callers)
	}
	r.Common.write(w)
	r.writeSeconds(w)
	r.writeCPU(w)
	r.writeErrors(w)
}

func (r *result) writeVerbs(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\ttrue\tfalse\terrors\tp50\tp99\tp99.9\tmax\t")
	for v, m := range []verbResult{r.Lock, r.Unlock} {
		fmt.Fprintf(table, "%v\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t\n",
			verb(v), m.True, m.False, m.Errors, span(m.P50), span(m.P99), span(m.P999), span(m.Max))
	}
	table.Flush()
}

// shownSeconds bounds a list that JSON has in full.
const shownSeconds = 60

func (r *result) writeSeconds(w io.Writer) {
	if len(r.PerSecond) < 2 {
		return
	}
	var seconds []string
	for _, n := range r.PerSecond[:min(len(r.PerSecond), shownSeconds)] {
		seconds = append(seconds, fmt.Sprint(n))
	}
	fmt.Fprintf(w, "operations in each second: %s\n", strings.Join(seconds, " "))
}

func (r *result) writeCPU(w io.Writer) {
	if r.CPU == nil {
		return
	}
	fmt.Fprintf(w, "processor time: client %.2f s", r.CPU.Client)
	for _, n := range r.CPU.Nodes {
		fmt.Fprintf(w, ", node %d %.2f s", n.PID, n.Seconds)
	}
	fmt.Fprintln(w)
}

func (r *result) writeFloor(w io.Writer) {
	if r.Floor == nil {
		return
	}
	fmt.Fprintf(w, "floor, %d outstanding over raw TCP: %s ops/s, p50 %s, p99 %s\n",
		r.Floor.Outstanding, thousands(r.Floor.OpsPerSecond), span(r.Floor.P50), span(r.Floor.P99))
	fmt.Fprintf(w, "of the floor: %.3f of its ops/s, %.2f times its p50\n", r.Ratio.Throughput, r.Ratio.P50)
}

func (r *result) writeErrors(w io.Writer) {
	for kind, n := range r.ErrorKinds {
		fmt.Fprintf(w, "errors: %d × %s\n", n, kind)
	}
	for _, wrong := range r.Wrongs {
		fmt.Fprintf(w, "WRONG ANSWER at %.3f s: %s\n", wrong.At, wrong.What)
	}
	if r.MoreWrongs > 0 {
		fmt.Fprintf(w, "and %d more wrong answers\n", r.MoreWrongs)
	}
}

func (m *medians) write(w io.Writer, runs int) {
	fmt.Fprintf(w, "\nmedians of %d runs (least..most)\n", runs)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name string, m *middle, format func(float64) string) {
		if m != nil {
			fmt.Fprintf(table, "  %s\t%s\t(%s..%s)\n", name, format(m.Median), format(m.Min), format(m.Max))
		}
	}
	plain := func(decimals int) func(float64) string {
		return func(f float64) string { return fmt.Sprintf("%.*f", decimals, f) }
	}
	line("ops/s", &m.OpsPerSecond, thousands)
	line("p50", &m.P50, span)
	line("p99", &m.P99, span)
	line("hand-offs/s", m.HandOffs, thousands)
	line("leases ops/s", m.LeasesOps, thousands)
	line("leases p50", m.LeasesP50, span)
	line("ops/s of the ownerless", m.LeasesRatio, plain(3))
	line("p50 of the ownerless", m.LeasesP50Ratio, plain(2))
	line("floor ops/s", m.FloorOps, thousands)
	line("floor p50", m.FloorP50, span)
	line("ops/s of the floor's", m.ThroughputRatio, plain(3))
	line("p50 of the floor's", m.P50Ratio, plain(2))
	table.Flush()
}
