package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep"
)

// standing is where the nodes stand, seen together.
type standing struct {
	nodes   []lockstep.NodeStatus
	primary *lockstep.NodeStatus // the one of the highest view, or nil
}

func newStanding(nodes []lockstep.NodeStatus) *standing {
	s := &standing{nodes: nodes}
	for i := range nodes {
		if n := &nodes[i]; reigns(*n) && (s.primary == nil || n.View > s.primary.View) {
			s.primary = n
		}
	}
	if s.pair() {
		return s // in the order in which they were named: the primary's address first
	}
	reigning := ""
	if s.primary != nil {
		reigning = s.primary.Name
	}
	s.nodes = slices.Clone(nodes)
	slices.SortStableFunc(s.nodes, func(a, b lockstep.NodeStatus) int { return cmp.Compare(s.name(a), s.name(b)) })
	if i := slices.IndexFunc(s.nodes, func(n lockstep.NodeStatus) bool { return n.Name == reigning }); i >= 0 {
		s.primary = &s.nodes[i]
	}
	return s
}

// reigns reports whether a node takes itself for the one that decides the order.
func reigns(n lockstep.NodeStatus) bool {
	return n.Err == nil && (n.Role == "primary" || n.Role == "solo")
}

// pair reports whether the nodes are no cluster.
func (s *standing) pair() bool {
	return !slices.ContainsFunc(s.nodes, func(n lockstep.NodeStatus) bool { return n.Quorum })
}

// members are those of the node that knows best: the primary, else the one that
// is furthest in the order.
func (s *standing) members() []lockstep.MemberStatus {
	if s.primary != nil {
		return s.primary.Members
	}
	if len(s.nodes) == 0 {
		return nil
	}
	return slices.MaxFunc(s.nodes, func(a, b lockstep.NodeStatus) int {
		return cmp.Or(cmp.Compare(min(1, len(a.Members)), min(1, len(b.Members))), cmp.Compare(a.View, b.View), cmp.Compare(a.Committed, b.Committed), cmp.Compare(len(a.Members), len(b.Members)))
	}).Members
}

func (s *standing) member(address string) (lockstep.MemberStatus, bool) {
	members := s.members()
	if i := slices.IndexFunc(members, func(m lockstep.MemberStatus) bool { return m.Address == address }); i >= 0 {
		return members[i], true
	}
	return lockstep.MemberStatus{}, false
}

// name is what the operator calls a node; who is no member has none.
func (s *standing) name(n lockstep.NodeStatus) string {
	if n.Node != "" && n.Node != n.Name {
		return n.Node
	}
	if m, ok := s.member(n.Name); ok {
		return m.Name
	}
	return cmp.Or(n.Node, n.Name)
}

// lag is how many entries a node is behind the primary; -1 if that is not known.
// Answers of two moments are compared, so that it may come out as less than none.
func (s *standing) lag(n lockstep.NodeStatus) int64 {
	if s.primary == nil {
		return -1
	}
	ahead, has := s.primary.Last, n.Last
	switch m, known := s.member(n.Name); {
	case n.Err == nil && !n.Quorum:
		ahead, has = s.primary.Index, n.Index
	case n.Err == nil:
	case known && n.Name != s.primary.Name && s.primary.Quorum:
		has = m.Match
	default:
		return -1
	}
	return max(0, int64(ahead-has))
}

// heard is how long ago another node has heard this one: the primary, or any if
// there is none. It is 0 for the primary itself.
func (s *standing) heard(n lockstep.NodeStatus) time.Duration {
	if s.primary != nil {
		if s.primary.Name == n.Name {
			return 0
		}
		if m, ok := s.member(n.Name); ok {
			return m.Heard
		}
		return -1
	}
	last := time.Duration(-1)
	for _, other := range s.nodes {
		for _, m := range other.Members {
			if other.Name != n.Name && m.Address == n.Name && m.Heard >= 0 && (last < 0 || m.Heard < last) {
				last = m.Heard
			}
		}
	}
	return last
}

// Past these it is worth a word.
const (
	farBehind  = 10_000          // entries
	longSilent = 5 * time.Second // since a member was heard that answers here,
	soonSilent = time.Second     // and since one that does not
)

// The kinds of warnings. They are stable.
const (
	warnNoPrimary   = "no_primary"
	warnTwo         = "two_primaries"
	warnUnreachable = "unreachable"
	warnMajority    = "majority"
	warnPair        = "pair"
	warnAlone       = "alone"
	warnLagging     = "lagging"
	warnLearning    = "learning"
	warnDisagree    = "disagreement"
	warnMemory      = "memory"
	warnEven        = "even"
)

