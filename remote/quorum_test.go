package remote

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/actors"
	"lockstep/journal"
	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
	"lockstep/replica/quorum"
)

// A node that cannot be meant is refused in one line that says what to do, before
// anything was written.
func TestQuorumConfigErrors(t *testing.T) {
	three := []replica.Peer{{Name: "a", Address: nodeA}, {Name: "b", Address: nodeB}, {Name: "c", Address: nodeC}}
	for name, c := range map[string]struct {
		cfg  QuorumConfig
		want string
	}{
		"two of one name": {QuorumConfig{Name: "a", Address: nodeA, Peers: append(three[:2:2], replica.Peer{Name: "b", Address: nodeC})},
			"remote: two of the nodes are called b: give each its own name"},
		"two of one address": {QuorumConfig{Name: "a", Address: nodeA, Peers: append(three[:2:2], replica.Peer{Name: "c", Address: nodeB})},
			"remote: the nodes b and c have the same address 127.0.0.1:2: give each its own"},
		"itself missing": {QuorumConfig{Name: "d", Address: "127.0.0.1:4", Peers: three},
			`remote: node "d" is not in the list of nodes: it names itself too, as in d=127.0.0.1:4`},
		"another address": {QuorumConfig{Name: "a", Address: "127.0.0.1:4", Peers: three},
			"remote: node a is to listen on 127.0.0.1:4, and the list of nodes says a=127.0.0.1:1: say the same in both, on all nodes"},
		"no name": {QuorumConfig{Name: "a", Address: nodeA, Peers: append(three[:2:2], replica.Peer{Address: nodeC})},
			"remote: the node at 127.0.0.1:3 has no name: give each one, as in a=127.0.0.1:3"},
		"no address": {QuorumConfig{Name: "a", Address: nodeA, Peers: append(three[:2:2], replica.Peer{Name: "c", Address: "c"})},
			`remote: node c: "c" is no address: want host:port`},
	} {
		t.Run(name, func(t *testing.T) {
			c.cfg.Dir = t.TempDir()
			_, err := StartQuorumNode(c.cfg, NewNetwork().Start)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if files, err := os.ReadDir(c.cfg.Dir); err != nil || len(files) > 0 {
				t.Errorf("left behind: %v, %v", files, err)
			}
		})
	}
}

// Who has a log is not started without one by mistake: what happened meanwhile
// would be missing from it.
func TestALogIsNotIgnored(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, logDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, logDir, "something"), []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := StartQuorumNode(QuorumConfig{Name: "a", Address: nodeA, Peers: []replica.Peer{{Name: "a", Address: nodeA}}, Dir: dir}, NewNetwork().Start)
	want := "remote: there is a log in " + filepath.Join(dir, logDir)
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("a node of a cluster: %v", err)
	}
	_, err = StartNode(NodeConfig{Pair: [2]replica.NodeID{nodeA, nodeB}, AsPrimary: true, Dir: dir}, NewNetwork().Start)
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("a node of a pair: %v", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("changed: %v, %v", files, err)
	}
}

// foundedDir is the state directory of a, which has founded cluster 5 with b.
func foundedDir(t *testing.T, peers []replica.Peer) string {
	t.Helper()
	dir := t.TempDir()
	log, _, _ := open(t, dir)
	core, err := quorum.New(quorum.Config{
		Name: "a", Address: nodeA, Peers: peers, Incarnation: 1, Member: 7, NewCluster: 5, Durable: true, Codec: new(messages.Codec),
	}, replica.Recovered{})
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, core: core, log: log, owner: journal.Header{Cluster: 5, Member: 7, Node: "a"}, table: lock.NewTable()}
	h.step(replica.Tick{})
	h.step(replica.Received{From: nodeB, Incarnation: 1, Message: replica.Seek{Member: 8, Name: "b", Fresh: true, Knows: 1, Peers: peers}})
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if s := core.Status(); s.Cluster != 5 || len(s.Members) != 2 {
		t.Fatalf("%+v", s)
	}
	return dir
}

// A node that ended when it was to begin another cluster alone, and had written
// its identity and not yet its log, goes on with its log, and can be told again.
func TestABootstrapIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peers := []replica.Peer{{Name: "a", Address: nodeA}, {Name: "b", Address: nodeB}}
		dir := foundedDir(t, peers)
		if err := actors.SaveIdentity(dir, actors.Identity{Cluster: 6, Former: 5, Node: nodeA, View: 1001, Quorum: true}); err != nil {
			t.Fatal(err)
		}
		start := func() *Node {
			node, err := StartQuorumNode(QuorumConfig{Name: "a", Address: nodeA, Peers: peers, Durable: true, Dir: dir, Log: slog.New(slog.DiscardHandler)}, NewNetwork().Start)
			if err != nil {
				t.Fatal(err)
			}
			return node
		}
		status := func(node *Node) replica.Status {
			s, err := node.Actors.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		node := start()
		if s := status(node); s.Cluster != 5 || len(s.Members) != 2 {
			t.Errorf("it goes on as %+v", s)
		}
		time.Sleep(time.Second)
		node.Process.Root().Send(node.Actors.Replicator, &actors.OrdersFromClients{From: nodeC, Orders: []messages.Order{
			{Client: 1, ID: 1, Order: replica.Order{Kind: replica.Bootstrap, Force: true}},
		}})
		time.Sleep(5 * time.Second)
		begun := status(node)
		if begun.Role != replica.Primary || begun.Cluster == 5 || begun.View <= 1001 {
			t.Errorf("the new cluster: %+v", begun)
		}
		node.Kill()
		node = start()
		defer node.Kill()
		time.Sleep(5 * time.Second)
		if s := status(node); s.Role != replica.Primary || s.Cluster != begun.Cluster {
			t.Errorf("it comes back as %+v", s)
		}
	})
}
