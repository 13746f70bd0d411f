package actors

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/journal"
	"lockstep/observe/metrics"
	"lockstep/observe/traces"
	"lockstep/replica"
)

// Node is the actors of one node, wired together.
type Node struct {
	name       string
	host       Host
	LockTable  *actor.PID
	Replicator *actor.PID
	disk       *actor.PID
	ticker     *actor.PID
	syncs      *metrics.Syncs // nil without a log
	tracer     traces.Tracer
}

// NodeConfig is what the shells of a node need to know.
type NodeConfig struct {
	Tick time.Duration // the period of a tick
	Dir  string        // the state directory; empty keeps no identity
	// Identity is what BeginLife returned for Dir.
	Identity Identity
	// Journal is the log on disk, opened by who made the core from it; the node
	// closes it. Without one, entries are kept in memory alone.
	Journal *journal.Journal
	// Name is what the cluster knows the node by. It and Member are what a log says
	// of its owner that begins in this life.
	Name   string
	Member replica.MemberID
	// Exit is called once, from an actor, when the node cannot be part of its
	// cluster, or its disk fails: then with a *DiskError.
	Exit func(cause error)
	// Deeds is told what operators do at the port of the nodes, by actors: it must
	// not wait for the node. Nil is not told.
	Deeds Deeds
	// Tracer is told of the requests whose traces somebody keeps. Nil is not told.
	Tracer traces.Tracer
	// Numbering is what the core's codec was made with; nil without a Tracer.
	Numbering *Numbering
	Log       *slog.Logger
}

// StartNode spawns the actors around a core and starts their clock. The door
// hears of them before the first tick, so that no frame finds nobody at home.
func StartNode(h Host, core replica.Core, cfg NodeConfig) *Node {
	h.SetCluster(cfg.Identity.Cluster)
	n := &Node{name: cfg.Name, host: h, tracer: cfg.Tracer}
	var once sync.Once
	exit := func(cause error) { once.Do(func() { cfg.Exit(cause) }) }
	var diskBytes *atomic.Uint64
	if cfg.Journal != nil {
		diskBytes, n.syncs = new(atomic.Uint64), new(metrics.Syncs)
		if cut := cfg.Journal.Cut(); cut != "" {
			cfg.Log.Warn(cut)
		}
	}
	spawn := func(a actor.Actor) *actor.PID {
		return h.Root().Spawn(Props(func() actor.Actor { return a }, actor.WithDispatcher(h.Workers())))
	}
	n.disk = spawn(NewDisk(DiskConfig{
		Dir: cfg.Dir, Identity: cfg.Identity, Journal: cfg.Journal, Bytes: diskBytes, Syncs: n.syncs,
		Header: journal.Header{Node: cfg.Name, Member: cfg.Member}, Exit: exit,
	}))
	table := NewLockTable(h, cfg.Tick, cfg.Log)
	table.deeds.tell, table.followed.tracer = cfg.Deeds, cfg.Tracer
	n.LockTable = spawn(table)
	n.Replicator = spawn(&Replicator{
		core: core, lockTable: n.LockTable, disk: n.disk, diskBytes: diskBytes, mail: h,
		period: cfg.Tick, reigns: reigns{tick: cfg.Tick}, exit: exit, log: cfg.Log, deeds: newOrderDeeds(cfg.Deeds, cfg.Tick), numbering: cfg.Numbering,
	})
	h.Root().Send(n.LockTable, attach{replicator: n.Replicator})
	h.Serve(n.LockTable, n.Replicator)
	n.ticker = SpawnTicker(h, cfg.Tick)
	h.Root().Send(n.ticker, Subscribe{To: n.Replicator})
	h.Root().Send(n.ticker, Subscribe{To: n.LockTable})
	return n
}

// Tracer is what the node was started with.
func (n *Node) Tracer() traces.Tracer { return n.tracer }

// Status tells where the node stands.
func (n *Node) Status(ctx context.Context) (replica.Status, error) {
	to := make(chan replica.Status, 1)
	n.host.Root().Send(n.Replicator, tellStatus{to})
	return await(ctx, to)
}

// Numbers fills in what the node's actors count. What one of them does not tell
// before ctx ends stays nil.
func (n *Node) Numbers(ctx context.Context, all *metrics.Node) {
	all.Name = n.name
	table, standing := make(chan metrics.Table, 1), make(chan metrics.Standing, 1)
	n.host.Root().Send(n.LockTable, tellTable{table})
	n.host.Root().Send(n.Replicator, tellStanding{standing})
	if told, err := await(ctx, table); err == nil {
		all.Table = &told
	}
	if told, err := await(ctx, standing); err == nil {
		all.Standing = &told
	}
	if n.syncs != nil {
		syncs := n.syncs.Read()
		all.Syncs = &syncs
	}
}

// Waits tells who was waited for on this node.
func (n *Node) Waits(ctx context.Context) (metrics.Waits, error) {
	to := make(chan metrics.Waits, 1)
	n.host.Root().Send(n.LockTable, tellWaits{to})
	return await(ctx, to)
}

func await[T any](ctx context.Context, to <-chan T) (T, error) {
	select {
	case told := <-to:
		return told, nil
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// HoldTicks makes the node's time stand still, or go on.
func (n *Node) HoldTicks(held bool) { n.host.Root().Send(n.ticker, HoldTicks{held}) }

// Leave gives up the role, to another node if there is one that can take it, and
// says goodbye. It returns when the farewell is on its way to the link, or with
// ctx.
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
