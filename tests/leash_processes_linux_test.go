package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lockstep/internal/leash"
)

// childrenOf are the processes that a process has started and not buried yet.
func childrenOf(pid int) (all []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is right
	for _, list := range lists {
		children, _ := os.ReadFile(list) // its thread may have ended
		for _, child := range strings.Fields(string(children)) {
			if pid, err := strconv.Atoi(child); err == nil {
				all = append(all, pid)
			}
		}
	}
	return all
}

// A lockload that is killed leaves nothing behind of what it has started: nodes, and
// attackers that would go on with what they do.
func TestAKilledLockloadLeavesNothingBehind(t *testing.T) {
	lockload := exec.Command(binary(t, "lockload"), "flood", "-durability", "memory", "-duration", "1s", "-quiet", "-lockd", binary(t, "lockd"))
	lockload.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	if err := leash.Start(lockload); err != nil {
		t.Fatal(err)
	}
	defer lockload.Wait() // it is killed
	defer lockload.Process.Kill()
	var children []int
	for end := time.Now().Add(time.Minute); len(children) < 3; time.Sleep(20 * time.Millisecond) { // a pair, and an attacker
		if children = childrenOf(lockload.Process.Pid); time.Now().After(end) {
			t.Fatalf("it has started %d processes", len(children))
		}
	}
	_ = lockload.Process.Kill()
	for _, pid := range children {
		for end := time.Now().Add(20 * time.Second); lives(pid); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("process %d lives on", pid)
			}
		}
	}
}
