package main

import (
	"bytes"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// dieTogether lets the kernel kill the command when this process is killed. It
// does so for the command alone, not for what that has started, and not for
// programs that change their user.
func dieTogether(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }

// adoptOrphans makes this process the parent of all that its children leave
// behind, so that it can be found.
func adoptOrphans() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// strays returns the descendants of this process that are not in the group.
func (g *group) strays() []int {
	parents := map[int]process{}
	entries, _ := os.ReadDir("/proc") // without it nobody can be found
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			if p, ok := readProcess(pid); ok {
				parents[pid] = p
			}
		}
	}
	var found []int
	for pid, p := range parents {
		if p.group != g.id && descends(parents, pid, os.Getpid()) {
			found = append(found, pid)
		}
	}
	return found
}

type process struct{ parent, group int }

// readProcess reads /proc/PID/stat: number, name in parentheses, state, parent,
// group. A name may hold anything. Zombies are not counted: they are harmless.
func readProcess(pid int) (process, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return process{}, false
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 3 || fields[0][0] == 'Z' {
		return process{}, false
	}
	parent, _ := strconv.Atoi(string(fields[1]))
	group, _ := strconv.Atoi(string(fields[2]))
	return process{parent, group}, true
}

// descends follows the parents up. The list is read while processes come and go,
// so that a circle cannot be ruled out.
func descends(parents map[int]process, pid, ancestor int) bool {
	for range len(parents) {
		p, ok := parents[pid]
		if !ok {
			return false
		}
		if p.parent == ancestor {
			return true
		}
		pid = p.parent
	}
	return false
}
