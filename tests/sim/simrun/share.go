package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"lockstep/tests/sim"
)

// mostSeeds is how many seeds one child works through.
const mostSeeds = 200

// share has children of this program do the job. Runs that draw from the
// process's only source of randomness cannot share a process.
func share(j sim.Job) sim.Report {
	var (
		report sim.Report
		next   atomic.Uint64
		stop   atomic.Bool
		mutex  sync.Mutex
		group  sync.WaitGroup
	)
	part := min(mostSeeds, max(1, j.Seeds/uint64(2*j.Workers)))
	for range j.Workers {
		group.Go(func() {
			for !stop.Load() {
				begin := next.Add(part) - part
				if begin >= j.Seeds {
					return
				}
				one := child(j, j.From+begin, min(part, j.Seeds-begin))
				mutex.Lock()
				report.Add(one)
				if j.First && len(one.Violations) > 0 {
					stop.Store(true)
				}
				if j.Progress != nil {
					fmt.Fprintf(j.Progress, "%d runs, %d violations\n", report.Runs, len(report.Violations))
				}
				mutex.Unlock()
			}
		})
	}
	group.Wait()
	slices.SortFunc(report.Violations, func(a, b *sim.Violation) int { return int(int64(a.Seed) - int64(b.Seed)) })
	return report
}

func child(j sim.Job, from, seeds uint64) (report sim.Report) {
	self, err := os.Executable()
	if err != nil {
		fatal(err)
	}
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	cmd := exec.Command(self, "-json", "-workers", "1", "-from", number(from), "-seeds", number(seeds),
		"-seconds", strconv.Itoa(j.Seconds), "-regime", j.Regime, "-first="+strconv.FormatBool(j.First))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &report)
	}
	if err != nil {
		fatal(fmt.Errorf("seeds %d to %d: %w", from, from+seeds-1, err))
	}
	return report
}
