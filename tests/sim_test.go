package tests

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"lockstep/tests/sim"
)

const simulated = 60 // seconds of each run

// TestSimulationKeptSeeds replays every seed that ever failed.
func TestSimulationKeptSeeds(t *testing.T) {
	text, err := os.ReadFile("sim/seeds.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		var seed uint64
		var regime int
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		if _, err := fmt.Sscan(line, &seed, &regime); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		o := sim.Run(sim.Options{Seed: seed, Regime: regime, Seconds: simulated})
		reportViolation(t, o.Violation)
	}
}

// TestSimulation runs seeds that nobody has looked at, in both regimes by turns.
func TestSimulation(t *testing.T) {
	seeds := uint64(500)
	if raceEnabled {
		seeds = 20
	}
	if testing.Short() {
		seeds = 50
	}
	report := sim.Job{Seeds: seeds, From: 1, Seconds: simulated, Workers: 2}.Run()
	t.Logf("%d runs of %d simulated seconds: %+v", report.Runs, simulated, report.Stats)
	for _, v := range report.Violations {
		reportViolation(t, v)
	}
	if s := report.Stats; s.Crashes == 0 || s.Pauses == 0 || s.Demotions == 0 || s.Installs == 0 {
		t.Errorf("the faults did not happen: %+v", s)
	}
	if s := report.Stats; s.Leases == 0 || s.LeasesLost == 0 || s.Passed == 0 || s.Expired == 0 || s.Overheld == 0 || s.Revoked == 0 || s.Reads == 0 {
		t.Errorf("nothing happened to the leases: %+v", s)
	}
}

func reportViolation(t *testing.T, v *sim.Violation) {
	if v != nil {
		t.Errorf("%v\nreplay: go run ./tests/sim/simrun -from %d -regime %d -v\n%s", v, v.Seed, v.Regime, v.LastEvents(simulated, 40))
	}
}

// TestSimulationRepeats: the same seed gives the same run, to the byte. What
// depends on the order of a map, or on a clock, would show here.
func TestSimulationRepeats(t *testing.T) {
	for seed := uint64(1); seed <= 6; seed++ {
		var first, second bytes.Buffer
		options := sim.Options{Seed: seed, Regime: 1 + int(seed%2), Seconds: 20}
		options.Trace = &first
		a := sim.Run(options)
		options.Trace = &second
		b := sim.Run(options)
		if first.Len() == 0 || !bytes.Equal(first.Bytes(), second.Bytes()) || a.Stats != b.Stats {
			t.Fatalf("seed %d went two ways", seed)
		}
		options.Trace = nil
		if c := sim.Run(options); c.Stats != a.Stats {
			t.Fatalf("seed %d goes another way when it is watched", seed)
		}
	}
}
