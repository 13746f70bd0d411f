package actors

import (
	"context"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/replica"
)

// Node is the actors of one node, wired together.
type Node struct {
	host       Host
	LockTable  *actor.PID
	Replicator *actor.PID
	disk       *actor.PID
	ticker     *actor.PID
}

// NodeConfig is what the shells of a node need to know.
type NodeConfig struct {
	Tick time.Duration // the period of a tick
	Dir  string        // the state directory; empty keeps no identity
	// Identity is what BeginLife returned for Dir.
	Identity Identity
	// Exit is called when the node cannot be part of its pair.
	Exit func(reason string)
	Log  *slog.Logger
}

// StartNode spawns the actors around a core and starts their clock. The door
// hears of them before the first tick, so that no frame finds nobody at home.
func StartNode(h Host, core replica.Core, cfg NodeConfig) *Node {
	h.SetCluster(cfg.Identity.Cluster)
	n := &Node{host: h}
	spawn := func(a actor.Actor) *actor.PID {
		return h.Root().Spawn(Props(func() actor.Actor { return a }, actor.WithDispatcher(h.Workers())))
	}
	n.disk = spawn(NewDisk(cfg.Dir, cfg.Identity))
	n.LockTable = spawn(NewLockTable(h, cfg.Tick, cfg.Log))
	n.Replicator = spawn(&Replicator{
		core: core, lockTable: n.LockTable, disk: n.disk, mail: h,
		period: cfg.Tick, exit: cfg.Exit, log: cfg.Log,
	})
	h.Root().Send(n.LockTable, attach{replicator: n.Replicator})
	h.Serve(n.LockTable, n.Replicator)
	n.ticker = SpawnTicker(h, cfg.Tick)
	h.Root().Send(n.ticker, Subscribe{To: n.Replicator})
	h.Root().Send(n.ticker, Subscribe{To: n.LockTable})
	return n
}

// Status tells where the node stands.
func (n *Node) Status(ctx context.Context) (replica.Status, error) {
	to := make(chan replica.Status, 1)
	n.host.Root().Send(n.Replicator, tellStatus{to})
	select {
	case status := <-to:
		return status, nil
	case <-ctx.Done():
		return replica.Status{}, ctx.Err()
	}
}

// HoldTicks makes the node's time stand still, or go on.
func (n *Node) HoldTicks(held bool) { n.host.Root().Send(n.ticker, HoldTicks{held}) }

// Leave gives up the role and says goodbye. It returns when the farewell is on
// its way to the link, or with ctx.
func (n *Node) Leave(ctx context.Context) error {
	done := make(chan struct{})
	n.host.Root().Send(n.Replicator, leave{done})
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop stops the actors, in the order in which they depend on each other.
func (n *Node) Stop() {
	for _, pid := range []*actor.PID{n.ticker, n.Replicator, n.LockTable, n.disk} {
		_ = n.host.Root().StopFuture(pid).Wait()
	}
}
