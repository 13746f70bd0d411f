package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"lockstep"
)

// rig is a drill against nodes and processes that are made up.
type rig struct {
	*drill
	node     lockstep.NodeStatus // the process is said to be its
	did      []string
	standing bool        // the process stands still
	silent   func() bool // the node does not answer now
	onLook   func(n int) // before the n-th look at the nodes, from 1
	looks    int
}

func newRig(t *testing.T) *rig {
	if runtime.GOOS == "windows" {
		t.Skip("the commands here are for sh")
	}
	r := &rig{node: threeNodes()[0], onLook: func(int) {}}
	r.silent = func() bool { return r.standing }
	p := newProgram()
	p.timeout, p.Stderr = 5*time.Second, new(strings.Builder)
	p.exec = "echo {node} >>" + filepath.Join(t.TempDir(), "restarted")
	do := func(what string, standing bool) func(int) error {
		return func(int) error { r.did, r.standing = append(r.did, what), standing; return nil }
	}
	r.drill = &drill{program: p, verdict: newJudgement(), status: r.look, processes: processes{do("stop", true), do("resume", false), do("kill", false)}}
	return r
}

func (r *rig) look(ctx context.Context) []lockstep.NodeStatus {
	r.looks++
	r.onLook(r.looks)
	nodes := threeNodes()
	if ctx.Err() != nil { // as the client does
		for i := range nodes {
			nodes[i] = lockstep.NodeStatus{Name: nodes[i].Name, Err: lockstep.ErrNoAnswer}
		}
	} else if r.silent() {
		nodes[0] = lockstep.NodeStatus{Name: nodes[0].Name, Err: lockstep.ErrNoAnswer}
	}
	return nodes
}

// restarted are the nodes for which the command was run.
func (r *rig) restarted() string {
	said, _ := os.ReadFile(strings.TrimPrefix(r.exec, "echo {node} >>"))
	return strings.Join(strings.Fields(string(said)), " ")
}

// TestADrillKillsNoProcessThatIsNotProvenToBeTheNode: silence alone is no proof.
func TestADrillKillsNoProcessThatIsNotProvenToBeTheNode(t *testing.T) {
	for name, test := range map[string]struct {
		set       func(*rig, context.CancelFunc)
		did, want string
	}{
		"the node":        {func(*rig, context.CancelFunc) {}, "stop resume stop resume kill", ""},
		"another process": {func(r *rig, _ context.CancelFunc) { r.silent = func() bool { return false } }, "stop resume", "it is another process"},
		"a node that is slow once": {func(r *rig, _ context.CancelFunc) { r.silent = func() bool { return r.looks == 1 } },
			"stop resume stop resume", "it is another process"},
		"a node that has died": {func(r *rig, _ context.CancelFunc) {
			r.silent = func() bool { return true }
			r.timeout = 100 * ms
		}, "stop resume", context.DeadlineExceeded.Error()},
		"an interrupt while it is stopped": {func(r *rig, interrupt context.CancelFunc) { r.onLook = func(int) { interrupt() } }, "stop resume", context.Canceled.Error()},
	} {
		r := newRig(t)
		ctx, interrupt := context.WithCancel(t.Context())
		test.set(r, interrupt)
		within, cancel := context.WithTimeout(ctx, r.timeout)
		err := r.kill(within, r.node, 4711)
		cancel()
		interrupt()
		if got := strings.Join(r.did, " "); got != test.did {
			t.Errorf("%s: it did %s", name, got)
		}
		if err == nil != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v", name, err)
		}
		if got := r.restarted(); (got == "a") != (test.want == "") {
			t.Errorf("%s: restarted %q", name, got)
		}
	}
}

// TestAnInterruptedDrillLeavesNoNodeDead: who has killed a node brings it back.
func TestAnInterruptedDrillLeavesNoNodeDead(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	r := newRig(t)
	kill := r.processes.kill
	r.processes.kill = func(pid int) error { interrupt(); return kill(pid) }
	if err := r.kill(ctx, r.node, 4711); err != nil || r.restarted() != "a" {
		t.Errorf("restarted %q, %v", r.restarted(), err)
	}

	// A command that fails leaves something behind, and that is said.
	ctx, interrupt = context.WithCancel(t.Context())
	r = newRig(t)
	r.exec = "exit 3"
	r.processes.kill = func(int) error { interrupt(); return nil }
	err := r.kill(ctx, r.node, 4711)
	var down *leftDown
	if !errors.As(err, &down) {
		t.Fatalf("error %v", err)
	}
	r.verdict.leave(err.Error())
	if got := r.verdict.failure(ctx).Error(); got != "interrupted; a was killed, and was not brought back: exit 3: exit status 3" {
		t.Errorf("it says %q", got)
	}
}

// TestAnInterruptedDrillLeavesNoNodeStopped is about the three seconds.
func TestAnInterruptedDrillLeavesNoNodeStopped(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	r := newRig(t)
	stop, stops := r.processes.stop, 0
	r.processes.stop = func(pid int) error {
		if stops++; stops > drillProofs {
			interrupt()
		}
		return stop(pid)
	}
	if err := r.pause(ctx, r.node, 4711); err != nil || r.standing || stops != drillProofs+1 {
		t.Errorf("stopped %d times, standing still: %v, %v", stops, r.standing, err)
	}
}
