package locktest

import (
	"os"
	"path/filepath"

	"lockstep/remote"
	"lockstep/replica"
)

// alive returns a node that a fault is to happen to.
func (c *Cluster) alive(i int) *remote.Node {
	c.t.Helper()
	node := c.members[i].node
	if node == nil {
		c.t.Fatalf("locktest: %s is dead already", c.members[i].cfg.Name)
	}
	return node
}

// Kill ends a node at once, as kill -9 does.
func (c *Cluster) Kill(i int) {
	c.t.Helper()
	c.alive(i).Kill()
	c.members[i].node = nil
}

// Leave ends a node in good order, as SIGTERM does: a primary hands over first.
func (c *Cluster) Leave(i int) {
	c.t.Helper()
	node := c.alive(i)
	c.members[i].node = nil
	if err := node.Leave(leaveWithin); err != nil {
		c.t.Errorf("locktest: %s did not leave in good order: %v", c.members[i].cfg.Name, err)
	}
}

// Restart starts a node again, killing it first if it lives. With Durable it
// comes back with its log; without, as a new member that copies everything from
// the others. AwaitReady tells when it has caught up.
func (c *Cluster) Restart(i int) {
	c.t.Helper()
	if c.members[i].node != nil {
		c.Kill(i)
	}
	c.start(i)
}

// Wipe empties the directory of a node, killing it first if it lives: what
// Restart starts next has lost its disk.
func (c *Cluster) Wipe(i int) {
	c.t.Helper()
	if c.members[i].node != nil {
		c.Kill(i)
	}
	files, err := os.ReadDir(c.members[i].cfg.Dir)
	if err != nil {
		c.t.Fatalf("locktest: %v", err)
	}
	for _, f := range files {
		if err := os.RemoveAll(filepath.Join(c.members[i].cfg.Dir, f.Name())); err != nil {
			c.t.Fatalf("locktest: %v", err)
		}
	}
}

// Pause makes a node stand still, as SIGSTOP does, until Resume: what arrives
// meanwhile waits for it.
func (c *Cluster) Pause(i int) { c.hold(i, true) }

// Resume ends a Pause.
func (c *Cluster) Resume(i int) { c.hold(i, false) }

func (c *Cluster) hold(i int, held bool) {
	c.t.Helper()
	node := c.alive(i)
	node.Hold(held)
	node.Actors.HoldTicks(held)
}

// Cut holds back everything that one node sends to another; what the other sends
// still arrives. It needs the link inside the process.
func (c *Cluster) Cut(from, to int) {
	c.t.Helper()
	c.inProcess().Cut(c.members[from].cfg.Address, c.members[to].cfg.Address)
}

// Isolate cuts a node from all others, both ways. Clients still reach it.
func (c *Cluster) Isolate(i int) {
	c.t.Helper()
	for j := range c.members {
		if j != i {
			c.Cut(i, j)
			c.Cut(j, i)
		}
	}
}

// Heal ends all cuts. What was held back arrives now.
func (c *Cluster) Heal() {
	c.t.Helper()
	c.inProcess().Heal()
}

func (c *Cluster) inProcess() *remote.Network {
	c.t.Helper()
	if c.network == nil {
		c.t.Fatal("locktest: with Remoting there is no link that could be cut")
	}
	return c.network
}

// Join starts one more node, with a name that no other has, and returns its
// number. It takes no part until it is added, by lockstep.Client.AddNode.
func (c *Cluster) Join(name string) int {
	c.t.Helper()
	var address replica.NodeID
	if c.network != nil {
		address = c.network.NewAddress()
	} else {
		address = freePorts(c.t, 1)[0]
	}
	self := replica.Peer{Name: name, Address: address}
	peers := []replica.Peer{self}
	for _, m := range c.members {
		peers = append(peers, replica.Peer{Name: m.cfg.Name, Address: m.cfg.Address})
	}
	c.enlist(self, peers, false)
	c.start(len(c.members) - 1)
	return len(c.members) - 1
}

// Ended waits until a node has given up by itself, as one does that was removed,
// and returns its reason. It counts as dead from then on.
func (c *Cluster) Ended(i int) string {
	c.t.Helper()
	m := c.members[i]
	c.await(m.cfg.Name+" gives up", func() bool {
		select {
		case <-m.ended:
			return true
		default:
			return false
		}
	})
	c.Kill(i)
	m.mu.Lock()
	defer m.mu.Unlock()
	reason := m.reason
	m.reason, m.ended = "", make(chan struct{})
	return reason
}
