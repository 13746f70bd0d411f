package tests

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockstep/internal/leash"
)

// TestANodeTellsWhoStartedItHowItStands, in the words of systemd: ready only when
// there is a majority, a sign of life while its actors answer, and that it stops.
func TestANodeTellsWhoStartedItHowItStands(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "ready") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	listed := "a=" + freeAddress(t) + ",b=" + freeAddress(t) + ",c=" + freeAddress(t)
	start := func(name string, more ...string) *exec.Cmd {
		t.Helper()
		node := exec.CommandContext(t.Context(), binary(t, "lockd"), "node", "-name", name, "-peers", listed,
			"-data", filepath.Join(dir, name), "-durability", "memory", "-tick", "10ms")
		node.Env = append(os.Environ(), more...)
		if err := leash.Start(node); err != nil {
			t.Fatal(err)
		}
		return node
	}
	a := start("a", "NOTIFY_SOCKET="+filepath.Join(dir, "s"), "WATCHDOG_USEC=400000")
	told := func(until string) (all string) {
		t.Helper()
		b := make([]byte, 4096)
		for deadline := time.Now().Add(30 * time.Second); !strings.Contains(all, until); {
			_ = socket.SetReadDeadline(deadline)
			n, err := socket.Read(b)
			if err != nil {
				t.Fatalf("%v; told so far, without %s:\n%s", err, until, all)
			}
			all += string(b[:n]) + "\n"
		}
		return all
	}
	if alone := told("WATCHDOG=1"); strings.Contains(alone, "READY=1") || !strings.Contains(alone, "STATUS=a is joining") {
		t.Errorf("without the others it told:\n%s", alone)
	}
	b, c := start("b"), start("c")
	if formed := told("READY=1"); !strings.Contains(formed, "STATUS=a is primary in view ") && !strings.Contains(formed, "STATUS=a is backup in view ") {
		t.Errorf("with the others it told:\n%s", formed)
	}
	told("WATCHDOG=1")
	for _, node := range []*exec.Cmd{a, b, c} {
		if err := node.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	if end := told("STOPPING=1"); strings.Contains(end, "READY=1") {
		t.Errorf("it was ready twice:\n%s", end)
	}
	for _, node := range []*exec.Cmd{a, b, c} {
		if err := node.Wait(); err != nil {
			t.Errorf("%v: %v", node.Args, err)
		}
	}
}
