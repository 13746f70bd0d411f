package main

import (
	"context"
	"fmt"
	"time"

	"lockstep/cmd/internal/cli"
)

// runPair is the embedded default: both nodes in one process, over real
// connections.
func (p *program) runPair(names []string) error {
	if len(names) == 0 {
		names = []string{cli.DefaultPrimary, cli.DefaultBackup}
	}
	if err := cli.CheckNodes(names); err != nil {
		return err
	}
	if !p.Given("trust-refused") {
		p.trustRefused = true // both nodes are on this machine
	}
	g := newGroup(p.newLog(), p.tick)
	for i, self := range names {
		dir, err := memberDir(p.data, self, p.Getenv)
		if err == nil {
			err = g.start(p.nodeConfig([2]string(names), i == 0, dir))
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
	for !g.paired() {
		select {
		case <-time.After(p.tick):
		case <-g.over:
			return
		}
	}
	lockc := "lockc"
	if names[0] != cli.DefaultPrimary || names[1] != cli.DefaultBackup {
		lockc = fmt.Sprintf("lockc -nodes %s,%s", names[0], names[1])
	}
	fmt.Fprintf(p.Stdout, "paired; try, elsewhere:\n    %[1]s run demo -- sleep 60 &\n    %[1]s ls\n    %[1]s lock other\n", lockc)
}

// paired asks the nodes of this process.
func (g *group) paired() bool {
	for _, node := range g.nodes {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		status, err := node.Actors.Status(ctx)
		cancel()
		if err != nil || !status.Paired {
			return false
		}
	}
	return true
}
