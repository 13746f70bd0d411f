package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep"
)

var somePair = []lockstep.NodeStatus{
	{Name: "127.0.0.1:7101", Node: "127.0.0.1:7101", Role: "primary", View: 3, Index: 17, Peer: "127.0.0.1:7102", Paired: true, Heard: 50 * time.Millisecond},
	{Name: "127.0.0.1:7102", Node: "127.0.0.1:7102", Role: "joining", Peer: "127.0.0.1:7101\x1b[2J", Heard: -1},
}

func TestStatusOfAPairForPeople(t *testing.T) {
	wantText(t, statusText(newStanding(somePair), nil, false), `NODE             ROLE      VIEW   INDEX   PEER                 PAIRED       DISK     HEARD ITS PEER
127.0.0.1:7101   primary   3      17      127.0.0.1:7102       paired       memory   50ms ago
127.0.0.1:7102   joining   0      0       127.0.0.1:7101 [2J   not paired   memory   never

warning: two nodes cannot tell a dead peer from a cut cable, and may both go on: three can (lockd node)
warning: nothing is on disk: if both nodes lose power the locks are gone; -durability fsync keeps them
`)
}

// threeNodes is a healthy cluster, seen by its members. Tests change it.
func threeNodes() []lockstep.NodeStatus {
	nodes := make([]lockstep.NodeStatus, 3)
	members := make([]lockstep.MemberStatus, 3)
	for i, name := range []string{"a", "b", "c"} {
		address := "127.0.0.1:710" + string('1'+rune(i))
		members[i] = lockstep.MemberStatus{
			Member: lockstep.Member{Name: name, Address: address, Voter: true}, Role: "backup", Match: 2045, Heard: 20 * ms,
		}
		nodes[i] = lockstep.NodeStatus{
			Name: address, Node: name, Role: "backup", View: 4, Index: 1712, Heard: -1, Quorum: true, Durable: true,
			First: 1000, Last: 2045, Committed: 2044, DiskBytes: 1_234_567,
		}
	}
	nodes[1].Role, members[1].Role, members[1].Heard = "primary", "primary", -1
	for i := range nodes {
		nodes[i].Members = slices.Clone(members)
	}
	return nodes
}

func TestStatusOfAClusterForPeople(t *testing.T) {
	nodes := threeNodes()
	wantText(t, statusText(newStanding(nodes), nil, false), `NODE   ADDRESS          ROLE      VIEW   INDEX   LOG          COMMITTED   LAG   DISK            HEARD
a      127.0.0.1:7101   backup    4      1712    1000..2045   2044        0     fsync, 1.2 MB   20ms ago
b      127.0.0.1:7102   primary   4      1712    1000..2045   2044        0     fsync, 1.2 MB   -
c      127.0.0.1:7103   backup    4      1712    1000..2045   2044        0     fsync, 1.2 MB   20ms ago
`)
	nodes[0].Last, nodes[0].Index = 2000, 1690
	nodes[1].Members[2].Match, nodes[1].Members[2].Heard = 45, 72*sec
	nodes[2] = lockstep.NodeStatus{Name: nodes[2].Name, Err: lockstep.ErrNoAnswer}
	why := map[string]string{nodes[2].Name: "no answer within 1s: nobody listens there"}
	wantText(t, statusText(newStanding(nodes), why, false), `NODE   ADDRESS          ROLE          VIEW   INDEX   LOG          COMMITTED   LAG    DISK            HEARD
a      127.0.0.1:7101   backup        4      1690    1000..2000   2044        45     fsync, 1.2 MB   20ms ago
b      127.0.0.1:7102   primary       4      1712    1000..2045   2044        0      fsync, 1.2 MB   -
c      127.0.0.1:7103   unreachable   -      -       -            -           2000   -               1m12s ago; no answer within 1s: nobody listens there

warning: c does not answer, and the others heard it 1m12s ago; no answer within 1s: nobody listens there
warning: 2 of 3 voting nodes are there: no other may fail
`)
}

