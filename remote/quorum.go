package remote

import (
	"crypto/rand"
	"encoding/binary"
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

// QuorumConfig is what one node of a quorum is started with.
type QuorumConfig struct {
	Name     string         // the node's own, one of those in Peers
	Address  replica.NodeID // under which the others reach it
	Listen   string         // what to bind; empty is Address
	Peers    []replica.Peer // the nodes that the cluster begins with, this one among them
	Quiet    bool           // keeps log and state, and serves nobody
	Found    bool           // alone in Peers, it founds a cluster of itself
	Durable  bool           // entries are on disk before they count
	Insecure bool           // see Config
	TLS      trust.Source   // see Config
	Admit    func(principal string, from replica.NodeID) error
	Dir      string // the state directory

	Tick          time.Duration // 0 means 50 ms
	ElectionTicks int           // 0 means 10

	// Exit is called once, from an actor, when the node cannot be part of its
	// cluster, or its disk fails: then with an *actors.DiskError. It must not wait for
	// the node.
	Exit func(cause error)
	// Deeds is told what operators do at this node's port; see actors.NodeConfig.
	Deeds actors.Deeds
	// Tracer is told of the requests whose traces somebody keeps; nil is not.
	Tracer traces.Tracer
	Log    *slog.Logger
}

// StartQuorumNode begins a life of a node, as StartNode does for one of a pair.
func StartQuorumNode(cfg QuorumConfig, start Starter) (*Node, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("remote: %w", err)
	}
	if err := checkNode(cfg.TLS); err != nil {
		return nil, err
	}
	if cfg.Tick == 0 {
		cfg.Tick = defaultTick
	}
	if cfg.Listen == "" {
		cfg.Listen = string(cfg.Address)
	}
	if cfg.Durable {
		if err := takeOver(cfg.Dir); err != nil {
			return nil, fmt.Errorf("remote: %w", err)
		}
	}
	log, recovered, err := openLog(cfg.Dir, cfg.Name, cfg.Durable, true)
	if err != nil {
		return nil, fmt.Errorf("remote: %w", err)
	}
	node, err := cfg.begin(log, recovered, start)
	if err != nil && log != nil {
		_ = log.Close()
	}
	return node, err
}

// begin begins the life. The node has the log from the moment of its success.
func (cfg *QuorumConfig) begin(log *journal.Journal, recovered replica.Recovered, start Starter) (*Node, error) {
	identity, known, err := actors.BeginLife(cfg.Dir, cfg.Address, time.Now())
	if err != nil {
		return nil, err
	}
	identity.Quorum = true // on disk before a view is used, as the rest of it
	member := replica.MemberID(draw())
	if log != nil && log.Owner().Member != 0 {
		member = log.Owner().Member
	}
	if log != nil && !recovered.Empty() {
		// The identity is written before the log: if the node ended in between, when it
		// was to begin another cluster, it goes on in the one that its log is of.
		identity.Cluster = log.Owner().Cluster
	}
	numbering := actors.NewNumbering(cfg.Tracer)
	core, err := quorum.New(quorum.Config{
		Name: cfg.Name, Address: cfg.Address, Peers: cfg.Peers, Quiet: cfg.Quiet, Found: cfg.Found,
		Incarnation: identity.Incarnation, Member: member,
		HasIdentity: known && identity.View > 0, View: identity.View,
		Cluster: identity.Cluster, NewCluster: replica.ClusterID(draw()), BootstrapFloor: quorum.Floor(time.Now().Unix()),
		Durable: cfg.Durable, Codec: numbering.Codec(new(messages.Codec)), ElectionTicks: cfg.ElectionTicks,
	}, recovered)
	if err != nil {
		return nil, fmt.Errorf("remote: %w", err)
	}
	process, err := start(Config{
		Listen: cfg.Listen, Advertise: string(cfg.Address), Incarnation: identity.Incarnation, Peers: cfg.others(),
		Insecure: cfg.Insecure, TLS: cfg.TLS, Admit: cfg.Admit, Log: cfg.Log, Tick: cfg.Tick,
	})
	if err != nil {
		return nil, err
	}
	return &Node{Process: process, Actors: actors.StartNode(process, core, actors.NodeConfig{
		Tick: cfg.Tick, Dir: cfg.Dir, Identity: identity, Journal: log, Name: cfg.Name, Member: member,
		Exit: cfg.Exit, Deeds: cfg.Deeds, Tracer: cfg.Tracer, Numbering: numbering, Log: cfg.Log,
	})}, nil
}

// check refuses a list of nodes that cannot be meant.
func (cfg *QuorumConfig) check() error {
	names, addresses := map[string]bool{}, map[replica.NodeID]string{}
	for _, p := range cfg.Peers {
		if p.Name == "" {
			return fmt.Errorf("the node at %s has no name: give each one, as in a=%s", p.Address, p.Address)
		}
		if err := checkAddress(string(p.Address)); err != nil {
			return fmt.Errorf("node %s: %q is no address: %w", p.Name, p.Address, err)
		}
		if names[p.Name] {
			return fmt.Errorf("two of the nodes are called %s: give each its own name", p.Name)
		}
		if other, ok := addresses[p.Address]; ok {
			return fmt.Errorf("the nodes %s and %s have the same address %s: give each its own", other, p.Name, p.Address)
		}
		names[p.Name], addresses[p.Address] = true, p.Name
		if p.Name == cfg.Name && p.Address != cfg.Address {
			return fmt.Errorf("node %s is to listen on %s, and the list of nodes says %s=%s: say the same in both, on all nodes", cfg.Name, cfg.Address, p.Name, p.Address)
		}
	}
	if !names[cfg.Name] {
		return fmt.Errorf("node %q is not in the list of nodes: it names itself too, as in %s=%s", cfg.Name, cfg.Name, cfg.Address)
	}
	return nil
}

// others returns the addresses of the nodes that this one begins with.
func (cfg *QuorumConfig) others() (others []replica.NodeID) {
	for _, p := range cfg.Peers {
		if p.Name != cfg.Name {
			others = append(others, p.Address)
		}
	}
	return others
}

// draw returns a random number that is not zero, for the name of a log or of a
// cluster that this node may found.
func draw() uint64 {
	var b [8]byte
	rand.Read(b[:]) // it never fails: the runtime ends the process instead
	return binary.BigEndian.Uint64(b[:]) | 1
}
