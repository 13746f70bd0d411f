package main

import (
	"slices"
	"time"
)

// outcome is a run that is over.
type outcome struct {
	load *load
	took time.Duration
	cpu  cpuTimes
}

// result is what a run has measured. Its names are those of the JSON output, and
// stay.
type result struct {
	Seconds      float64       `json:"seconds"`
	Operations   int64         `json:"operations"` // answered, true or false
	OpsPerSecond float64       `json:"ops_per_second"`
	All          verbResult    `json:"all"`
	Lock         verbResult    `json:"lock"`
	Unlock       verbResult    `json:"unlock"`
	Refusals     int64         `json:"refusals"` // false answers
	Errors       int64         `json:"errors"`   // requests whose outcome is unknown
	ErrorKinds   kinds         `json:"error_kinds"`
	LongestWait  float64       `json:"longest_wait_us"` // of a client for an answer, through all errors
	LongestGap   float64       `json:"longest_gap_us"`  // without an answer for any client
	PerSecond    []int64       `json:"per_second"`
	Callers      int           `json:"callers"`
	Stuck        int           `json:"callers_stuck"` // not going again at the end
	CPU          *cpuResult    `json:"cpu,omitempty"`
	Floor        *floorResult  `json:"floor,omitempty"`
	Ratio        *ratio        `json:"ratio,omitempty"`
	Leases       *result       `json:"leases,omitempty"` // measured next to ownerless locks
	LeasesRatio  *ratio        `json:"leases_ratio,omitempty"`
	Common       *lockResult   `json:"common_lock,omitempty"` // how a lease went round
	Wrongs       []wrongAnswer `json:"wrong_answers"`
	MoreWrongs   int           `json:"wrong_answers_not_shown"`
}

type kinds map[string]int64

// verbResult is what was measured of one verb.
type verbResult struct {
	True   int64   `json:"true"`
	False  int64   `json:"false"`
	Errors int64   `json:"errors"`
	P50    float64 `json:"p50_us"`
	P99    float64 `json:"p99_us"`
	P999   float64 `json:"p999_us"`
	Max    float64 `json:"max_us"`
}

// cpuResult is processor time in seconds, by whom it was used.
type cpuResult struct {
	Client float64   `json:"client_seconds"` // with an embedded pair: of the nodes, too
	Nodes  []nodeCPU `json:"nodes"`
}

type nodeCPU struct {
	PID     int     `json:"pid"`
	Seconds float64 `json:"seconds"`
}

// ratio compares a run with what was measured next to it.
type ratio struct {
	Throughput float64 `json:"ops_per_second"` // of the other's; higher is better
	P50        float64 `json:"p50"`            // of the other's; lower is better
}

func ratioOf(ops, otherOps, p50, otherP50 float64) *ratio {
	if otherOps <= 0 || otherP50 <= 0 {
		return &ratio{}
	}
	return &ratio{Throughput: ops / otherOps, P50: p50 / otherP50}
}

func (o outcome) result() result {
	l, all := o.load, o.load.total.all()
	r := result{
		Seconds: o.took.Seconds(), Operations: all.yes + all.no,
		All: all.result(), Lock: l.total.verbs[lockVerb].result(), Unlock: l.total.verbs[unlockVerb].result(),
		Refusals: all.no, Errors: all.failures, ErrorKinds: l.total.errors,
		LongestWait: micros(l.recorder.longestWait.Load()), LongestGap: micros(l.recorder.longestGap.Load()),
		PerSecond: wholeSeconds(l.total.perSecond, o.took),
		Callers:   len(l.callers), Stuck: l.stuck(),
		Wrongs: append([]wrongAnswer{}, l.wrongs...), MoreWrongs: l.more,
	}
	if l.plan.leases && l.plan.workload != ownNames {
		r.Common = l.common.result(o.took, l.inOrder)
	}
	if o.took > 0 {
		r.OpsPerSecond = float64(r.Operations) / o.took.Seconds()
	}
	return r
}

func (t *tally) result() verbResult {
	at := func(percentile float64) float64 { return micros(t.took.ValueAtQuantile(percentile)) }
	return verbResult{
		True: t.yes, False: t.no, Errors: t.failures,
		P50: at(50), P99: at(99), P999: at(99.9), Max: micros(t.took.Max()),
	}
}

// wholeSeconds shows seconds without an operation as zero, the last ones too,
// and leaves out the moment that it took to notice that time was up.
func wholeSeconds(perSecond []int64, took time.Duration) []int64 {
	const moment = 50 * time.Millisecond
	seconds := make([]int64, (max(0, took-moment)+time.Second-1)/time.Second)
	copy(seconds, perSecond)
	return seconds
}

// addCPU sorts processor time by whom it belongs to.
func (r *result) addCPU(used cpuTimes, self int, nodes []int) {
	client, ok := used[self]
	if !ok {
		return
	}
	r.CPU = &cpuResult{Client: client, Nodes: []nodeCPU{}}
	for _, pid := range nodes {
		if seconds, ok := used[pid]; ok {
			r.CPU.Nodes = append(r.CPU.Nodes, nodeCPU{PID: pid, Seconds: seconds})
		}
	}
}

func (r *result) addFloor(f floorResult) {
	r.Floor, r.Ratio = &f, ratioOf(r.OpsPerSecond, f.OpsPerSecond, r.All.P50, f.P50)
}

func (r *result) addLeases(l result) {
	r.Leases, r.LeasesRatio = &l, ratioOf(l.OpsPerSecond, r.OpsPerSecond, l.All.P50, r.All.P50)
}

// middle is the median of several runs, between the least and the most.
type middle struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func middleOf[T any](runs []T, of func(T) float64) middle {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = of(r)
	}
	slices.Sort(values)
	n := len(values)
	return middle{Median: (values[(n-1)/2] + values[n/2]) / 2, Min: values[0], Max: values[n-1]}
}
