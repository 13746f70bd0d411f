package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"lockstep/tests/sim"
)

const simulated = 60 // seconds of each run

// simulator is the command, which is built once in a test run. Quorums run in it:
// the randomness that their engine draws belongs to a whole process.
var simulator struct {
	once sync.Once
	path string
	err  error
}

func simrun(args ...string) ([]byte, error) {
	simulator.once.Do(buildSimulator)
	if simulator.err != nil {
		return nil, fmt.Errorf("build the simulator: %w", simulator.err)
	}
	out, err := patient(simulator.path, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("simrun %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return out, nil
}

// patient is a command that takes what is left of the processors' time, as what
// computes and what compiles: the tests of processes beside it must be in time.
func patient(name string, args ...string) *exec.Cmd {
	return exec.Command("nice", append([]string{"-n", "19", name}, args...)...)
}

// buildSimulator puts it beside the other programs.
func buildSimulator() {
	build.once.Do(buildAll)
	if simulator.err = build.err; build.err != nil {
		return
	}
	simulator.path = filepath.Join(build.dir, "simrun-test")
	if os.Getenv(builtBefore) != "" {
		if _, err := os.Stat(simulator.path); err == nil {
			return
		}
	}
	out, err := patient("go", "build", "-o", simulator.path, "./sim/simrun").CombinedOutput()
	if err != nil {
		simulator.err = fmt.Errorf("%w\n%s", err, out)
	}
}

// simulate has the command run seeds of a regime.
func simulate(regime string, from, seeds uint64) (report sim.Report, err error) {
	out, err := simrun("-json", "-workers", "2", "-regime", regime, "-seconds", strconv.Itoa(simulated),
		"-from", strconv.FormatUint(from, 10), "-seeds", strconv.FormatUint(seeds, 10))
	if err == nil {
		err = json.Unmarshal(out, &report)
	}
	return report, err
}

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
		if sim.OfQuorum(regime) {
			replay(t, seed, regime)
			continue
		}
		o := sim.Run(sim.Options{Seed: seed, Regime: regime, Seconds: simulated})
		reportViolation(t, o.Violation)
	}
}

// freshSeeds is how many seeds a test looks at.
func freshSeeds() uint64 {
	switch {
	case raceEnabled:
		return 20
	case testing.Short():
		return 50
	default:
		return 500
	}
}

// TestSimulation runs seeds that nobody has looked at, in both regimes of a pair
// by turns.
func TestSimulation(t *testing.T) {
	report := sim.Job{Seeds: freshSeeds(), From: 1, Seconds: simulated, Workers: 2}.Run()
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

// runFresh runs the first seeds of a regime in the command, and reports what they find.
func runFresh(t *testing.T, regime string, seeds uint64) sim.Report {
	t.Helper()
	needsProcesses(t)
	report, err := simulate(regime, 1, seeds)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d runs of %d simulated seconds: %+v", report.Runs, simulated, report.Stats)
	for _, v := range report.Violations {
		reportViolation(t, v)
	}
	return report
}

// TestDurablePairSimulation does the same for pairs whose logs are on disk.
func TestDurablePairSimulation(t *testing.T) {
	t.Parallel()
	seeds := freshSeeds() / 5
	report := runFresh(t, "durable", seeds)
	if s := report.Stats; report.Runs != int(seeds) || s.Entries == 0 || s.Crashes == 0 || s.PowerCuts == 0 || s.Wipes == 0 {
		t.Errorf("nothing happened: %+v", report)
	}
}

// TestQuorumSimulation does the same for three nodes and more.
func TestQuorumSimulation(t *testing.T) {
	t.Parallel()
	seeds := freshSeeds()
	report := runFresh(t, "quorum", seeds)
	s := report.Stats
	if report.Runs != int(seeds) || s.Entries == 0 || s.Reigns == 0 {
		t.Errorf("nothing was run: %+v", report)
	}
	if s.Crashes == 0 || s.Pauses == 0 || s.Splits == 0 || s.PowerCuts == 0 || s.Wipes == 0 || s.DiskErrors == 0 || s.Rots == 0 || s.Installs == 0 {
		t.Errorf("the faults did not happen: %+v", s)
	}
	if s.OrdersDone == 0 || s.Exits == 0 || s.Expired == 0 || s.Passed == 0 || s.Reads == 0 {
		t.Errorf("nothing was asked for: %+v", s)
	}
}

// TestSwitchOverSimulation does the same for pairs whose roles an operator changes.
func TestSwitchOverSimulation(t *testing.T) {
	t.Parallel()
	seeds := freshSeeds() / 5
	report := runFresh(t, "switched", seeds)
	if s := report.Stats; report.Runs != int(seeds) || s.Entries == 0 || s.Crashes == 0 || s.OrdersDone == 0 || s.Handovers == 0 {
		t.Errorf("nothing happened: %+v", report)
	}
}

// TestBootstrapSimulation does the same for quorums of which a majority is lost
// for good, and an operator begins anew.
func TestBootstrapSimulation(t *testing.T) {
	t.Parallel()
	seeds := freshSeeds() / 5
	report := runFresh(t, "ruined", seeds)
	if s := report.Stats; report.Runs != int(seeds) || s.Entries == 0 || s.Ruins == 0 || s.Bootstraps < s.Ruins || s.OrdersDone < 2*s.Bootstraps {
		t.Errorf("nothing happened: %+v", report)
	}
}

// TestGrowingSimulation does the same for pairs that become quorums.
func TestGrowingSimulation(t *testing.T) {
	t.Parallel()
	seeds := freshSeeds()
	report := runFresh(t, "growing", seeds)
	s := report.Stats
	if report.Runs != int(seeds) || s.Turns < int(seeds) || s.Crashes == 0 || s.Expired == 0 || s.Passed == 0 {
		t.Errorf("nothing happened: %+v", report)
	}
	if !testing.Short() && (s.Late == 0 || s.TakenOver == 0 || s.Forgone == 0 || s.Hearsay == 0) {
		t.Errorf("no fault came while a pair turned: %+v", s)
	}
}

// replay runs one seed in the command.
func replay(t *testing.T, seed uint64, regime int) {
	report, err := simulate(strconv.Itoa(regime), seed, 1)
	if err != nil || report.Runs != 1 {
		t.Errorf("seed %d of regime %d was run %d times: %v", seed, regime, report.Runs, err)
	}
	for _, v := range report.Violations {
		reportViolation(t, v)
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

// TestQuorumSimulationRepeats: so does a quorum's, whose engine draws from the
// process's randomness.
func TestQuorumSimulationRepeats(t *testing.T) {
	for seed := 1; seed <= 4; seed++ {
		args := []string{"-regime", "quorum", "-seconds", "20", "-from", strconv.Itoa(seed)}
		first, err := simrun(append(args, "-v")...)
		if err != nil {
			t.Fatal(err)
		}
		second, err := simrun(append(args, "-v")...)
		if err != nil {
			t.Fatal(err)
		}
		if len(first) < 1000 || !bytes.Equal(first, second) {
			t.Fatalf("seed %d went two ways", seed)
		}
		var unwatched sim.Report
		out, err := simrun(append(args, "-json", "-seeds", "1", "-workers", "1")...)
		if err == nil {
			err = json.Unmarshal(out, &unwatched)
		}
		if err != nil {
			t.Fatal(err)
		}
		watched := sim.Run(sim.Options{Seed: uint64(seed), Regime: sim.Quorum, Seconds: 20, Trace: new(bytes.Buffer)})
		if unwatched.Stats != watched.Stats {
			t.Fatalf("seed %d goes another way when it is watched", seed)
		}
	}
}
