package sim

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Job is many seeds.
type Job struct {
	Seeds, From uint64
	Seconds     int
	Regime      string // see Regimes
	Workers     int
	First       bool // stop at the first violation
	Progress    io.Writer
}

// Report is what came of a job. Violations are in the order of their seeds.
type Report struct {
	Runs       int
	Violations []*Violation
	Stats      Stats
}

// Quorum is the regime of three nodes or more. Those behind it are the first two
// with the pair's log on disk; the first two with an operator who changes the roles;
// and three nodes and more of which a majority is lost for good.
const (
	Quorum        = 3
	mildDurable   = 4
	roughDurable  = 5
	Growing       = 6 // begins as a pair, which becomes a quorum
	mildSwitched  = 7
	roughSwitched = 8
	Ruined        = 9
)

// Regimes are those that a seed is run in: the one that is asked for, "both",
// or, when nothing is asked for, one after the other from seed to seed.
func Regimes(asked string, seed uint64) []int {
	switch asked {
	case "1":
		return []int{1}
	case "2":
		return []int{2}
	case "both":
		return []int{1, 2}
	case "3", "quorum":
		return []int{Quorum}
	case "4":
		return []int{mildDurable}
	case "5":
		return []int{roughDurable}
	case "6", "growing":
		return []int{Growing}
	case "durable":
		return []int{roughDurable - int(seed%2)}
	case "7":
		return []int{mildSwitched}
	case "8":
		return []int{roughSwitched}
	case "switched":
		return []int{roughSwitched - int(seed%2)}
	case "9", "ruined":
		return []int{Ruined}
	default:
		return []int{2 - int(seed%2)}
	}
}

// OfQuorum reports whether a regime is one of three nodes and more: their runs
// cannot share a process.
func OfQuorum(regime int) bool { return regime == Quorum || regime == Ruined || regime == Growing }

// Alone reports whether the runs of the job cannot share a process.
func (j Job) Alone() bool { return slices.ContainsFunc(Regimes(j.Regime, j.From), OfQuorum) }

// Run works through the seeds. Each run is alone in its world, so the workers
// share nothing but the list of results.
func (j Job) Run() Report {
	var (
		report Report
		next   atomic.Uint64
		stop   atomic.Bool
		mutex  sync.Mutex
		group  sync.WaitGroup
	)
	for range max(1, j.Workers) {
		group.Go(func() {
			for !stop.Load() {
				i := next.Add(1) - 1
				if i >= j.Seeds {
					return
				}
				for _, regime := range Regimes(j.Regime, j.From+i) {
					o := Run(Options{Seed: j.From + i, Regime: regime, Seconds: j.Seconds})
					mutex.Lock()
					report.add(o)
					if o.Violation != nil && j.First {
						stop.Store(true)
					}
					if j.Progress != nil && report.Runs%1000 == 0 {
						fmt.Fprintf(j.Progress, "%d runs, %d violations\n", report.Runs, len(report.Violations))
					}
					mutex.Unlock()
				}
			}
		})
	}
	group.Wait()
	slices.SortFunc(report.Violations, func(a, b *Violation) int { return int(int64(a.Seed) - int64(b.Seed)) })
	return report
}

func (r *Report) add(o Outcome) {
	one := Report{Runs: 1, Stats: o.Stats}
	if o.Violation != nil {
		one.Violations = []*Violation{o.Violation}
	}
	r.Add(one)
}

// Add adds what came of another job.
func (r *Report) Add(other Report) {
	r.Runs += other.Runs
	r.Violations = append(r.Violations, other.Violations...)
	sum, one := reflect.ValueOf(&r.Stats).Elem(), reflect.ValueOf(other.Stats)
	for i := range sum.NumField() {
		sum.Field(i).SetInt(sum.Field(i).Int() + one.Field(i).Int())
	}
}

// LastEvents repeats the run of a violation with a trace and returns its end.
func (v *Violation) LastEvents(seconds, lines int) string {
	var b strings.Builder
	Run(Options{Seed: v.Seed, Regime: v.Regime, Seconds: seconds, Trace: &b})
	all := strings.SplitAfter(b.String(), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}
