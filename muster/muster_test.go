package muster

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"lockstep/lock"
	"lockstep/replica"
)

// TestANodeIsSeenAsItSays: ticks become time, and what it does not say is taken
// from others.
func TestANodeIsSeenAsItSays(t *testing.T) {
	got := NodeOf(replica.NodeReport{Node: "localhost:1", Name: "a", Version: 3, Status: &replica.Status{
		Node: "127.0.0.1:1", Role: replica.Backup, View: 4, Index: 17, Peer: "b:1", Heard: true, HeardAgo: 3, TickMS: 50, Quorum: true, Durable: true,
		First: 5, Last: 20, Committed: 19, DiskBytes: 100, Members: []replica.MemberStatus{
			{Member: replica.Member{Name: "b", Address: "b:1", Voter: true, Quiet: true}, Match: 18, Heard: true, HeardAgo: 2}, {},
		},
	}})
	want := Node{
		Address: "127.0.0.1:1", Name: "a", Role: "backup", View: 4, Index: 17, Peer: "b:1", Heard: 150 * time.Millisecond, Quorum: true, Durable: true,
		First: 5, Last: 20, Committed: 19, DiskBytes: 100, Protocol: 3, Members: []Member{
			{Name: "b", Address: "b:1", Voter: true, Quiet: true, Match: 18, Heard: 100 * time.Millisecond}, {Heard: -1},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := NodeOf(replica.NodeReport{Node: "c:1", Name: "c"}); !reflect.DeepEqual(got, Node{Address: "c:1", Name: "c", Silent: true}) {
		t.Errorf("one that does not answer: %+v", got)
	}
}

// cluster is healthy: b is the primary.
func cluster() []Node {
	members := []Member{
		{Name: "a", Address: "a:1", Voter: true, Match: 90, Heard: 20 * time.Millisecond},
		{Name: "b", Address: "b:1", Voter: true, Match: 100, Heard: -1},
		{Name: "c", Address: "c:1", Voter: true, Match: 40, Heard: 30 * time.Second},
	}
	nodes := make([]Node, 3)
	for i, m := range members {
		nodes[i] = Node{Address: m.Address, Name: m.Name, Role: "backup", View: 4, Quorum: true, Durable: true, Last: 100, Heard: -1, Members: members}
	}
	nodes[1].Role = "primary"
	return nodes
}

// TestAPictureFillsInWhatANodeDoesNotSay: name, lag and the last word of one that
// is silent come from the primary.
func TestAPictureFillsInWhatANodeDoesNotSay(t *testing.T) {
	nodes := cluster()
	nodes[0].Last = 90
	silent := Node{Address: "c:1", Silent: true}
	p := New([]Node{silent, nodes[1], nodes[0]})
	said := ""
	for _, n := range p.Nodes {
		said += fmt.Sprint(p.NameOf(n), " ", p.Lag(n), " ", p.Heard(n), " ", p.Reigns(n), "; ")
	}
	if want := "a 10 20ms false; b 0 0s true; c 60 30s false; "; said != want {
		t.Errorf("got  %s\nwant %s", said, want)
	}
	warnings := p.Warnings(map[string]string{"c:1": "no answer"})
	if len(warnings) != 2 || warnings[0].Kind != Unreachable || warnings[1].Kind != Majority || p.Safe(warnings) {
		t.Errorf("warned of %+v", warnings)
	}
	nodes[1].Members[2].Match = 0 // of a primary that is new and has not heard it yet
	if lag := p.Lag(silent); lag != -1 {
		t.Errorf("who was not heard by a new primary lags %d behind", lag)
	}
	whole := cluster()
	whole[1].Members[2].Heard = 0
	if p := New(whole); len(p.Warnings(nil)) > 0 || !p.Safe(nil) {
		t.Errorf("a whole cluster: %+v", p.Warnings(nil))
	}
}

// TestTheTimelineIsWhatAllHaveSeen: of a reign the word of whoever reigned counts
// most, then that of who saw it begin; and no word of who does not answer.
func TestTheTimelineIsWhatAllHaveSeen(t *testing.T) {
	told := func(node replica.NodeID, reigns ...Reign) Told {
		return Told{replica.NodeReport{Node: node, Status: &replica.Status{Node: node}}, reigns}
	}
	got := Timeline([]Told{
		told("a", Reign{1, "a", "a", 1000, 0, Started}, Reign{3, "b", "b", 5050, 450, Suspected}, Reign{4, "c", "c", 8060, 20, HandedOver}),
		{replica.NodeReport{Node: "b"}, []Reign{{2, "b", "b", 2000, 0, Started}}},
		told("c", Reign{3, "b", "b", 4000, 0, Unseen}, Reign{4, "c", "c", 8070, 10, HandedOver}),
		told("d", Reign{1, "a", "a", 900, 0, Unseen}, Reign{3, "b", "b", 5040, 440, Suspected}, Reign{4, "d", "d", 8000, 0, WentOn}),
	})
	want := []Reign{
		{1, "a", "a", 1000, 0, Started}, // its own word, although another was earlier
		{3, "b", "b", 5040, 440, Suspected},
		{4, "d", "d", 8000, 0, WentOn}, // two of one view, as a pair in a partition may have them
		{4, "c", "c", 8070, 10, HandedOver},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestATimelineIsBounded(t *testing.T) {
	var reigns []Reign
	for view := range lock.View(3 * MaxReigns) {
		reigns = append(reigns, Reign{View: view, Primary: "a"})
	}
	got := Timeline([]Told{{replica.NodeReport{Status: &replica.Status{Node: "a"}}, reigns}})
	if len(got) != MaxReigns || got[MaxReigns-1].View != 3*MaxReigns-1 {
		t.Errorf("%d reigns, the last of view %d", len(got), got[len(got)-1].View)
	}
}

func TestReasonsHaveNames(t *testing.T) {
	if got := fmt.Sprint(Unseen, Started, HandedOver, Suspected, WentOn, Why(200)); got != "unseen started handed_over suspected went_on " {
		t.Errorf("got %s", got)
	}
}
