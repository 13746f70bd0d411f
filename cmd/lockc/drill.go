package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
	"lockstep/muster"
)

// drillSettings are what drill takes.
type drillSettings struct {
	pids []nodePID
	exec string
	calm time.Duration // between two steps
}

// nodePID says which process of this machine a node is.
type nodePID struct {
	node string
	pid  int
}

// drill is a rehearsal of faults against nodes that people rely on: it does
// nothing to them that they are not made to bear, and watches what becomes of
// locks of its own meanwhile.
type drill struct {
	*program
	load      *drillLoad
	verdict   *judgement
	status    func(context.Context) []lockstep.NodeStatus
	processes processes
}

// processes are those of this machine, by their ids.
type processes struct {
	stop, resume, kill func(pid int) error
}

// step is one fault of a drill.
type step struct {
	what string
	do   func(context.Context) error
}

// runDrill asks, does it, cleans up, and says what was seen.
func (p *program) runDrill() error {
	if !p.Given("timeout") {
		p.timeout = orderWait
	}
	ctx, stop := signal.NotifyContext(context.Background(), drillEnders()...)
	defer stop()
	if err := p.dial(ctx, p.nodes); err != nil {
		return err
	}
	d := &drill{
		program: p, verdict: newJudgement(), status: p.client.Status,
		processes: processes{stopPID, resumePID, killPID},
	}
	s := d.survey(ctx)
	if err := d.fit(ctx, s); err != nil {
		return err
	}
	steps, err := d.plan(s)
	if err != nil {
		return err
	}
	if err := d.agree(s, steps); err != nil {
		return err
	}
	d.perform(ctx, s, steps)
	if err := p.show(d.verdict.report(), d.verdict.text()); err != nil {
		return err
	}
	return d.verdict.failure(ctx)
}

// drillEnders are the signals that end a drill, which has to tidy up before it
// goes: it may have stopped a process. One that is ignored, as under nohup, stays so.
func drillEnders() []os.Signal {
	enders := []os.Signal{os.Interrupt}
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			enders = append(enders, s)
		}
	}
	return enders
}

// survey asks where the nodes stand.
func (d *drill) survey(ctx context.Context) *standing {
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	return newStanding(d.status(ctx))
}

// fit refuses nodes of which a drill would take away what people need: there must
// be one to spare.
func (d *drill) fit(ctx context.Context, s *standing) error {
	if !slices.ContainsFunc(s.nodes, answered) {
		if ctx.Err() != nil {
			return cli.Fail(cli.Interrupted, "")
		}
		return cli.Fail(cli.Unavailable, "no node answered within %v: %s", statusWait, d.describe(d.nodes))
	}
	if why := s.unwhole(); why != "" {
		return cli.Fail(cli.TempFail, "no drill now: %s; lockc status shows more", why)
	}
	if len(s.members()) < 2 {
		return cli.Fail(cli.TempFail, "no drill: there is one node, and nobody to hand over to; lockc cluster add takes in more")
	}
	return nil
}

// unwhole says what is missing until every fault that the nodes are made for may
// happen, or nothing.
func (s *standing) unwhole() string {
	if s.primary == nil {
		return "no node is the primary"
	}
	if s.pair() {
		for _, n := range s.nodes {
			if n.Err != nil || !n.Paired {
				return n.Name + " is not paired"
			}
		}
		return ""
	}
	for _, m := range s.members() {
		i := slices.IndexFunc(s.nodes, func(n lockstep.NodeStatus) bool { return n.Name == m.Address })
		switch {
		case i < 0 || s.nodes[i].Err != nil:
			return m.Name + " does not answer"
		case !m.Voter:
			return m.Name + " is catching up"
		case !slices.Contains([]string{"primary", "backup", "quiet"}, s.nodes[i].Role):
			return m.Name + " is " + s.nodes[i].Role
		case s.nodes[i].View != s.primary.View:
			return m.Name + " is in another view than the primary"
		case s.lag(s.nodes[i]) > muster.FarBehind:
			return m.Name + " is far behind"
		}
	}
	return ""
}

// plan is what there is to do: each node that may serve is the primary once, the
// first one last, so that all is as it was; and then what the processes can take.
func (d *drill) plan(s *standing) (steps []step, err error) {
	add := func(do func(context.Context) error, format string, args ...any) {
		steps = append(steps, step{fmt.Sprintf(format, args...), do})
	}
	for _, n := range s.heirs() {
		add(func(ctx context.Context) error { return d.client.Switchover(ctx, n.Name, nil) }, "switch-over to %s", s.name(n))
	}
	for _, target := range d.pids {
		if err := checkPID(target.pid); err != nil {
			return nil, cli.Misuse("-pid %s=%d: %v", target.node, target.pid, err)
		}
		if _, err := s.find(target.node); err != nil {
			return nil, err
		}
	}
	for _, n := range s.nodes {
		pid, has := d.pidOf(s.name(n), n.Name)
		switch {
		case has && d.exec != "":
			add(func(ctx context.Context) error { return d.kill(ctx, n, pid) }, "kill %s (process %d), and have it started again", s.name(n), pid)
		case has:
			add(func(ctx context.Context) error { return d.pause(ctx, n, pid) }, "stop %s (process %d) for %v", s.name(n), pid, drillStop)
		case d.exec != "":
			add(func(ctx context.Context) error { return d.restart(ctx, n) }, "restart %s", s.name(n))
		}
	}
	return steps, nil
}

