package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
	"lockstep/muster"
	"lockstep/words"
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
	standing := p.standing(ctx)
	if err := p.printStatus(standing); err != nil {
		return cli.Fail(cli.IOError, "the status cannot be printed: %v", err)
	}
	return p.judge(standing.nodes, p.timeout)
}

// standing asks the nodes that are known, within the time-out.
func (p *program) standing(ctx context.Context) *standing {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	return newStanding(p.client.Status(ctx))
}

// judge says whether there is anybody at all, who has answered in time.
func (p *program) judge(nodes []lockstep.NodeStatus, within time.Duration) error {
	if slices.ContainsFunc(nodes, answered) {
		return nil
	}
	return cli.Fail(cli.Unavailable, "no node answered within %v: %s", within, p.describe(p.nodes))
}

func answered(n lockstep.NodeStatus) bool { return n.Err == nil }

func (p *program) printStatus(s *standing) error {
	why := p.silences(s.nodes, p.timeout)
	if p.json {
		encoder := json.NewEncoder(p.Stdout)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(statusReport(s, why))
	}
	_, err := fmt.Fprint(p.Stdout, statusText(s, why, p.colourful()))
	return err
}

// silences says of each node that did not answer in time what can be seen of it.
func (p *program) silences(nodes []lockstep.NodeStatus, within time.Duration) map[string]string {
	why := map[string]string{}
	var silent []string
	for _, n := range nodes {
		if n.Err != nil {
			silent = append(silent, n.Name)
		}
	}
	for i, symptom := range p.examine(silent) {
		why[silent[i]] = fmt.Sprintf("no answer within %v: %s", within, symptom)
	}
	return why
}

// report is the JSON form, with node and member in it. It is stable.
type report struct {
	Nodes    []node           `json:"nodes"`
	Safe     bool             `json:"safe"` // any one node may fail now
	Warnings []muster.Warning `json:"warnings"`
}

type node struct {
	Name    string `json:"name"` // its address
	Role    string `json:"role"` // empty if it did not answer
	View    uint64 `json:"view"`
	Index   uint64 `json:"index"`
	Peer    string `json:"peer"`
	Paired  bool   `json:"paired"`
	HeardMS int64  `json:"heard_ms"` // -1 if it never heard its peer
	Error   string `json:"error,omitempty"`

	Node      string `json:"node"` // what the operator calls it
	Quorum    bool   `json:"quorum"`
	Durable   bool   `json:"durable"`
	First     uint64 `json:"first"`
	Last      uint64 `json:"last"`
	Committed uint64 `json:"committed"`
	Lag       int64  `json:"lag"`              // entries behind the primary; -1 if not known
	LastMS    int64  `json:"heard_of_ms"`      // since another node heard this one; -1 if not known
	Bytes     uint64 `json:"disk_bytes"`       // of the log
	Members   []seen `json:"members,omitzero"` // as this node knows them
}

type seen struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Voter   bool   `json:"voter"`
	Quiet   bool   `json:"quiet"`
	Role    string `json:"role"`
	Match   uint64 `json:"match"`
	HeardMS int64  `json:"heard_ms"` // -1 if never
}

func statusReport(s *standing, why map[string]string) report {
	r := report{Nodes: []node{}, Warnings: s.warnings(why)}
	r.Safe = s.safe(r.Warnings)
	for _, n := range s.nodes {
		r.Nodes = append(r.Nodes, node{
			Name: n.Name, Role: n.Role, View: n.View, Index: n.Index, Peer: n.Peer, Paired: n.Paired,
			HeardMS: heardMS(n), Error: why[n.Name],
			Node: n.Node, Quorum: n.Quorum, Durable: n.Durable, First: n.First, Last: n.Last, Committed: n.Committed,
			Lag: s.lag(n), LastMS: milliseconds(s.heard(n)), Bytes: n.DiskBytes, Members: seenBy(n),
		})
	}
	return r
}

func heardMS(n lockstep.NodeStatus) int64 {
	if n.Err != nil {
		return -1
	}
	return milliseconds(n.Heard)
}

// milliseconds keeps a negative length, which is none, apart from a short one.
func milliseconds(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return d.Milliseconds()
}

func seenBy(n lockstep.NodeStatus) (members []seen) {
	for _, m := range n.Members {
		members = append(members, seen{
			Name: m.Name, Address: m.Address, Voter: m.Voter, Quiet: m.Quiet,
			Role: m.Role, Match: m.Match, HeardMS: milliseconds(m.Heard),
		})
	}
	slices.SortFunc(members, func(a, b seen) int { return strings.Compare(a.Name, b.Name) })
	return members
}

// statusText is the form for people.
func statusText(s *standing, why map[string]string, paint bool) string {
	t := &table{paint: paint}
	if s.pair() {
		pairRows(t, s, why)
	} else {
		clusterRows(t, s, why)
	}
	var b strings.Builder
	b.WriteString(t.String())
	for i, w := range s.warnings(why) {
		if i == 0 {
			b.WriteByte('\n')
		}
		b.WriteString(painted(paint, bad, "warning:") + " " + cli.OneLine(w.Text) + "\n")
	}
	return b.String()
}

func pairRows(t *table, s *standing, why map[string]string) {
	t.add(strong, "NODE", "ROLE", "VIEW", "INDEX", "PEER", "PAIRED", "DISK", "HEARD ITS PEER")
	for _, n := range s.nodes {
		if n.Err != nil {
			t.add(plain, n.Name, "unreachable", "-", "-", "-", "-", "-", why[n.Name]).styled(1, bad)
			continue
		}
		t.add(plain, n.Name, n.Role, number(n.View), number(n.Index), n.Peer, paired(n), disk(n), words.Ago(n.Heard))
	}
}

func clusterRows(t *table, s *standing, why map[string]string) {
	t.add(strong, "NODE", "ADDRESS", "ROLE", "VIEW", "INDEX", "LOG", "COMMITTED", "LAG", "DISK", "HEARD")
	for _, n := range s.nodes {
		if n.Err != nil {
			t.add(plain, s.name(n), n.Name, "unreachable", "-", "-", "-", "-", lagText(s.lag(n)), "-", s.heardOf(n)+"; "+why[n.Name]).styled(2, bad)
			continue
		}
		log := fmt.Sprintf("%d..%d", n.First, n.Last)
		t.add(plain, s.name(n), n.Name, n.Role, number(n.View), number(n.Index), log, number(n.Committed), lagText(s.lag(n)), disk(n), s.heardOf(n))
	}
}

// heardOf is when the others have heard a node that answers.
func (s *standing) heardOf(n lockstep.NodeStatus) string {
	heard := s.heard(n)
	if s.primary == nil && heard < 0 || s.primary != nil && s.primary.Name == n.Name {
		return "-"
	}
	return words.Ago(heard)
}

func number(n uint64) string { return fmt.Sprint(n) }

func paired(n lockstep.NodeStatus) string {
	if n.Paired {
		return "paired"
	}
	return "not paired"
}

// disk says what of a node would survive a loss of power.
func disk(n lockstep.NodeStatus) string {
	if !n.Durable {
		return "memory"
	}
	return "fsync, " + bytesText(n.DiskBytes)
}

func bytesText(n uint64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	default:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	}
}

func lagText(lag int64) string {
	if lag < 0 {
		return "-"
	}
	return fmt.Sprint(lag)
}
