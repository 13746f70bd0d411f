package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"syscall"
	"time"

	"lockstep/actors"
	"lockstep/cmd/internal/cli"
	"lockstep/remote"
	"lockstep/replica"
)

// runNode is the lab's form: one node of a pair.
func (p *program) runNode(names []string, asPrimary bool) error {
	self := names[1]
	if asPrimary {
		self = names[0]
	}
	dir, err := stateDir(p.data, self, p.Getenv)
	if err != nil {
		return err
	}
	g, err := p.newGroup(1)
	if err != nil {
		return err
	}
	if err := g.start(p.nodeConfig([2]string(names), asPrimary, dir), p.api); err != nil {
		return err
	}
	p.fault.arm(g.nodes[0], p.Stderr)
	return g.serve()
}

func (p *program) newLog() *slog.Logger { return cli.NewLog(p.Stderr, p.logJSON, p.logLevel) }

func (p *program) nodeConfig(pair [2]string, asPrimary bool, dir string) remote.NodeConfig {
	return remote.NodeConfig{
		Pair:         [2]replica.NodeID{replica.NodeID(pair[0]), replica.NodeID(pair[1])},
		AsPrimary:    asPrimary,
		Listen:       p.listen,
		Dir:          dir,
		Durable:      p.durability.orElse(memory),
		Insecure:     p.insecure,
		Tick:         p.tick,
		SuspectTicks: p.suspect,
		Solo:         p.solo,
		TrustRefused: p.trustRefused,
		Found:        p.found,
	}
}

// start starts one more node of this process, with a public port if there is an
// address for one.
func (g *group) start(cfg remote.NodeConfig, public string) error {
	self, part, peer := cfg.Pair[1], "backup", cfg.Pair[0]
	if cfg.AsPrimary {
		self, part, peer = peer, "primary", self
	}
	if cfg.Listen == "" {
		cfg.Listen = string(self)
	}
	cfg.TLS, cfg.Admit, cfg.Deeds = g.identity(), g.doors.admit(), g.doors.wrote
	cfg.Tracer = g.traces.tracer(string(self))
	if err := g.prepare(cfg.Listen, cfg.Dir, string(self), cfg.Insecure); err != nil {
		return err
	}
	if err := checkState(cfg.Dir, string(self), false); err != nil {
		return err
	}
	became, err := remote.Became(cfg.Dir)
	if err != nil {
		return startFailure(err, "")
	}
	if became != nil && cfg.Found {
		return cli.Fail(cli.Config, "-found is for a node of a pair, and this one is %s of a cluster since lockc cluster add; begin anew with what it has by: lockc cluster bootstrap", became.Name())
	}
	cfg.Log = g.log.With("node", string(self))
	cfg.Exit = g.giveUp
	opened, err := g.openPort(public, cfg.Insecure, cfg.Log)
	if err != nil {
		return err
	}
	node, err := remote.StartNode(cfg, remote.Start)
	if err != nil {
		opened.close(cfg.Log)
		return startFailure(err, cfg.Listen)
	}
	g.add(node, opened, cfg.Log)
	if became != nil {
		cfg.Log.Warn("the pair has become a cluster, by lockc cluster add, and this node goes on as one of it; start it from now on with: "+asMember(became, cfg), "name", became.Name())
		return nil
	}
	cfg.Log.Info("started as the "+part, "peer", string(peer), "state", cfg.Dir)
	warnOfHaste(cfg)
	warnOfPeer(cfg.Log, string(peer))
	return nil
}

// asMember is how a node is started that was one of a pair.
func asMember(b *replica.Became, cfg remote.NodeConfig) string {
	return fmt.Sprintf("lockd node -name %s -peers %s -durability %s -data %s", b.Name(), peersText(b.Peers()), durabilityName(cfg.Durable), cfg.Dir)
}

func peersText(peers []replica.Peer) string {
	each := make([]string, len(peers))
	for i, peer := range peers {
		each[i] = peer.Name + "=" + string(peer.Address)
	}
	return strings.Join(each, ",")
}

// prepare checks what a node is to bind, and makes its state directory this
// process's own.
func (g *group) prepare(listen, dir, self string, insecure bool) error {
	if err := cli.CheckListen(listen, insecure || g.doors.tls != nil); err != nil {
		return err
	}
	claimed, err := claim(dir, self)
	if err != nil {
		return err
	}
	g.claims = append(g.claims, claimed)
	return nil
}

// checkState refuses the state of another node, and that of a node of a pair for
// one of a cluster or the other way round, where what it remembers does not mean
// the same. It looks before anything there is changed.
func checkState(dir, address string, quorum bool) error {
	id, known, err := actors.LoadIdentity(dir)
	switch {
	case err != nil:
		return startFailure(err, "")
	case known && string(id.Node) != address:
		return cli.Fail(cli.Config, "the state directory %s belongs to node %s, not to %s: give each node its own with -data", dir, id.Node, address)
	case id.View == 0 || id.Quorum == quorum || id.Became != nil:
		return nil
	}
	was := "of a pair: start it with lockd -p or -b"
	if id.Quorum {
		was = "of a cluster: start it with lockd node"
	}
	return cli.Fail(cli.Config, "the state directory %s belongs to a node %s, or give this one another directory with -data", dir, was)
}

// warnOfPeer speaks up about a name that may be mistyped. It may also be one that
// does not exist yet.
func warnOfPeer(log *slog.Logger, peer string) {
	if _, err := cli.Resolve(peer); cli.NoSuchHost(err) {
		log.Warn("the other node's name does not exist now: it is looked up again and again", "peer", peer)
	}
}

// hasty is ten times what a new connection takes to stand (P2).
const hasty = 200 * time.Millisecond

// warnOfHaste speaks up about settings that take every hiccup for a death.
func warnOfHaste(cfg remote.NodeConfig) {
	if patience := cfg.Tick * time.Duration(cfg.SuspectTicks); patience < hasty {
		cfg.Log.Warn("tick times suspect is short: a connection that breaks and is made again may pass for a death",
			"patience", patience, "better", hasty)
	}
}

// startFailure says what to do about a node that cannot be started.
func startFailure(err error, listen string) error {
	var file *fs.PathError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return cli.Fail(cli.Unavailable, "cannot listen on %s: something else does; stop it, or give this node another address", listen)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return cli.Fail(cli.Config, "cannot listen on %s: this machine has no such address; bind one that it has with -listen", listen)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return cli.Fail(cli.CantCreate, "%s", withAdvice(err, "make room and start the node again"))
	case errors.As(err, &file):
		return cli.Fail(cli.CantCreate, "%s", withAdvice(err, "make it usable, or choose another directory with -data"))
	default:
		return cli.Fail(cli.Config, "%s", cli.Plain(err))
	}
}

// withAdvice adds a way out to an error that has none.
func withAdvice(err error, advice string) string {
	text := cli.Plain(err)
	if strings.Contains(text, "-data") || strings.Contains(text, "make room") {
		return text
	}
	return text + "; " + advice
}
