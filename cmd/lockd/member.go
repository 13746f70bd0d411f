package main

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"lockstep/cmd/internal/cli"
	"lockstep/remote"
	"lockstep/replica"
)

// runMember is one node of a cluster.
func (p *program) runMember() error {
	self := p.self()
	dir, err := namedDir(p.data, self, p.Getenv)
	if err != nil {
		return err
	}
	g, err := p.newCluster(1)
	if err != nil {
		return err
	}
	if err := g.join(p.memberConfig(self, dir), p.api); err != nil {
		g.release()
		return err
	}
	p.fault.arm(g.nodes[0], p.Stderr)
	return g.serve()
}

// newCluster is a group of so many nodes of a cluster.
func (p *program) newCluster(nodes int) (*group, error) {
	g, err := p.newGroup(nodes)
	if err == nil {
		g.hands = true
	}
	return g, err
}

// self is this node, as the list has it, which was checked.
func (p *program) self() cli.Peer { return p.peers[p.place()] }

func peerNames(peers []cli.Peer) string {
	names := make([]string, len(peers))
	for i, peer := range peers {
		names[i] = peer.Name
	}
	return strings.Join(names, ", ")
}

// found reports whether who looks for a node at the address that is told may find
// what listens. Something between machines may translate; on one machine nothing
// does, and one host is not another port of itself.
func found(listen, told string) bool {
	host, port, _ := net.SplitHostPort(listen)
	toldHost, toldPort, _ := net.SplitHostPort(told)
	ip := net.ParseIP(host)
	everywhere := host == "" || ip != nil && ip.IsUnspecified()
	switch {
	case host == toldHost:
		return port == toldPort
	case toldHost != "localhost" && !net.ParseIP(toldHost).IsLoopback():
		return true
	default:
		return port == toldPort && (everywhere || host == "localhost" || toldHost == "localhost" && ip.IsLoopback())
	}
}

// namedDir is where a node of a cluster keeps its state. It is none of those of
// pairs, so that one machine can try both.
func namedDir(data string, self cli.Peer, getenv func(string) string) (string, error) {
	return stateDir(data, self.Name+"@"+self.Address, getenv)
}

func (p *program) memberConfig(self cli.Peer, dir string) remote.QuorumConfig {
	cfg := remote.QuorumConfig{
		Name: self.Name, Address: replica.NodeID(self.Address), Listen: p.listen,
		Quiet: p.quiet, Found: p.found, Durable: p.durability.orElse(fsync), Insecure: p.insecure, Dir: dir, Tick: p.tick,
	}
	for _, peer := range p.peers {
		cfg.Peers = append(cfg.Peers, replica.Peer{Name: peer.Name, Address: replica.NodeID(peer.Address)})
	}
	return cfg
}

// join starts one more node of a cluster, with a public port if there is an
// address for one.
func (g *group) join(cfg remote.QuorumConfig, public string) error {
	if cfg.Listen == "" {
		cfg.Listen = string(cfg.Address)
	}
	cfg.TLS, cfg.Admit, cfg.Deeds = g.identity(), g.doors.admit(), g.doors.wrote
	cfg.Tracer = g.traces.tracer(cfg.Name)
	if err := g.prepare(cfg.Listen, cfg.Dir, fmt.Sprintf("%s (%s)", cfg.Name, cfg.Address), cfg.Insecure); err != nil {
		return err
	}
	if err := checkState(cfg.Dir, string(cfg.Address), true); err != nil {
		return err
	}
	cfg.Log = g.log.With("node", cfg.Name)
	cfg.Exit = g.giveUp
	opened, err := g.openPort(public, cfg.Insecure, cfg.Log)
	if err != nil {
		return err
	}
	node, err := remote.StartQuorumNode(cfg, remote.Start)
	if err != nil {
		opened.close(cfg.Log)
		return startFailure(err, cfg.Listen)
	}
	g.add(node, opened, cfg.Log)
	cfg.Log.Info("started", "address", string(cfg.Address), "state", cfg.Dir, "durability", durabilityName(cfg.Durable))
	if len(cfg.Peers) == 2 {
		cfg.Log.Warn("a cluster of two stands still when either node fails: a third one makes it safe")
	}
	for _, peer := range cfg.Peers {
		if peer.Address != cfg.Address {
			warnOfPeer(cfg.Log, string(peer.Address))
		}
	}
	return nil
}

func durabilityName(durable bool) string {
	if durable {
		return "fsync"
	}
	return "memory"
}

// trioNames are those of the nodes of lockd trio.
var trioNames = []string{"a", "b", "c"}

// runTrio is a whole cluster in one process, over real connections.
func (p *program) runTrio(addresses []string) error {
	if len(addresses) == 0 {
		addresses = []string{cli.DefaultPrimary, cli.DefaultBackup, cli.DefaultThird}
	}
	for i, address := range addresses {
		p.peers = append(p.peers, cli.Peer{Name: trioNames[i], Address: address})
	}
	g, err := p.newCluster(len(p.peers))
	if err != nil {
		return err
	}
	for _, self := range p.peers {
		data := p.data
		if data != "" {
			data = filepath.Join(data, self.Name)
		}
		dir, err := namedDir(data, self, p.Getenv)
		if err == nil {
			err = g.join(p.memberConfig(self, dir), p.api)
		}
		if err != nil {
			g.kill()
			return err
		}
	}
	go p.announceTrio(g, addresses)
	return g.serve()
}

// announceTrio says what to type next, as soon as it works.
func (p *program) announceTrio(g *group, addresses []string) {
	if !p.await(g, g.formed) {
		return
	}
	lockc := "lockc"
	if addresses[0] != cli.DefaultPrimary || addresses[1] != cli.DefaultBackup {
		lockc += " -nodes " + strings.Join(addresses, ",")
	}
	lockc += g.shown()
	fmt.Fprintf(p.Stdout, "three nodes, of which any may fail; try, elsewhere:\n"+
		"    %[1]s run demo -- sleep 60 &\n    %[1]s status\n    %[1]s switchover\n", lockc)
}

// formed reports whether the nodes of this process have a primary, which all of
// them follow.
func (g *group) formed() bool {
	primaries := 0
	for _, node := range g.nodes {
		switch status, ok := statusOf(node); {
		case !ok:
			return false
		case status.Role == replica.Primary:
			primaries++
		case status.Role != replica.Backup:
			return false
		}
	}
	return primaries == 1
}
