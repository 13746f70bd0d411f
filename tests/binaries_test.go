package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"lockstep/tests/cluster"
)

// The programs are built once in a test run, when a test first needs one, with
// the fault hooks that a production build does not have. Tests of processes wait
// most of the time, so they run in parallel: beside each other, and beside what
// computes (patient).
var build struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	if nodes := os.Getenv(victimNodes); nodes != "" {
		victim(nodes)
	}
	if nodes := os.Getenv(castawayNodes); nodes != "" {
		castAway(nodes, os.Getenv(castawayListen), os.Getenv(castawayOrigin))
	}
	code := m.Run()
	if build.dir != "" && os.Getenv(builtBefore) == "" {
		os.RemoveAll(build.dir)
	}
	os.Exit(code)
}

// binary returns the path of one of our programs: lockd, lockc, lockload.
func binary(t testing.TB, name string) string {
	t.Helper()
	return filepath.Join(binaries(t), name)
}

// binaries returns the directory with all of them.
func binaries(t testing.TB) string {
	t.Helper()
	needsProcesses(t)
	build.once.Do(buildAll)
	if build.err != nil {
		t.Fatalf("build the programs: %v", build.err)
	}
	return build.dir
}

// needsProcesses ends a test under the race detector, which finds nothing in programs
// that are built without it. And two clients over real remoting in one process race
// on gRPC's global logger.
func needsProcesses(t testing.TB) {
	t.Helper()
	if raceEnabled {
		t.Skip("the processes are not built with the detector: run this without -race")
	}
}

// builtBefore names the directory of programs that were built before this run.
const builtBefore = "LOCKSTEP_TEST_BINARIES"

func buildAll() {
	if build.dir = os.Getenv(builtBefore); build.dir != "" {
		return
	}
	if build.dir, build.err = os.MkdirTemp("", "lockstep-binaries-"); build.err != nil {
		return
	}
	command := exec.Command("go", "build", "-tags", "lockfaults", "-o", build.dir+string(filepath.Separator), "../cmd/...")
	if out, err := command.CombinedOutput(); err != nil {
		build.err = fmt.Errorf("%w\n%s", err, out)
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	address, err := cluster.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}
