// Command simrun runs the simulator over many seeds and prints what broke.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"lockstep/tests/sim"
)

func main() {
	seeds := flag.Uint64("seeds", 1000, "how many seeds")
	from := flag.Uint64("from", 1, "the first seed")
	seconds := flag.Int("seconds", 60, "simulated seconds of each run")
	regime := flag.String("regime", "", "1, 2 or both: pairs; switched: pairs that change roles; quorum; growing: pairs that become quorums; ruined: quorums that lose a majority; by default odd seeds run in regime 1 and even ones in 2")
	verbose := flag.Bool("v", false, "print the trace of the first seed and nothing else")
	progress := flag.Bool("progress", false, "print a line every few seconds")
	first := flag.Bool("first", false, "stop at the first violation")
	workers := flag.Int("workers", runtime.GOMAXPROCS(0), "runs at a time")
	asJSON := flag.Bool("json", false, "print the report as JSON and nothing else")
	flag.Parse()
	debug.SetGCPercent(400) // there is little to keep

	if *verbose {
		for _, r := range sim.Regimes(*regime, *from) {
			sim.Run(sim.Options{Seed: *from, Regime: r, Seconds: *seconds, Trace: os.Stdout})
		}
		return
	}
	job := sim.Job{Seeds: *seeds, From: *from, Seconds: *seconds, Regime: *regime, Workers: *workers, First: *first}
	if *progress {
		job.Progress = os.Stderr
	}
	begun := time.Now()
	var report sim.Report
	if job.Alone() && *workers > 1 {
		report = share(job)
	} else {
		report = job.Run()
	}
	if *asJSON {
		if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
			fatal(err)
		}
		return
	}
	for _, v := range report.Violations {
		fmt.Println(v)
		fmt.Printf("    replay: go run ./tests/sim/simrun -from %d -regime %d -seconds %d -v\n", v.Seed, v.Regime, *seconds)
	}
	took := time.Since(begun).Seconds()
	simulated := float64(report.Runs * *seconds)
	fmt.Printf("%d runs, %d violations, %.0f simulated seconds in %.1f s: %.1f runs a second, %.0f times real time\n",
		report.Runs, len(report.Violations), simulated, took, float64(report.Runs)/took, simulated/took)
	fmt.Printf("%+v\n", report.Stats)
	if len(report.Violations) > 0 {
		if len(report.Violations) == 1 || *first {
			fmt.Print(report.Violations[0].LastEvents(*seconds, 60))
		}
		os.Exit(1)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "simrun:", err)
	os.Exit(2)
}
