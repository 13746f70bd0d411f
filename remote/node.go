package remote

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"lockstep/actors"
	"lockstep/journal"
	"lockstep/messages"
	"lockstep/observe/traces"
	"lockstep/replica"
	"lockstep/replica/quorum"
	"lockstep/trust"
)

// NodeConfig is what one node of a pair is started with.
type NodeConfig struct {
	Pair      [2]replica.NodeID // the primary's address and the backup's
	AsPrimary bool              // which of them this node is
	Listen    string            // what to bind; empty is the node's own address
	Dir       string            // the state directory
	Durable   bool              // entries are on disk before they count (P8)
	Insecure  bool              // see Config
	TLS       trust.Source      // see Config
	Admit     func(principal string, from replica.NodeID) error

	Tick         time.Duration // 0 means 50 ms
	SuspectTicks int           // N of rule P2; 0 means 8
	Solo         replica.SoloPolicy
	TrustRefused bool // rule P9
	Found        bool // found alone although the identity says that there was a pair

	// Exit is called once, from an actor, when the node cannot be part of this
	// pair, or its disk fails: then with an *actors.DiskError. It must not wait for the
	// node.
	Exit func(cause error)
	// Deeds is told what operators do at this node's port; see actors.NodeConfig.
	Deeds actors.Deeds
	// Tracer is told of the requests whose traces somebody keeps; nil is not.
	Tracer traces.Tracer
	Log    *slog.Logger
}

// Node is one running node: a process with the actors of a lock table in it.
type Node struct {
	*Process
	Actors *actors.Node
}

// Starter starts a process: Start, or the Start of a Network.
type Starter func(Config) (*Process, error)

// StartNode begins a life of a node: the identity on disk first, then the
// listener, and only then the actors that may take a role (P0, P9). One that has
// become a node of a quorum goes on as that.
func StartNode(cfg NodeConfig, start Starter) (*Node, error) {
	self, peer := cfg.Pair[1], cfg.Pair[0]
	if cfg.AsPrimary {
		self, peer = peer, self
	}
	if self == peer {
		return nil, fmt.Errorf("remote: the primary and the backup have the same address %s: give each its own", self)
	}
	if cfg.SuspectTicks != 0 && cfg.SuspectTicks < replica.MinSuspectTicks {
		return nil, fmt.Errorf("remote: %d silent ticks are too few to suspect the other node: two healthy nodes need at least %d", cfg.SuspectTicks, replica.MinSuspectTicks)
	}
	if err := checkNode(cfg.TLS); err != nil {
		return nil, err
	}
	if cfg.Tick == 0 {
		cfg.Tick = defaultTick
	}
	if cfg.Listen == "" {
		cfg.Listen = string(self)
	}
	if identity, _, err := actors.LoadIdentity(cfg.Dir); err != nil {
		return nil, err
	} else if err := identity.CheckPast(cfg.Dir); err != nil {
		return nil, fmt.Errorf("remote: %w", err)
	} else if b := identity.Became; b != nil {
		return StartQuorumNode(cfg.member(self, b), start)
	}
	log, recovered, err := openLog(cfg.Dir, string(self), cfg.Durable, false)
	if err != nil {
		return nil, fmt.Errorf("remote: %w", err)
	}
	node, err := cfg.begin(self, peer, log, recovered, start)
	if err != nil && log != nil {
		_ = log.Close()
	}
	return node, err
}

// begin begins the life. The node has the log from the moment of its success.
func (cfg *NodeConfig) begin(self, peer replica.NodeID, log *journal.Journal, recovered replica.Recovered, start Starter) (*Node, error) {
	identity, known, err := actors.BeginLife(cfg.Dir, self, time.Now())
	if err != nil {
		return nil, err
	}
	member, numbering := replica.MemberID(draw()), actors.NewNumbering(cfg.Tracer)
	pair, err := replica.OpenPair(replica.PairConfig{
		Pair: cfg.Pair, AsPrimary: cfg.AsPrimary, Incarnation: identity.Incarnation, Member: member,
		// Without a view the node has had no part in anything yet: it may begin
		// like one that starts for the first time.
		HasIdentity: known && identity.View > 0, View: identity.View, Cluster: identity.Cluster, NewCluster: replica.ClusterID(draw()),
		SuspectTicks: cfg.SuspectTicks, Solo: cfg.Solo, TrustRefused: cfg.TrustRefused, Found: cfg.Found,
		Durable: cfg.Durable, Codec: numbering.Codec(new(messages.Codec)), Log: recovered,
	})
	if err != nil {
		return nil, fmt.Errorf("remote: %w", err)
	}
	core := quorum.NewPair(pair, quorum.Config{
		Address: self, Incarnation: identity.Incarnation, NewCluster: replica.ClusterID(draw()),
		BootstrapFloor: quorum.Floor(time.Now().Unix()), Durable: cfg.Durable, Codec: numbering.Codec(new(messages.Codec)),
	})
	process, err := start(Config{
		Listen: cfg.Listen, Advertise: string(self), Incarnation: identity.Incarnation,
		Peers: []replica.NodeID{peer}, Insecure: cfg.Insecure, TLS: cfg.TLS, Admit: cfg.Admit, Log: cfg.Log, Tick: cfg.Tick,
	})
	if err != nil {
		return nil, err
	}
	return &Node{Process: process, Actors: actors.StartNode(process, core, actors.NodeConfig{
		Tick: cfg.Tick, Dir: cfg.Dir, Identity: identity, Journal: log, Name: string(self),
		Exit: cfg.Exit, Deeds: cfg.Deeds, Tracer: cfg.Tracer, Numbering: numbering, Log: cfg.Log,
	})}, nil
}

// How long a leaving node may take to hand its role over and its goodbye to the
// link. The core gives up on a successor after some ten ticks.
const (
	farewell      = time.Second
	farewellTicks = 12
)

// Leave hands the role over, if there is somebody to take it, says goodbye, and
// stops everything within a bounded time. The listener closes after the role is
// gone (P9).
func (n *Node) Leave(within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), min(max(farewell, farewellTicks*n.cfg.Tick), within))
	defer cancel()
	err := n.Actors.Leave(ctx)
	n.Stop(within)
	n.Actors.Stop()
	return err
}

// Kill ends the node at once and says nothing, as if it had crashed.
func (n *Node) Kill() {
	n.Silence()
	n.Actors.Stop()
	n.Process.Kill()
}
