package remote

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"

	"lockstep/actors"
	"lockstep/messages"
	"lockstep/replica"
	"lockstep/replica/quorum"
)

// QuorumConfig is what one node of a quorum is started with.
type QuorumConfig struct {
	Name     string         // the node's own, one of those in Peers
	Address  replica.NodeID // under which the others reach it
	Listen   string         // what to bind; empty is Address
	Peers    []replica.Peer // the nodes that the cluster begins with, this one among them
	Quiet    bool           // keeps log and state, and serves nobody
	Durable  bool           // entries are on disk before they count
	Insecure bool           // see Config
	Dir      string         // the state directory

	Tick          time.Duration // 0 means 50 ms
	ElectionTicks int           // 0 means 10

	// Exit is called once, from an actor, when the node cannot be part of its
	// cluster. It must not wait for the node.
	Exit func(reason string)
	Log  *slog.Logger
}

// StartQuorumNode begins a life of a node, as StartNode does for one of a pair.
func StartQuorumNode(cfg QuorumConfig, start Starter) (*Node, error) {
	if cfg.Tick == 0 {
		cfg.Tick = defaultTick
	}
	if cfg.Listen == "" {
		cfg.Listen = string(cfg.Address)
	}
	identity, known, err := actors.BeginLife(cfg.Dir, cfg.Address, time.Now())
	if err != nil {
		return nil, err
	}
	core, err := quorum.New(quorum.Config{
		Name: cfg.Name, Address: cfg.Address, Peers: cfg.Peers, Quiet: cfg.Quiet,
		Incarnation: identity.Incarnation, Member: replica.MemberID(draw()),
		HasIdentity: known && identity.View > 0, View: identity.View,
		Cluster: identity.Cluster, NewCluster: replica.ClusterID(draw()),
		Durable: cfg.Durable, Codec: new(messages.Codec), ElectionTicks: cfg.ElectionTicks,
	}, replica.Recovered{})
	if err != nil {
		return nil, fmt.Errorf("remote: %w", err)
	}
	process, err := start(Config{
		Listen: cfg.Listen, Advertise: string(cfg.Address), Incarnation: identity.Incarnation,
		Insecure: cfg.Insecure, Log: cfg.Log, Tick: cfg.Tick,
	})
	if err != nil {
		return nil, err
	}
	return &Node{Process: process, Actors: actors.StartNode(process, core, actors.NodeConfig{
		Tick: cfg.Tick, Dir: cfg.Dir, Identity: identity, Exit: cfg.Exit, Log: cfg.Log,
	})}, nil
}

// draw returns a random number that is not zero, for the name of a log or of a
// cluster that this node may found.
func draw() uint64 {
	var b [8]byte
	rand.Read(b[:]) // it never fails: the runtime ends the process instead
	return binary.BigEndian.Uint64(b[:]) | 1
}
