package muster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/words"
)

// Warning is something that is not safe.
type Warning struct {
	Kind  string   `json:"kind"`
	Nodes []string `json:"nodes,omitempty"` // their names
	Text  string   `json:"text"`
}

// Past these it is worth a word.
const (
	FarBehind  = 10_000          // entries
	longSilent = 5 * time.Second // since a member was heard that answers here,
	soonSilent = time.Second     // and since one that does not
)

// The kinds of warnings. They are stable.
const (
	NoPrimary    = "no_primary"
	TwoPrimaries = "two_primaries"
	Unreachable  = "unreachable"
	Majority     = "majority"
	IsPair       = "pair"
	Alone        = "alone"
	Lagging      = "lagging"
	Learning     = "learning"
	Disagreement = "disagreement"
	Memory       = "memory"
	Even         = "even"
)

// lasting are the kinds that do not pass by waiting.
var lasting = []string{IsPair, Memory, Even}

// Safe reports whether any one node may fail now, as far as the nodes are made
// for it.
func (p *Picture) Safe(warnings []Warning) bool {
	return p.Primary != nil && !slices.ContainsFunc(warnings, func(w Warning) bool { return !slices.Contains(lasting, w.Kind) })
}

// Warnings tell what is not safe, the worst first. Why is what can be said of the
// nodes that do not answer, by their addresses.
func (p *Picture) Warnings(why map[string]string) []Warning {
	all := []Warning{}
	add := func(kind string, nodes []string, format string, args ...any) {
		all = append(all, Warning{Kind: kind, Nodes: nodes, Text: fmt.Sprintf(format, args...)})
	}
	if !slices.ContainsFunc(p.Nodes, func(n Node) bool { return !n.Silent }) {
		return all // there is nothing but that to say
	}
	p.warnOfPrimary(add)
	p.warnOfSilence(why, add)
	if p.paired() {
		p.warnOfPair(add)
	} else {
		p.warnOfMajority(add)
	}
	p.warnOfDistance(add)
	p.warnOfMembers(add)
	p.warnOfMemory(add)
	return all
}

// unborn reports whether nobody knows of a cluster. That a node is no member then
// says nothing.
func (p *Picture) unborn() bool { return p.Primary == nil && len(p.Members()) == 0 }

type warner func(kind string, nodes []string, format string, args ...any)

func (p *Picture) warnOfPrimary(add warner) {
	if p.Primary == nil {
		switch {
		case p.paired():
			add(NoPrimary, nil, "no node is the primary: nothing is served until the two nodes have met")
		case p.unborn():
			add(NoPrimary, nil, "no node that answers belongs to a cluster yet: nothing is served until all that their -peers list have been started, or a cluster takes them in")
		default:
			add(NoPrimary, nil, "no node is the primary: nothing is served until a majority of the voting nodes hear each other")
		}
	}
	var others []string
	for _, n := range p.Nodes {
		if reigns(n) && n.Address != p.Primary.Address {
			others = append(others, p.NameOf(n))
		}
	}
	if len(others) > 0 {
		add(TwoPrimaries, append(others, p.NameOf(*p.Primary)), "%s and %s both take themselves for the primary: what the one with the lower view says is void",
			strings.Join(others, ", "), p.NameOf(*p.Primary))
	}
}

func (p *Picture) warnOfSilence(why map[string]string, add warner) {
	for _, n := range p.Nodes {
		heard := p.Heard(n)
		_, known := p.Member(n.Address)
		switch name := p.NameOf(n); {
		case n.Silent && heard >= 0:
			add(Unreachable, []string{name}, "%s does not answer, and the others heard it %s; %s", name, words.Ago(heard), why[n.Address])
		case n.Silent && !known && !p.paired() && !p.unborn():
			add(Unreachable, []string{name}, "%s does not answer, and is no member of the cluster: it was removed, or never taken in; %s", name, why[n.Address])
		case n.Silent:
			add(Unreachable, []string{name}, "%s does not answer; %s", name, why[n.Address])
		case n.Quorum && p.Primary != nil && heard >= longSilent:
			add(Unreachable, []string{name}, "%s answers here, but the primary heard it %s", name, words.Ago(heard))
		}
	}
}

func (p *Picture) warnOfPair(add warner) {
	if p.Primary != nil && p.Primary.Role == "solo" {
		add(Alone, []string{p.Primary.Address}, "%s serves alone: the locks have no second copy until its peer is back", p.Primary.Address)
	}
	add(IsPair, nil, "two nodes cannot tell a dead peer from a cut cable, and may both go on: three can (lockd node)")
}

// warnOfMajority speaks up when the next fault would be one too many.
func (p *Picture) warnOfMajority(add warner) {
	var there, gone, serving []string
	for _, m := range p.Members() {
		switch {
		case !m.Voter:
			continue
		case p.lives(m):
			there = append(there, m.Name)
		default:
			gone = append(gone, m.Name)
		}
		if !m.Quiet {
			serving = append(serving, m.Name)
		}
	}
	voters := len(there) + len(gone)
	need := voters/2 + 1
	switch {
	case voters == 0:
	case voters == 1:
		add(Majority, there, "one node votes: the locks have no second copy, and no node may fail; lockc cluster add takes in more")
	case p.bereft(need, add):
	case len(there) < need:
		add(Majority, gone, "%d of %d voting nodes are there, and %d must be: nothing is served until one is back", len(there), voters, need)
	case voters == 2:
		add(Majority, nil, "two nodes vote, and both must live: no node may fail; lockc cluster add takes in a third")
	case len(there) == need:
		add(Majority, gone, "%d of %d voting nodes are there: no other may fail", len(there), voters)
	case voters%2 == 0:
		add(Even, nil, "%d nodes vote, and %d must live: one less would bear as many faults", voters, need)
	}
	if len(serving) == 1 && voters > 1 {
		add(Majority, serving, "only %s may serve, as the others are quiet: if it fails nobody does", serving[0])
	}
}

