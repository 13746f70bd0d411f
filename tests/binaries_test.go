package tests

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// The programs are built once in a test run, when a test first needs one, with
// the fault hooks that a production build does not have.
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
	build.once.Do(buildAll)
	if build.err != nil {
		t.Fatalf("build the programs: %v", build.err)
	}
	return build.dir
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

// Ports below those that the system gives to outgoing connections: else a
// client's connection could take a node's port while the node is down.
const (
	firstPort = 12_000
	ports     = 20_000
)

var addresses struct {
	mu   sync.Mutex
	next int
}

// freeAddress returns an address of this machine that nobody listens on, and
// that no other call in this test run returns. Each process begins its search
// elsewhere, so that test runs side by side rarely meet.
func freeAddress(t testing.TB) string {
	t.Helper()
	addresses.mu.Lock()
	defer addresses.mu.Unlock()
	if addresses.next == 0 {
		addresses.next = os.Getpid() * 257
	}
	for range ports {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+addresses.next%ports))
		addresses.next++
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no free port on 127.0.0.1")
	return ""
}