func TestStatusForPrograms(t *testing.T) {
	var out bytes.Buffer
	p := newProgram()
	p.Stdout, p.json = &out, true
	print := func(nodes []lockstep.NodeStatus) string {
		out.Reset()
		if err := p.printStatus(newStanding(nodes)); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	wantText(t, print(somePair[:1]), `{"nodes":[{"name":"127.0.0.1:7101","role":"primary","view":3,"index":17,"peer":"127.0.0.1:7102","paired":true,"heard_ms":50,`+
		`"node":"127.0.0.1:7101","quorum":false,"durable":false,"first":0,"last":0,"committed":0,"lag":0,"heard_of_ms":0,"disk_bytes":0}],"safe":true,`+
		`"warnings":[{"kind":"pair","text":"two nodes cannot tell a dead peer from a cut cable, and may both go on: three can (lockd node)"},`+
		`{"kind":"memory","nodes":["127.0.0.1:7101"],"text":"nothing is on disk: if both nodes lose power the locks are gone; -durability fsync keeps them"}]}`+"\n")
	wantText(t, print(threeNodes()[:1]), `{"nodes":[{"name":"127.0.0.1:7101","role":"backup","view":4,"index":1712,"peer":"","paired":false,"heard_ms":-1,`+
		`"node":"a","quorum":true,"durable":true,"first":1000,"last":2045,"committed":2044,"lag":-1,"heard_of_ms":-1,"disk_bytes":1234567,"members":[`+
		`{"name":"a","address":"127.0.0.1:7101","voter":true,"quiet":false,"role":"backup","match":2045,"heard_ms":20},`+
		`{"name":"b","address":"127.0.0.1:7102","voter":true,"quiet":false,"role":"primary","match":2045,"heard_ms":-1},`+
		`{"name":"c","address":"127.0.0.1:7103","voter":true,"quiet":false,"role":"backup","match":2045,"heard_ms":20}]}],"safe":false,`+
		`"warnings":[{"kind":"no_primary","text":"no node is the primary: nothing is served until a majority of the voting nodes hear each other"},`+
		`{"kind":"majority","nodes":["b","c"],"text":"1 of 3 voting nodes are there, and 2 must be: nothing is served until one is back"}]}`+"\n")
	wantText(t, print(nil), `{"nodes":[],"safe":false,"warnings":[]}`+"\n")
}

// TestStatusWarnsOfWhatIsNotSafe has one thing wrong at a time.
func TestStatusWarnsOfWhatIsNotSafe(t *testing.T) {
	everybody := func(nodes []lockstep.NodeStatus, change func([]lockstep.MemberStatus) []lockstep.MemberStatus) {
		for i := range nodes {
			nodes[i].Members = change(nodes[i].Members)
		}
	}
	for name, test := range map[string]struct {
		change func([]lockstep.NodeStatus) []lockstep.NodeStatus
		want   string // kinds and texts
	}{
		"nothing": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus { return n }, ""},
		"no primary": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			for i := range n {
				n[i].Role = "electing"
			}
			return n
		}, "no_primary: no node is the primary: nothing is served until a majority of the voting nodes hear each other"},
		"two primaries": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			n[0].Role, n[0].View = "primary", 3
			return n
		}, "two_primaries: a and b both take themselves for the primary: what the one with the lower view says is void"},
		"cut off from here": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			n[2] = lockstep.NodeStatus{Name: n[2].Name, Err: lockstep.ErrNoAnswer}
			return n
		}, "unreachable: c does not answer, and the others heard it 20ms ago; why"},
		"cut off from the primary": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			n[1].Members[2].Heard = 9 * sec
			return n
		}, "unreachable: c answers here, but the primary heard it 9.0s ago; majority: 2 of 3 voting nodes are there: no other may fail"},
		"two voters": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			everybody(n, func(m []lockstep.MemberStatus) []lockstep.MemberStatus { return m[:2] })
			return n[:2]
		}, "majority: two nodes vote, and both must live: no node may fail; lockc cluster add takes in a third"},
		"one voter": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			everybody(n, func(m []lockstep.MemberStatus) []lockstep.MemberStatus { return m[1:2] })
			return n[1:2]
		}, "majority: one node votes: the locks have no second copy, and no node may fail; lockc cluster add takes in more"},
		"four voters": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			everybody(n, func(m []lockstep.MemberStatus) []lockstep.MemberStatus {
				return append(m, lockstep.MemberStatus{Member: lockstep.Member{Name: "d", Address: "h:4", Voter: true}})
			})
			return n
		}, "even: 4 nodes vote, and 3 must live: one less would bear as many faults"},
		"quiet": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			everybody(n, func(m []lockstep.MemberStatus) []lockstep.MemberStatus {
				m[0].Quiet, m[2].Quiet = true, true
				return m
			})
			return n
		}, "majority: only b may serve, as the others are quiet: if it fails nobody does"},
		"far behind": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			n[1].Last = 20_000
			n[2].Last = 20_000
			return n
		}, "lagging: a is 17955 entries behind the primary"},
		"a learner": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			everybody(n, func(m []lockstep.MemberStatus) []lockstep.MemberStatus {
				return append(m, lockstep.MemberStatus{Member: lockstep.Member{Name: "d", Address: "h:4"}})
			})
			return n
		}, "learning: d does not vote yet: it is catching up"},
		"one that waits": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			return append(n, lockstep.NodeStatus{Name: "h:9", Node: "z", Role: "joining", Quorum: true, Durable: true, Last: 2045, Heard: -1})
		}, "learning: z has no log yet, and is no member of the cluster: lockc cluster add z=h:9 takes it in"},
		"one that is silent, and no member": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			return append(n, lockstep.NodeStatus{Name: "h:9", Err: lockstep.ErrNoAnswer})
		}, "unreachable: h:9 does not answer, and is no member of the cluster: it was removed, or never taken in; why"},
		"one that has not been started, of a cluster that is to begin": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			fresh := lockstep.NodeStatus{Name: n[0].Name, Node: "a", Role: "joining", Quorum: true, Durable: true, Heard: -1}
			return []lockstep.NodeStatus{fresh, {Name: "h:2", Err: lockstep.ErrNoAnswer}}
		}, "no_primary: no node that answers belongs to a cluster yet: nothing is served until all that their -peers list have been started, or a cluster takes them in; " +
			"unreachable: h:2 does not answer; why; learning: a has no log yet"},
		"one that a pair is to grow by": {func([]lockstep.NodeStatus) []lockstep.NodeStatus {
			both := []lockstep.MemberStatus{
				{Member: lockstep.Member{Name: "h:1", Address: "h:1", Voter: true}}, {Member: lockstep.Member{Name: "h:2", Address: "h:2", Voter: true}},
			}
			return []lockstep.NodeStatus{
				{Name: "h:1", Role: "primary", Durable: true, Members: both}, {Name: "h:2", Role: "backup", Durable: true, Members: both},
				{Name: "h:3", Node: "c", Role: "joining", Quorum: true, Durable: true, Heard: -1},
			}
		}, "pair: two nodes cannot tell a dead peer from a cut cable, and may both go on: three can (lockd node); learning: c has no log yet, and is no member of the cluster: lockc cluster add c=h:3 takes it in"},
		"two that lost their memory": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			for i := range n[:2] {
				n[i] = lockstep.NodeStatus{Name: n[i].Name, Node: n[i].Node, Role: "joining", View: 9, Quorum: true, Durable: true, Heard: -1}
			}
			n[2].Role = "electing"
			return n
		}, "no_primary: no node is the primary: nothing is served until a majority of the voting nodes hear each other; " +
			"majority: a, b came back without a log, so that no majority can form; c has one, up to entry 2045: lockc cluster bootstrap -node 127.0.0.1:7103 " +
			"goes on with it, and the others are then started with empty directories and added; " +
			"learning: a has no log yet, and waits to be taken in; learning: b has no log yet, and waits to be taken in"},
		"one that lost its memory": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			n[0] = lockstep.NodeStatus{Name: n[0].Name, Node: n[0].Node, Role: "joining", View: 9, Quorum: true, Durable: true, Heard: -1}
			n[1].Role, n[2].Role = "electing", "electing"
			return n
		}, "no_primary: no node is the primary: nothing is served until a majority of the voting nodes hear each other; " +
			"learning: a has no log yet, and waits to be taken in"},
		"a stranger": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			return append(n, lockstep.NodeStatus{
				Name: "h:9", Node: "z", Role: "primary", View: 1, Quorum: true, Durable: true, Last: 2045, Heard: -1,
				Members: []lockstep.MemberStatus{{Member: lockstep.Member{Name: "z", Address: "h:9", Voter: true}}},
			})
		}, "two_primaries: z and b both take themselves for the primary: what the one with the lower view says is void; disagreement: z and the other nodes disagree on who belongs to the cluster (a=127.0.0.1:7101,b=127.0.0.1:7102,c=127.0.0.1:7103): behind, not taken in yet, or of another cluster"},
		"memory": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			for i := range n {
				n[i].Durable = false
			}
			return n
		}, "memory: nothing is on disk: if a majority loses power at once the locks are gone; -durability fsync keeps them"},
		"one in memory": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			n[0].Durable = false
			return n
		}, "memory: nothing is on disk at a, unlike at the others"},
		"a pair of which one serves": {func([]lockstep.NodeStatus) []lockstep.NodeStatus {
			return []lockstep.NodeStatus{{Name: "h:1", Role: "solo", Durable: true}, {Name: "h:2", Err: lockstep.ErrNoAnswer}}
		}, "unreachable: h:2 does not answer; why; alone: h:1 serves alone: the locks have no second copy until its peer is back; " +
			"pair: two nodes cannot tell a dead peer from a cut cable, and may both go on: three can (lockd node)"},
		"a pair that has not met": {func([]lockstep.NodeStatus) []lockstep.NodeStatus {
			return []lockstep.NodeStatus{{Name: "h:1", Role: "joining", Durable: true}, {Name: "h:2", Role: "joining", Durable: true}}
		}, "no_primary: no node is the primary: nothing is served until the two nodes have met; " +
			"pair: two nodes cannot tell a dead peer from a cut cable, and may both go on: three can (lockd node)"},
		"nobody": {func(n []lockstep.NodeStatus) []lockstep.NodeStatus {
			for i := range n {
				n[i] = lockstep.NodeStatus{Name: n[i].Name, Err: lockstep.ErrNoAnswer}
			}
			return n
		}, ""},
	} {
		nodes := test.change(threeNodes())
		why := map[string]string{}
		for _, n := range nodes {
			if n.Err != nil {
				why[n.Name] = "why"
			}
		}
		var got []string
		for _, w := range newStanding(nodes).warnings(why) {
			got = append(got, w.Kind+": "+w.Text)
		}
		if text := strings.Join(got, "; "); text != test.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, text, test.want)
		}
	}
}
