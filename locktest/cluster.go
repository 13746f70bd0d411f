package locktest

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"lockstep"
	"lockstep/remote"
	"lockstep/replica"
)

// Durable makes the nodes keep their log on disk, and sync it before an entry
// counts. By default a node that dies forgets everything.
func Durable() Option { return func(c *config) { c.node.Durable = true } }

// Quiet makes the last node of a cluster one that keeps log and state and serves
// nobody.
func Quiet() Option { return func(c *config) { c.quiet = true } }

// ElectionTicks sets how many silent ticks make a node of a cluster ask for an
// election; the default is 10.
func ElectionTicks(n int) Option { return func(c *config) { c.electionTicks = n } }

// Cluster is three nodes or more, numbered from zero. Its methods fail the test
// on errors, and must be called from the test's goroutine.
type Cluster struct {
	t       testing.TB
	cfg     config
	network *remote.Network // nil with Remoting
	members []*clusterMember
}

// clusterMember is one node through its lives.
type clusterMember struct {
	cfg  remote.QuorumConfig
	node *remote.Node // nil while it is dead

	mu     sync.Mutex
	reason string // why it gave up
	ended  chan struct{}
}

// StartCluster starts n nodes, called a, b, c and so on, and returns when one of
// them is the primary and the others follow it. They stop when the test ends.
func StartCluster(t testing.TB, n int, opts ...Option) *Cluster {
	t.Helper()
	c := &Cluster{t: t, cfg: newConfig(opts)}
	var addresses []replica.NodeID
	if c.cfg.remoting {
		addresses = freePorts(t, n)
	} else {
		c.network = remote.NewNetwork()
		for range n {
			addresses = append(addresses, c.network.NewAddress())
		}
	}
	var peers []replica.Peer
	for i, address := range addresses {
		peers = append(peers, replica.Peer{Name: string(rune('a' + i)), Address: address})
	}
	for i, self := range peers {
		c.enlist(self, peers, c.cfg.quiet && i == n-1)
	}
	t.Cleanup(c.stop)
	for i := range c.members {
		c.start(i)
	}
	c.AwaitReady()
	return c
}

// enlist prepares a node.
func (c *Cluster) enlist(self replica.Peer, peers []replica.Peer, quiet bool) {
	m := &clusterMember{ended: make(chan struct{})}
	m.cfg = remote.QuorumConfig{
		Name: self.Name, Address: self.Address, Peers: peers, Quiet: quiet, Found: len(peers) == 1, Durable: c.cfg.node.Durable,
		Dir: c.t.TempDir(), Tick: c.cfg.node.Tick, ElectionTicks: c.cfg.electionTicks,
		Log: slog.New(slog.NewTextHandler(c.t.Output(), nil)).With("node", self.Name),
		Exit: func(cause error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.reason == "" {
				m.reason = cause.Error()
				close(m.ended)
			}
		},
	}
	c.members = append(c.members, m)
}

func (c *Cluster) start(i int) {
	c.t.Helper()
	starter := remote.Start
	if c.network != nil {
		starter = c.network.Start
	}
	m := c.members[i]
	node, err := remote.StartQuorumNode(m.cfg, starter)
	if err != nil {
		c.t.Fatalf("locktest: start node %s: %v", m.cfg.Name, err)
	}
	m.node = node
}

// stop ends all nodes. One that gave up, which the test did not expect, fails it.
func (c *Cluster) stop() {
	for _, m := range c.members {
		if m.node != nil {
			m.node.Kill()
		}
		m.mu.Lock()
		if m.reason != "" {
			c.t.Errorf("node %s gave up: %s", m.cfg.Name, m.reason)
		}
		m.mu.Unlock()
	}
}

// Names returns what the nodes are called.
func (c *Cluster) Names() (names []string) {
	for _, m := range c.members {
		names = append(names, m.cfg.Name)
	}
	return names
}

// Addresses returns where the nodes are, for lockstep.Dial.
func (c *Cluster) Addresses() (addresses []string) {
	for _, m := range c.members {
		addresses = append(addresses, string(m.cfg.Address))
	}
	return addresses
}

// Client returns a new client of the cluster, which is closed when the test
// ends.
func (c *Cluster) Client(opts ...lockstep.Option) *lockstep.Client {
	c.t.Helper()
	return dial(c.t, c.Addresses(), opts)
}

// Clerk returns a clerk of a new client.
func (c *Cluster) Clerk() *lockstep.Clerk { return c.Client().Clerk() }

// Status returns where a node stands; the zero value for a dead one.
func (c *Cluster) Status(i int) replica.Status { return statusOf(c.members[i].node) }

// Node returns a node as it runs, to be looked at from within; nil if it is dead.
func (c *Cluster) Node(i int) *remote.Node { return c.members[i].node }

// Primary waits until there is a primary and returns its number. Of two that
// call themselves so, one of whom does not know better yet, it is the one with
// the higher view.
func (c *Cluster) Primary() int {
	c.t.Helper()
	primary := -1
	c.await("there is a primary", func() bool {
		var view uint64
		for i := range c.members {
			if s := c.Status(i); s.Role == replica.Primary && uint64(s.View) > view {
				primary, view = i, uint64(s.View)
			}
		}
		return primary >= 0
	})
	return primary
}

// AwaitReady returns when one of the living nodes is the primary and all others
// follow it.
func (c *Cluster) AwaitReady() {
	c.t.Helper()
	c.await("one node is the primary and the others follow it", func() bool {
		primaries, views := 0, map[uint64]bool{}
		for i, m := range c.members {
			if m.node == nil {
				continue
			}
			s := c.Status(i)
			views[uint64(s.View)] = true
			switch s.Role {
			case replica.Primary:
				primaries++
			case replica.Backup, replica.Quiet:
			default:
				return false
			}
		}
		return primaries == 1 && len(views) == 1
	})
}

// await polls: nothing is assumed about how long it takes.
func (c *Cluster) await(what string, condition func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(c.cfg.node.Tick / 2) {
		if time.Now().After(deadline) {
			c.t.Fatalf("locktest: waited in vain for %v: %s\n%s", patience, what, c.describe())
		}
	}
}

func (c *Cluster) describe() (text string) {
	for i, m := range c.members {
		text += fmt.Sprintf("%s: %+v\n", m.cfg.Name, c.Status(i))
	}
	return text
}
