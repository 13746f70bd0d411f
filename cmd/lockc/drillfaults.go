package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
)

// drillStop is how long a process stands still: longer than the others take to
// go on without it, and shorter than a lease.
const drillStop = 3 * time.Second

// A process is taken for a node's only if the node falls silent with it and
// speaks with it, in turn, so many times: a node that is slow now and then falls
// silent, too. It stands still for less than it takes the others to go on
// without it.
const (
	drillProofs = 2
	drillLook   = 300 * time.Millisecond // until a node counts as silent
	drillLooks  = 3                      // at a node that may still be on its way to standstill
	drillReturn = 5 * time.Second        // until it must have answered again
)

// pause stops a node's process for a while.
func (d *drill) pause(ctx context.Context, n lockstep.NodeStatus, pid int) error {
	if err := d.prove(ctx, n, pid); err != nil {
		return err
	}
	return d.stopped(pid, func() error {
		select {
		case <-time.After(drillStop):
		case <-ctx.Done():
		}
		return nil
	})
}

// kill ends a node's process and has the command bring it back, also if somebody
// interrupts the drill: a node that was killed is nothing to leave behind.
func (d *drill) kill(ctx context.Context, n lockstep.NodeStatus, pid int) error {
	if err := d.prove(ctx, n, pid); err != nil {
		return err
	}
	if err := d.processes.kill(pid); err != nil {
		return err
	}
	err := d.revive(ctx, n)
	if err != nil && ctx.Err() != nil {
		err = d.revive(ctx, n) // Control-C at a terminal reaches the command as well
	}
	if err != nil {
		return &leftDown{d.called(n), err}
	}
	return nil
}

// revive is restart, and does not end with the drill.
func (d *drill) revive(ctx context.Context, n lockstep.NodeStatus) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.timeout)
	defer cancel()
	return d.restart(ctx, n)
}

// leftDown says that the drill has killed a node and could not bring it back.
type leftDown struct {
	node string
	err  error
}

func (e *leftDown) Error() string {
	return fmt.Sprintf("%s was killed, and was not brought back: %v", e.node, e.err)
}

// prove makes sure that a process is the node's, before anything is done to it
// that it may not survive: with the process stopped the node is silent, and with
// the process resumed it answers. Whatever it finds, the process goes on.
func (d *drill) prove(ctx context.Context, n lockstep.NodeStatus, pid int) error {
	for range drillProofs {
		if err := d.stopped(pid, func() error { return d.awaitSilence(ctx, n, pid) }); err != nil {
			return err
		}
		if err := d.awaitAnswer(ctx, n, pid); err != nil {
			return err
		}
	}
	return d.awaitWhole(ctx) // one fault at a time
}

// stopped does something while a process is stopped.
func (d *drill) stopped(pid int, do func() error) (err error) {
	if err := d.processes.stop(pid); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.processes.resume(pid)) }()
	return do()
}