// lasting are the kinds that do not pass by waiting.
var lasting = []string{warnPair, warnMemory, warnEven}

// safe reports whether any one node may fail now, as far as the nodes are made
// for it.
func (s *standing) safe(warnings []warning) bool {
	return s.primary != nil && !slices.ContainsFunc(warnings, func(w warning) bool { return !slices.Contains(lasting, w.Kind) })
}

// warnings tell what is not safe, the worst first.
func (s *standing) warnings(why map[string]string) []warning {
	all := []warning{}
	add := func(kind string, nodes []string, format string, args ...any) {
		all = append(all, warning{Kind: kind, Nodes: nodes, Text: fmt.Sprintf(format, args...)})
	}
	if !slices.ContainsFunc(s.nodes, answered) {
		return all // the error says it
	}
	s.warnOfPrimary(add)
	s.warnOfSilence(why, add)
	if s.pair() {
		s.warnOfPair(add)
	} else {
		s.warnOfMajority(add)
	}
	s.warnOfDistance(add)
	s.warnOfMembers(add)
	s.warnOfMemory(add)
	return all
}

type warner func(kind string, nodes []string, format string, args ...any)

func (s *standing) warnOfPrimary(add warner) {
	if s.primary == nil {
		if s.pair() {
			add(warnNoPrimary, nil, "no node is the primary: nothing is served until the two nodes have met")
		} else {
			add(warnNoPrimary, nil, "no node is the primary: nothing is served until a majority of the voting nodes hear each other")
		}
	}
	var others []string
	for _, n := range s.nodes {
		if reigns(n) && n.Name != s.primary.Name {
			others = append(others, s.name(n))
		}
	}
	if len(others) > 0 {
		add(warnTwo, append(others, s.name(*s.primary)), "%s and %s both take themselves for the primary: what the one with the lower view says is void",
			strings.Join(others, ", "), s.name(*s.primary))
	}
}

func (s *standing) warnOfSilence(why map[string]string, add warner) {
	for _, n := range s.nodes {
		heard := s.heard(n)
		_, known := s.member(n.Name)
		switch name := s.name(n); {
		case n.Err != nil && heard >= 0:
			add(warnUnreachable, []string{name}, "%s does not answer, and the others heard it %s; %s", name, ago(heard), why[n.Name])
		case n.Err != nil && !known && !s.pair():
			add(warnUnreachable, []string{name}, "%s does not answer, and is no member of the cluster; %s", name, why[n.Name])
		case n.Err != nil:
			add(warnUnreachable, []string{name}, "%s does not answer; %s", name, why[n.Name])
		case n.Quorum && s.primary != nil && heard >= longSilent:
			add(warnUnreachable, []string{name}, "%s answers here, but the primary heard it %s", name, ago(heard))
		}
	}
}

func (s *standing) warnOfPair(add warner) {
	if s.primary != nil && s.primary.Role == "solo" {
		add(warnAlone, []string{s.primary.Name}, "%s serves alone: the locks have no second copy until its peer is back", s.primary.Name)
	}
	add(warnPair, nil, "two nodes cannot tell a dead peer from a cut cable, and may both go on: three can (lockd node)")
}