// heirs are those that may serve, in turn, ending with the primary of now.
func (s *standing) heirs() []lockstep.NodeStatus {
	var heirs []lockstep.NodeStatus
	for _, n := range s.nodes {
		m, known := s.member(n.Name)
		if n.Name != s.primary.Name && !(known && m.Quiet) {
			heirs = append(heirs, n)
		}
	}
	if len(heirs) == 0 {
		return nil
	}
	return append(heirs, *s.primary)
}

// find returns the node that is called so, by name or address.
func (s *standing) find(node string) (lockstep.NodeStatus, error) {
	var names []string
	for _, n := range s.nodes {
		if s.name(n) == node || n.Name == node {
			return n, nil
		}
		names = append(names, s.name(n))
	}
	return lockstep.NodeStatus{}, cli.Misuse("there is no node %.60q: it is one of %s", node, strings.Join(names, ", "))
}

func (d *drill) pidOf(name, address string) (int, bool) {
	for _, target := range d.pids {
		if target.node == name || target.node == address {
			return target.pid, true
		}
	}
	return 0, false
}

// agree has the user say yes to what will be done.
func (d *drill) agree(s *standing, steps []step) error {
	if d.yes {
		return nil
	}
	fmt.Fprintf(d.Stderr, "lockc: %s of its own will take and release locks below %s on %s, meanwhile:\n",
		count(drillSessions, "session", "sessions"), d.verdict.prefix, count(len(s.nodes), "node", "nodes"))
	for _, step := range steps {
		fmt.Fprintf(d.Stderr, "    %s\n", cli.OneLine(step.what))
	}
	if !d.attended() {
		return cli.Fail(cli.NoPerm, "nothing was done: --yes does it")
	}
	return d.confirm(os.Stdin, "begin?")
}

// perform does all steps under load. Whatever goes wrong stands in the verdict.
func (d *drill) perform(ctx context.Context, s *standing, steps []step) {
	began := time.Now()
	d.verdict.nodes = len(s.nodes)
	defer func() { d.verdict.took = time.Since(began) }()
	load, err := d.startLoad(ctx)
	if err != nil {
		d.verdict.abandon("the load cannot begin: " + cli.Plain(err))
		return
	}
	d.load = load
	d.rest(ctx)
	for _, step := range steps {
		if ctx.Err() != nil || !d.take(ctx, step) {
			break
		}
	}
	if ctx.Err() != nil {
		d.verdict.abandon("interrupted")
	}
	load.stop()
	d.sweep()
}

// take performs one step, waits until all nodes are there again, and says so. It
// returns false if the drill cannot go on.
func (d *drill) take(ctx context.Context, step step) bool {
	within, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	d.load.mark()
	began := time.Now()
	err := step.do(within)
	took := time.Since(began)
	if err == nil {
		err = d.awaitWhole(within)
	}
	if err == nil {
		err = d.load.settle(within)
	}
	whole := time.Since(began)
	d.rest(ctx)
	var down *leftDown
	if errors.As(err, &down) {
		d.verdict.leave(down.Error())
	} else if ctx.Err() != nil && err != nil {
		return false
	}
	result := stepResult{What: step.what, Done: err == nil, Took: milli(took), Whole: milli(whole), Pause: milli(d.load.paused())}
	if err != nil {
		result.Error = cli.OneLine(cli.Plain(err))
	}
	d.verdict.step(result)
	fmt.Fprintf(d.Stderr, "lockc: %s\n", cli.OneLine(result.text()))
	var refused *lockstep.OrderError
	return err == nil || errors.As(err, &refused)
}

// rest lets the load go on for a while: what a fault has done may show later.
func (d *drill) rest(ctx context.Context) {
	select {
	case <-time.After(d.calm):
	case <-ctx.Done():
	}
}

// awaitWhole waits until the next fault may come.
func (d *drill) awaitWhole(ctx context.Context) error {
	for {
		why := d.survey(ctx).unwhole()
		if why == "" {
			return nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the nodes have not come together again: %s", why)
		}
	}
}

// sweep sees to it that nothing is left.
func (d *drill) sweep() {
	ctx, cancel := context.WithTimeout(context.Background(), d.timeout)
	defer cancel()
	for lock, err := range d.client.List(ctx, d.verdict.prefix) {
		if err != nil {
			d.verdict.abandon("whether anything is left cannot be seen: " + cli.Plain(err))
			return
		}
		d.verdict.wrong("%s is still held or waited for, though its session was closed", lock.Name)
	}
}

// drillPrefix is one that nobody uses.
func drillPrefix() string { return "drill-" + strings.ToLower(rand.Text()[:8]) + "/" }
