package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"text/tabwriter"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
)

// statusWait is how long status waits for a node if nothing is said: a node
// that lives answers in milliseconds, and people look at the table for the other.
const statusWait = time.Second

// showStatus prints where each node stands. It fails if none of them answers.
func (p *program) showStatus() error {
	if !p.Given("timeout") {
		p.timeout = statusWait
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := p.dial(ctx, p.nodes); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	nodes := p.client.Status(ctx)
	if err := p.printStatus(nodes); err != nil {
		return cli.Fail(cli.IOError, "the status cannot be printed: %v", err)
	}
	return p.judge(nodes)
}

// judge says whether there is anybody at all.
func (p *program) judge(nodes []lockstep.NodeStatus) error {
	for _, n := range nodes {
		if n.Err == nil {
			return nil
		}
	}
	return cli.Fail(cli.Unavailable, "no node answered within %v: %s", p.timeout, p.describe(p.nodes))
}

func (p *program) printStatus(nodes []lockstep.NodeStatus) error {
	if p.json {
		return json.NewEncoder(p.Stdout).Encode(p.report(nodes))
	}
	_, err := fmt.Fprint(p.Stdout, p.table(nodes))
	return err
}

// report and node are the JSON form.
type report struct {
	Nodes []node `json:"nodes"`
}

type node struct {
	Name    string `json:"name"`
	Role    string `json:"role"` // empty if it did not answer
	View    uint64 `json:"view"`
	Index   uint64 `json:"index"`
	Peer    string `json:"peer"`
	Paired  bool   `json:"paired"`
	HeardMS int64  `json:"heard_ms"` // -1 if it never heard its peer
	Error   string `json:"error,omitempty"`
}

func (p *program) report(nodes []lockstep.NodeStatus) report {
	r := report{Nodes: []node{}}
	for _, n := range nodes {
		entry := node{Name: n.Name, Role: n.Role, View: n.View, Index: n.Index, Peer: n.Peer, Paired: n.Paired, HeardMS: -1}
		switch {
		case n.Err != nil:
			entry.Error = p.unreachable(n)
		case n.Heard >= 0:
			entry.HeardMS = n.Heard.Milliseconds()
		}
		r.Nodes = append(r.Nodes, entry)
	}
	return r
}

func (p *program) unreachable(n lockstep.NodeStatus) string {
	return fmt.Sprintf("%v within %v: %s", n.Err, p.timeout, symptom(n.Name))
}

// table is the form for people.
func (p *program) table(nodes []lockstep.NodeStatus) string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "NODE\tROLE\tVIEW\tINDEX\tPEER\tPAIRED\tHEARD ITS PEER")
	for _, n := range nodes {
		if n.Err != nil {
			fmt.Fprintf(t, "%s\tunreachable\t-\t-\t-\t-\t%s\n", n.Name, p.unreachable(n))
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\t%s\n",
			cli.OneLine(n.Name), n.Role, n.View, n.Index, cli.OneLine(n.Peer), paired(n), heard(n))
	}
	t.Flush()
	return b.String()
}

func paired(n lockstep.NodeStatus) string {
	if n.Paired {
		return "paired"
	}
	return "not paired"
}

func heard(n lockstep.NodeStatus) string {
	if n.Heard < 0 {
		return "never"
	}
	return n.Heard.String() + " ago"
}