// warnOfMajority speaks up when the next fault would be one too many.
func (s *standing) warnOfMajority(add warner) {
	var there, gone, serving []string
	for _, m := range s.members() {
		switch {
		case !m.Voter:
			continue
		case s.lives(m):
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
		add(warnMajority, there, "one node votes: the locks have no second copy, and no node may fail; lockc cluster add takes in more")
	case s.bereft(need, add):
	case len(there) < need:
		add(warnMajority, gone, "%d of %d voting nodes are there, and %d must be: nothing is served until one is back", len(there), voters, need)
	case voters == 2:
		add(warnMajority, nil, "two nodes vote, and both must live: no node may fail; lockc cluster add takes in a third")
	case len(there) == need:
		add(warnMajority, gone, "%d of %d voting nodes are there: no other may fail", len(there), voters)
	case voters%2 == 0:
		add(warnEven, nil, "%d nodes vote, and %d must live: one less would bear as many faults", voters, need)
	}
	if len(serving) == 1 && voters > 1 {
		add(warnMajority, serving, "only %s may serve, as the others are quiet: if it fails nobody does", serving[0])
	}
}

// bereft speaks up when so many voting nodes are there without a log that no
// majority can form any more: then only an operator helps, who must begin at a
// node that still has one.
func (s *standing) bereft(need int, add warner) bool {
	var without, silent []string
	able := 0
	for _, m := range s.members() {
		i := slices.IndexFunc(s.nodes, func(n lockstep.NodeStatus) bool { return n.Name == m.Address })
		switch {
		case !m.Voter:
			continue
		case i < 0 || s.nodes[i].Err != nil:
			silent = append(silent, m.Name)
		case len(s.nodes[i].Members) == 0:
			without = append(without, m.Name)
			continue
		}
		able++
	}
	if s.primary != nil || able >= need {
		return false
	}
	var with []lockstep.NodeStatus
	for _, n := range s.nodes {
		if n.Err == nil && len(n.Members) > 0 {
			with = append(with, n)
		}
	}
	best := slices.MaxFunc(with, func(a, b lockstep.NodeStatus) int { return cmp.Compare(a.Last, b.Last) })
	text := fmt.Sprintf("%s came back without a log, so that no majority can form; %s has one, up to entry %d: lockc cluster bootstrap -node %s "+
		"goes on with it, and the others are then started with empty directories and added", strings.Join(without, ", "), s.name(best), best.Last, best.Name)
	if len(silent) > 0 {
		text += fmt.Sprintf("; look first what %s has, which does not answer", strings.Join(silent, ", "))
	}
	add(warnMajority, without, "%s", text)
	return true
}

// lives reports whether anybody has heard a member lately, or it answers here.
func (s *standing) lives(m lockstep.MemberStatus) bool {
	i := slices.IndexFunc(s.nodes, func(n lockstep.NodeStatus) bool { return n.Name == m.Address })
	switch {
	case s.primary != nil && s.primary.Name == m.Address:
		return true
	case s.primary != nil:
		patience := soonSilent
		if i >= 0 && s.nodes[i].Err == nil {
			patience = longSilent
		}
		return m.Heard >= 0 && m.Heard < patience
	default:
		return i >= 0 && s.nodes[i].Err == nil
	}
}

func (s *standing) warnOfDistance(add warner) {
	for _, n := range s.nodes {
		if lag := s.lag(n); n.Err == nil && lag > farBehind {
			add(warnLagging, []string{s.name(n)}, "%s is %d entries behind the primary", s.name(n), lag)
		}
	}
	for _, n := range s.nodes {
		if n.Err == nil && n.Quorum && len(n.Members) == 0 {
			add(warnLearning, []string{s.name(n)}, "%s has no log yet, and waits to be taken in", s.name(n))
		}
	}
	for _, m := range s.members() {
		if !m.Voter {
			add(warnLearning, []string{m.Name}, "%s does not vote yet: it is catching up", m.Name)
		}
	}
}

// warnOfMembers speaks up about nodes that do not agree on who belongs to them.
func (s *standing) warnOfMembers(add warner) {
	var astray []string
	want := memberNames(s.members())
	for _, n := range s.nodes {
		if _, known := s.member(n.Name); n.Err == nil && len(n.Members) > 0 && !s.pair() && (!known || memberNames(n.Members) != want) {
			astray = append(astray, s.name(n))
		}
	}
	if len(astray) > 0 && want != "" {
		add(warnDisagree, astray, "%s and the other nodes disagree on who belongs to the cluster (%s): behind, not taken in yet, or of another cluster",
			strings.Join(astray, ", "), want)
	}
}

func memberNames(members []lockstep.MemberStatus) string {
	var names []string
	for _, m := range members {
		names = append(names, m.Name+"="+m.Address)
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

func (s *standing) warnOfMemory(add warner) {
	var volatile []string
	answers := 0
	for _, n := range s.nodes {
		if n.Err != nil {
			continue
		}
		answers++
		if !n.Durable {
			volatile = append(volatile, s.name(n))
		}
	}
	switch {
	case len(volatile) == 0:
	case len(volatile) < answers:
		add(warnMemory, volatile, "nothing is on disk at %s, unlike at the others", strings.Join(volatile, ", "))
	case s.pair():
		add(warnMemory, volatile, "nothing is on disk: if both nodes lose power the locks are gone; -durability fsync keeps them")
	default:
		add(warnMemory, volatile, "nothing is on disk: if a majority loses power at once the locks are gone; -durability fsync keeps them")
	}
}
