package main

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"lockstep/actors"
	"lockstep/cmd/internal/cli"
	"lockstep/remote"
	"lockstep/trust"
)

// How long a clean stop may take: each node, and what the process takes longer
// whatever the nodes do. Handing over is counted in ticks; so many are enough.
const (
	nodeStop  = 900 * time.Millisecond
	moreStop  = 1100 * time.Millisecond
	handTicks = 14
)

// lingerTicks is how long a node that gave up keeps its links: they make contact
// by their ticks, and one may be lost.
const lingerTicks = 4

// group is the nodes of this process. They start, run and end together.
type group struct {
	planned int // how many nodes there will be
	log     *slog.Logger
	tick    time.Duration
	hands   bool     // the nodes hand over before they go
	doors   entrance // of the public ports
	traces  *tracing
	nodes   []*remote.Node
	ports   []*port     // one for each node; nil for one without an API
	claims  []io.Closer // on the nodes' state directories
	signals chan os.Signal
	again   chan os.Signal // to look at files that may have changed
	gaveUp  chan error     // why a node cannot be part of its pair
	over    chan struct{}  // closed when the nodes are told to stop
}

// newGroup listens for signals from now on, so that control-C during the start
// is a clean stop too. It will have so many nodes.
func (p *program) newGroup(nodes int) (*group, error) {
	log := p.newLog()
	keeper, err := cli.OpenTLS(p.tls, p.insecure, log)
	if err != nil {
		return nil, err
	}
	front, err := p.newEntrance(keeper, log)
	if err != nil {
		return nil, err
	}
	traces, err := p.openTraces(log)
	if err != nil {
		return nil, err
	}
	g := &group{planned: nodes, log: log, tick: p.tick, doors: front, traces: traces, signals: make(chan os.Signal, 4), again: make(chan os.Signal, 1),
		gaveUp: make(chan error, 4), over: make(chan struct{})}
	signal.Notify(g.signals, syscall.SIGINT, syscall.SIGTERM)
	if front.changes() {
		signal.Notify(g.again, syscall.SIGHUP)
	}
	return g, nil
}

// identity is what the nodes of this process show.
func (g *group) identity() trust.Source {
	if g.doors.tls == nil {
		return nil
	}
	return g.doors.tls
}

// shown is what clients of these nodes have to add to what they type.
func (g *group) shown() string {
	if g.doors.tls == nil {
		return ""
	}
	return " -tls-cert CERTIFICATE -tls-key KEY -tls-ca AUTHORITY"
}

// giveUp is called by an actor, which must not wait.
func (g *group) giveUp(cause error) {
	select {
	case g.gaveUp <- cause:
	default: // more reasons than anybody wants to hear
	}
}

// serve waits for the end and brings it about.
func (g *group) serve() error {
	defer g.release()
	if g.doors.changes() {
		go g.doors.follow(g.over)
	}
	g.sendHerald()
	for {
		select {
		case <-g.again:
			g.doors.look()
		case s := <-g.signals:
			g.log.Info(g.leaving(), "signal", s.String())
			return g.leave()
		case cause := <-g.gaveUp:
			g.linger()
			_ = g.leave()
			return cli.Fail(givenUp(cause), "%s", cause)
		}
	}
}

// givenUp is the exit code of a node that cannot go on.
func givenUp(cause error) int {
	if errors.As(cause, new(*actors.DiskError)) {
		return cli.CantCreate
	}
	return cli.Config
}

func (g *group) leaving() string {
	if g.hands {
		return "stopping, and handing over"
	}
	return "stopping, and telling the other node"
}

// patience is how long a node may take to stop.
func (g *group) patience() time.Duration {
	if g.hands {
		return max(nodeStop, handTicks*g.tick)
	}
	return nodeStop
}

// linger gives the links time to tell the peer why this node goes: if neither has
// a role, the peer has to go too, and would wait for ever if it did not hear it.
func (g *group) linger() {
	select {
	case <-time.After(min(lingerTicks*g.tick, nodeStop+moreStop)):
	case <-g.signals:
	}
}

// leave stops all nodes in good order, but within bounds: a second signal, or a
// peer that is frozen, must not keep the process.
func (g *group) leave() error {
	close(g.over)
	done := make(chan struct{})
	each := g.patience()
	go func() {
		defer close(done)
		var all sync.WaitGroup
		for i, node := range g.nodes {
			all.Go(func() {
				g.ports[i].close(g.log)
				_ = node.Leave(each) // a farewell that fails is like a crash, which the peer survives
			})
		}
		all.Wait()
		g.traces.close(g.log)
	}()
	select {
	case <-done:
	case <-time.After(each + moreStop):
		g.log.Warn("not everything stopped in time", "waited", each+moreStop)
	case s := <-g.signals:
		number, _ := s.(syscall.Signal)
		return cli.Fail(128+int(number), "ended at once by a second signal")
	}
	return nil
}

// release gives the state directories up, last of all.
func (g *group) release() {
	for _, c := range g.claims {
		_ = c.Close()
	}
}

// kill ends nodes that were started in vain.
func (g *group) kill() {
	defer g.release()
	close(g.over)
	for i, node := range g.nodes {
		g.ports[i].close(g.log)
		node.Kill()
	}
}