// bereft speaks up when so many voting nodes are there without a log that no
// majority can form any more: then only an operator helps, who must begin at a
// node that still has one.
func (p *Picture) bereft(need int, add warner) bool {
	var without, silent []string
	able := 0
	for _, m := range p.Members() {
		i := slices.IndexFunc(p.Nodes, func(n Node) bool { return n.Address == m.Address })
		switch {
		case !m.Voter:
			continue
		case i < 0 || p.Nodes[i].Silent:
			silent = append(silent, m.Name)
		case len(p.Nodes[i].Members) == 0:
			without = append(without, m.Name)
			continue
		}
		able++
	}
	if p.Primary != nil || able >= need {
		return false
	}
	var with []Node
	for _, n := range p.Nodes {
		if !n.Silent && len(n.Members) > 0 {
			with = append(with, n)
		}
	}
	best := slices.MaxFunc(with, func(a, b Node) int { return cmp.Compare(a.Last, b.Last) })
	text := fmt.Sprintf("%s came back without a log, so that no majority can form; %s has one, up to entry %d: lockc cluster bootstrap -node %s "+
		"goes on with it, and the others are then started with empty directories and added", strings.Join(without, ", "), p.NameOf(best), best.Last, best.Address)
	if len(silent) > 0 {
		text += fmt.Sprintf("; look first what %s has, which does not answer", strings.Join(silent, ", "))
	}
	add(Majority, without, "%s", text)
	return true
}

// lives reports whether anybody has heard a member lately, or it answers here.
func (p *Picture) lives(m Member) bool {
	i := slices.IndexFunc(p.Nodes, func(n Node) bool { return n.Address == m.Address })
	switch {
	case p.Primary != nil && p.Primary.Address == m.Address:
		return true
	case p.Primary != nil:
		patience := soonSilent
		if i >= 0 && !p.Nodes[i].Silent {
			patience = longSilent
		}
		return m.Heard >= 0 && m.Heard < patience
	default:
		return i >= 0 && !p.Nodes[i].Silent
	}
}

func (p *Picture) warnOfDistance(add warner) {
	for _, n := range p.Nodes {
		if lag := p.Lag(n); !n.Silent && lag > FarBehind {
			add(Lagging, []string{p.NameOf(n)}, "%s is %d entries behind the primary", p.NameOf(n), lag)
		}
	}
	for _, n := range p.Nodes {
		if n.Silent || !n.Quorum || len(n.Members) > 0 {
			continue
		}
		name := p.NameOf(n)
		switch _, known := p.Member(n.Address); {
		case p.unborn():
			add(Learning, []string{name}, "%s has no log yet", name)
		case known:
			add(Learning, []string{name}, "%s has no log yet, and waits to be taken in", name)
		default:
			add(Learning, []string{name}, "%s has no log yet, and is no member of the cluster: lockc cluster add %s=%s takes it in", name, name, n.Address)
		}
	}
	for _, m := range p.Members() {
		if !m.Voter {
			add(Learning, []string{m.Name}, "%s does not vote yet: it is catching up", m.Name)
		}
	}
}

// warnOfMembers speaks up about nodes that do not agree on who belongs to them.
func (p *Picture) warnOfMembers(add warner) {
	var astray []string
	want := memberNames(p.Members())
	for _, n := range p.Nodes {
		if _, known := p.Member(n.Address); !n.Silent && len(n.Members) > 0 && !p.paired() && (!known || memberNames(n.Members) != want) {
			astray = append(astray, p.NameOf(n))
		}
	}
	if len(astray) > 0 && want != "" {
		add(Disagreement, astray, "%s and the other nodes disagree on who belongs to the cluster (%s): behind, not taken in yet, or of another cluster",
			strings.Join(astray, ", "), want)
	}
}

func memberNames(members []Member) string {
	var names []string
	for _, m := range members {
		names = append(names, m.Name+"="+m.Address)
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

func (p *Picture) warnOfMemory(add warner) {
	var volatile []string
	answers := 0
	for _, n := range p.Nodes {
		if n.Silent {
			continue
		}
		answers++
		if !n.Durable {
			volatile = append(volatile, p.NameOf(n))
		}
	}
	switch {
	case len(volatile) == 0:
	case len(volatile) < answers:
		add(Memory, volatile, "nothing is on disk at %s, unlike at the others", strings.Join(volatile, ", "))
	case p.paired():
		add(Memory, volatile, "nothing is on disk: if both nodes lose power the locks are gone; -durability fsync keeps them")
	default:
		add(Memory, volatile, "nothing is on disk: if a majority loses power at once the locks are gone; -durability fsync keeps them")
	}
}
