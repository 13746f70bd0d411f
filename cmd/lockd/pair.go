package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"lockstep/cmd/internal/cli"
	"lockstep/remote"
	"lockstep/replica"
)

// runPair is the embedded default: both nodes in one process, over real
// connections.
func (p *program) runPair(names []string) error {
	if len(names) == 0 {
		names = []string{cli.DefaultPrimary, cli.DefaultBackup}
	}
	if !p.Given("trust-refused") {
		p.trustRefused = true // both nodes are on this machine
	}
	g, err := p.newGroup(2)
	if err != nil {
		return err
	}
	for i, self := range names {
		dir, err := memberDir(p.data, self, p.Getenv)
		if err == nil {
			err = g.start(p.nodeConfig([2]string(names), i == 0, dir), p.api)
		}
		if err != nil {
			g.kill()
			return err
		}
	}
	go p.announce(g, names)
	return g.serve()
}

// announce says what to type next, as soon as it works.
func (p *program) announce(g *group, names []string) {
	if !p.await(g, g.paired) {
		return
	}
	lockc := "lockc"
	if names[0] != cli.DefaultPrimary || names[1] != cli.DefaultBackup {
		lockc = fmt.Sprintf("lockc -nodes %s,%s", names[0], names[1])
	}
	lockc += g.shown()
	fmt.Fprintf(p.Stdout, "paired; try, elsewhere:\n    %[1]s run demo -- sleep 60 &\n    %[1]s ls\n    %[1]s lock other\n", lockc)
}

// await looks at every tick, until the nodes are told to stop.
func (p *program) await(g *group, ready func() bool) bool {
	for !ready() {
		select {
		case <-time.After(p.tick):
		case <-g.over:
			return false
		}
	}
	return true
}

// paired asks the nodes of this process.
func (g *group) paired() bool {
	return !slices.ContainsFunc(g.nodes, func(node *remote.Node) bool {
		status, ok := statusOf(node)
		return !ok || !status.Paired
	})
}

// statusOf asks one of them.
func statusOf(node *remote.Node) (replica.Status, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	status, err := node.Actors.Status(ctx)
	return status, err == nil
}