func (d *drill) awaitSilence(ctx context.Context, n lockstep.NodeStatus, pid int) error {
	for range drillLooks {
		answered := d.answers(ctx, n.Name)
		if ctx.Err() != nil { // then nobody answers
			return ctx.Err()
		}
		if !answered {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("process %d was stopped for a moment, and %s went on answering: it is another process", pid, n.Name)
}

func (d *drill) awaitAnswer(ctx context.Context, n lockstep.NodeStatus, pid int) error {
	for began := time.Now(); time.Since(began) < drillReturn; {
		answered := d.answers(ctx, n.Name)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if answered {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("process %d was stopped for a moment, and %s does not answer since: whether it is that node is not known", pid, n.Name)
}

func (d *drill) answers(ctx context.Context, address string) bool {
	looking, cancel := context.WithTimeout(ctx, drillLook)
	defer cancel()
	return slices.ContainsFunc(d.status(looking), func(n lockstep.NodeStatus) bool {
		return n.Name == address && n.Err == nil
	})
}

// called is what the operator calls a node.
func (d *drill) called(n lockstep.NodeStatus) string { return cmp.Or(n.Node, n.Name) }

// restart runs the user's command for a node.
func (d *drill) restart(ctx context.Context, n lockstep.NodeStatus) error {
	line := strings.NewReplacer("{node}", n.Node, "{address}", n.Name).Replace(d.exec)
	shell := []string{"sh", "-c"}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/C"}
	}
	command := exec.CommandContext(ctx, shell[0], append(shell[1:], line)...)
	command.Stdout, command.Stderr = d.Stderr, d.Stderr
	command.WaitDelay = time.Second // it may leave a node behind that has our output
	if err := command.Run(); err != nil && !isLeftBehind(err) {
		return fmt.Errorf("%s: %w", cli.OneLine(line), err)
	}
	return nil
}

// isLeftBehind reports whether the command itself succeeded, and something that it
// has started still has its output.
func isLeftBehind(err error) bool { return strings.Contains(err.Error(), exec.ErrWaitDelay.Error()) }

func parsePID(s string) (nodePID, error) {
	node, digits, ok := strings.Cut(s, "=")
	pid, err := strconv.Atoi(digits)
	if !ok || err != nil || node == "" {
		return nodePID{}, fmt.Errorf("want NAME=PID, such as b=4711")
	}
	return nodePID{node, pid}, nil
}

func (p *program) addDrillFlags() {
	cli.List(p.Flags, &p.pids, "pid",
		"the process of a node on this machine, `NAME=PID`: it is stopped for a while,\nor killed with -exec; may be given several times", parsePID)
	cli.String(p.Flags, &p.exec, "exec", "",
		"a `command` that restarts a node: {node} is its name, {address} its address;\nit is run by the shell, for one node after the other")
	cli.Duration(p.Flags, &p.calm, "calm", "2s",
		"the `time` for which the sessions go on between two faults", 0, time.Hour)
}

func (p *program) drillCommand() cli.Command {
	return cli.Command{
		Verb: "drill", Flags: append([]string{"yes", "pid", "exec", "calm", "json"}, ordering...),
		Own: map[string]string{
			"timeout": "the `time` that each step may take until all nodes are there again: 1m if nothing\nis said",
			"yes":     "begin without asking",
		},
		About: `rehearse faults against the running nodes, and say whether anything was lost

Six sessions of its own take and release locks below a prefix that nobody uses, wait in line
for them, and keep some from beginning to end, while every node that may serve is made the
primary once, the first one last. With -pid processes of this machine are stopped for three
seconds each; with -exec every node is restarted by that command, and killed before if -pid
names its process: once it is clear that it is that node's, which falls silent when the
process is stopped, and answers when it goes on. One fault at a time: the next comes when all nodes are there again.

It prints what was done, the longest pause of a session, wrong answers (two that hold one
lock, tokens that do not rise, answers that cannot be), and lost locks; and leaves nothing
behind. Others notice short pauses. ` + aboutJSON + `{"prefix", "nodes", "sessions",
"took_ms", "requests", "steps": [{"what", "done", "took_ms", "whole_ms", "pause_ms", "error"}],
"longest_pause_ms", "wrong_answers", "lost_locks", "unanswered", "trouble", "ok"}.`,
		Examples: []string{
			"lockc drill",
			"lockc drill --yes --json | jq .ok",
			"lockc drill -pid a=4711 -pid b=4712",
			`lockc drill -exec "ssh {node} sudo systemctl restart lockd"`,
		},
		Codes: []cli.Code{
			{Code: cli.OK, Meaning: "all was done, and nothing was lost"},
			{Code: cli.No, Meaning: "a wrong answer, a lost lock, or a request without an answer"},
			codeUsage,
			{Code: cli.Unavailable, Meaning: "no node answered"},
			codeUnprinted,
			{Code: cli.TempFail, Meaning: "the nodes are not fit for a drill, or it was not brought to its end"},
			{Code: cli.NoPerm, Meaning: "nobody said yes; nothing was done"},
			{Code: cli.Interrupted, Meaning: "interrupted; nothing is left of it, or it says what is"},
		},
		Run: func([]string) error { return p.runDrill() },
	}
}
