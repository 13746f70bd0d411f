package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// report is everything that the program prints in the end.
type report struct {
	Workload string   `json:"workload"`
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
}

func (r *report) finish() {
	r.Medians = medians{
		OpsPerSecond: middleOf(r.Runs, func(r result) float64 { return r.OpsPerSecond }),
		P50:          middleOf(r.Runs, func(r result) float64 { return r.All.P50 }),
		P99:          middleOf(r.Runs, func(r result) float64 { return r.All.P99 }),
	}
	r.OK = r.wrongs() == 0 && r.stuck() == 0
	if slices.ContainsFunc(r.Runs, func(r result) bool { return r.Floor == nil }) {
		return
	}
	of := func(f func(result) float64) *middle {
		m := middleOf(r.Runs, f)
		return &m
	}
	r.Medians.FloorOps = of(func(r result) float64 { return r.Floor.OpsPerSecond })
	r.Medians.FloorP50 = of(func(r result) float64 { return r.Floor.P50 })
	r.Medians.ThroughputRatio = of(func(r result) float64 { return r.Ratio.Throughput })
	r.Medians.P50Ratio = of(func(r result) float64 { return r.Ratio.P50 })
}

func (r *report) wrongs() (n int) {
	for _, run := range r.Runs {
		n += len(run.Wrongs) + run.MoreWrongs
	}
	return n
}

func (r *report) stuck() (n int) {
	for _, run := range r.Runs {
		n += run.Stuck
	}
	return n
}

// operations is how many were answered in all.
func (r *report) operations() (n int64) {
	for _, run := range r.Runs {
		n += run.Operations
	}
	return n
}

// write prints the report for people.
func (r *report) write(w io.Writer) {
	fmt.Fprintf(w, "%d %s, %s names, %s pair %s\n", r.Callers, r.Kind, r.Workload, r.Service, strings.Join(r.Nodes, " and "))
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

func (r *result) write(w io.Writer) {
	fmt.Fprintf(w, "%s operations in %.2f s: %s ops/s, %d refusals, %d errors\n\n",
		thousands(float64(r.Operations)), r.Seconds, thousands(r.OpsPerSecond), r.Refusals, r.Errors)
	r.writeVerbs(w)
	fmt.Fprintf(w, "\nlongest wait of a client %s; longest time without an answer for any %s\n", span(r.LongestWait), span(r.LongestGap))
	if r.Stuck == 0 {
		fmt.Fprintf(w, "all %d callers were going at the end\n", r.Callers)
	} else {
		fmt.Fprintf(w, "%d OF %d CALLERS WERE NOT GOING AGAIN AT THE END\n", r.Stuck, r.Callers)
	}
	r.writeSeconds(w)
	r.writeCPU(w)
	r.writeFloor(w)
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
	line("floor ops/s", m.FloorOps, thousands)
	line("floor p50", m.FloorP50, span)
	line("ops/s of the floor's", m.ThroughputRatio, plain(3))
	line("p50 of the floor's", m.P50Ratio, plain(2))
	table.Flush()
}
