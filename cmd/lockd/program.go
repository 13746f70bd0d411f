package main

import (
	"log/slog"
	"slices"
	"time"

	"lockstep/cmd/internal/cli"
	"lockstep/doors"
	"lockstep/replica"
	"lockstep/trust"
)

// settings are what flags and environment say.
type settings struct {
	listen       string
	data         string
	durability   durability
	name         string
	peers        []cli.Peer
	quiet        bool
	from         string
	yes          bool
	tick         time.Duration
	suspect      int
	solo         replica.SoloPolicy
	trustRefused bool
	found        bool
	insecure     bool
	api          string
	proxies      doors.Proxies
	tls          trust.Files
	nodes        []holder
	clients      []string
	access       string
	audit        string
	otlp         string
	logJSON      bool
	logLevel     slog.Level
	fault        fault
}

// usualFile has the settings if nothing is typed and nothing else is named.
const usualFile = "/etc/lockstep/lockd.yaml"

// program is lockd.
type program struct {
	*cli.Program
	settings
}

func newProgram() *program {
	p := &program{Program: cli.New("lockd", "is a node of Lockstep: two, three or five nodes that keep every lock in lock-step.")}
	p.addFlags()
	p.Commands = []cli.Command{p.node(), p.trio(), p.primary(), p.backup(), p.pair(), p.takeOver(), p.certs(), p.tokenCommand()}
	p.Codes = []cli.Code{
		{Code: cli.OK, Meaning: "stopped by SIGINT or SIGTERM"},
		{Code: cli.Usage, Meaning: "the command line is wrong"},
		{Code: cli.Unavailable, Meaning: "the address is taken, or this node runs already"},
		{Code: cli.CantCreate, Meaning: "the state directory cannot be used"},
		{Code: cli.Config, Meaning: "the configuration has mistakes, or this node cannot be part of this pair or cluster with it"},
	}
	p.TakeFiles(usualFile)
	p.Commands = append(p.Commands, p.OwnCommands()...)
	return p
}

// fewestTicks is why -suspect has a lower bound.
const fewestTicks = "fewer would let two healthy nodes suspect each other when one heartbeat is lost and the others are late"

func (p *program) addFlags() {
	cli.Listen(p.Flags, &p.listen, "listen", "", "the `address` to bind, if others reach this node under another one", 1)
	cli.String(p.Flags, &p.data, "data", "",
		"the `directory` for this node's state (the default is below\n${XDG_STATE_HOME:-~/.local/state}/lockstep and called like its address);\nlockd pair and trio make one for each node in it")
	cli.Var(p.Flags, &p.durability, "durability", "",
		"when an entry counts: `how`, fsync (it is on disk; what node and trio do if\nnothing is said) or memory (what a pair does)", parseDurability)
	cli.Var(p.Flags, &p.name, "name", "", "the `name` of this node: which of those in -peers it is", parseNodeName)
	cli.Peers(p.Flags, &p.peers, "peers",
		"the nodes, `a=A,b=B,c=C`: the name and the address of each, this one among\nthem; give all nodes the same")
	cli.Bool(p.Flags, &p.quiet, "quiet",
		"keep the log and vote, but serve nobody: for a node far away or on a weak\nmachine")
	cli.String(p.Flags, &p.from, "from", "", "the state `directories` of a pair's nodes, DIR,DIR or one of them")
	cli.Bool(p.Flags, &p.yes, "yes", "take a copy over though the pair may have gone on after it")
	cli.Duration(p.Flags, &p.tick, "tick", "50ms", "the `time` between two heartbeats", time.Millisecond, 10*time.Second)
	cli.Int(p.Flags, &p.suspect, "suspect", "8",
		"how many silent `ticks` make a node take the other for dead", replica.MinSuspectTicks, 10_000, fewestTicks)
	cli.Choice(p.Flags, &p.solo, "solo", "both",
		"`who` may go on alone when the other is silent: both, primary-only or none;\nthe fewer, the safer in a partition and the less available",
		[]string{"both", "primary-only", "none"},
		[]replica.SoloPolicy{replica.SoloBoth, replica.SoloPrimaryOnly, replica.SoloNone})
	cli.Bool(p.Flags, &p.trustRefused, "trust-refused",
		"take a refused connection for proof that the other node is dead; sound if\nboth are on one machine, and on by itself for lockd pair")
	cli.Bool(p.Flags, &p.found, "found",
		"of a pair: go on without the other node, with what this one's log has, or\nwithout one with no locks: for when the other copy is lost for good; with one\nnode in -peers: found a cluster of it; leave it out from then on")
	cli.Bool(p.Flags, &p.insecure, "insecure",
		"allow an address that other machines can reach without certificates; nothing\nis encrypted")
	cli.TLS(p.Flags, &p.tls)
	p.addCertsFlags()
	p.addAccessFlags()
	cli.Var(p.Flags, &p.api, "api", "",
		"the `address` of the public API, with a page for browsers at /: host:port, or\nunix:PATH for programs on this machine (the default is none); of several nodes in\nthis process each other one has the next port, or PATH.2 and PATH.3", checkAPI)
	p.addProxiesFlag()
	p.addTracesFlag()
	cli.Bool(p.Flags, &p.logJSON, "log-json", "log lines of JSON")
	cli.Choice(p.Flags, &p.logLevel, "log-level", "info", "the least `level` that is logged: debug, info, warn or error",
		[]string{"debug", "info", "warn", "error"},
		[]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError})
	addFaultFlag(p.Flags, &p.fault)
}

// The flags that the commands take.
var (
	common = slices.Concat([]string{"data", "durability", "tick", "api", "api-proxies", "access", "audit", "otlp", "insecure"}, cli.TLSFlags, []string{"log-json", "log-level"})
	shared = append([]string{"suspect", "solo", "trust-refused"}, common...)
	single = append([]string{"listen", "found", faultFlag}, shared...)
	named  = append([]string{"name", "listen", "peers", "quiet", "found", faultFlag}, common...)
)

func (p *program) node() cli.Command {
	return cli.Command{
		Verb: "node", Form: "node", Flags: named,
		About: "run one node of a cluster of three or more\n\n" + aboutMember,
		Examples: []string{
			"lockd node -name a -peers a=127.0.0.1:7101,b=127.0.0.1:7102,c=127.0.0.1:7103",
			"lockd node -name b -listen 0.0.0.0:7101 -peers a=ha:7101,b=hb:7101,c=hc:7101 -tls-cert b.crt -tls-key b.key -tls-ca ca.crt",
			"lockd node -name d -peers a=127.0.0.1:7101,b=127.0.0.1:7102,c=127.0.0.1:7103,d=127.0.0.1:7104   # then lockc cluster add",
			"lockd node -name c -peers a=127.0.0.1:7101,b=127.0.0.1:7102,c=127.0.0.1:7103 -quiet",
		},
		Run:    func([]string) error { return p.runMember() },
		Check:  p.checkMember,
		Unsaid: p.unsaid(fsync, p.ownMember),
	}
}

func (p *program) trio() cli.Command {
	return cli.Command{
		Verb: "trio", Form: "trio", Names: []string{"A", "B", "C"}, Optional: true, Flags: common,
		About: "run three nodes in this process, for trying it out\n\n" +
			"They are called a, b and c and talk over real connections, on 127.0.0.1:7101, :7102 and\n:7103 if nothing is said, which is where lockc finds them.",
		Examples: []string{"lockd trio", "lockd trio 127.0.0.1:8101 127.0.0.1:8102 127.0.0.1:8103", "lockd trio -data /tmp/trio"},
		Run:      p.runTrio,
		Check:    p.checkAddresses(trioNames, 0, 1, 2),
		Unsaid:   unsaidTrio,
	}
}

func (p *program) primary() cli.Command {
	return cli.Command{
		Verb: "-p", Form: "primary", Names: []string{"PRIMARY", "BACKUP"}, Flags: single,
		About: "run the primary of the pair PRIMARY BACKUP\n\n" + aboutNode,
		Examples: []string{
			"lockd -p 127.0.0.1:7101 127.0.0.1:7102",
			"lockd -p 10.0.0.1:7101 10.0.0.2:7101 -insecure",
			"lockd -p 127.0.0.1:7101 127.0.0.1:7102 -found",
		},
		Run:    func(names []string) error { return p.runNode(names, true) },
		Check:  p.checkAddresses(pairNames, 0),
		Unsaid: p.unsaid(memory, p.ownPart(0)),
	}
}

func (p *program) backup() cli.Command {
	return cli.Command{
		Verb: "-b", Form: "backup", Names: []string{"PRIMARY", "BACKUP"}, Flags: single,
		About: "run the backup of the pair PRIMARY BACKUP\n\n" + aboutNode,
		Examples: []string{
			"lockd -b 127.0.0.1:7101 127.0.0.1:7102",
			"lockd -b 127.0.0.1:7101 127.0.0.1:7102 -data /var/lib/lockstep",
		},
		Run:    func(names []string) error { return p.runNode(names, false) },
		Check:  p.checkAddresses(pairNames, 1),
		Unsaid: p.unsaid(memory, p.ownPart(1)),
	}
}

func (p *program) pair() cli.Command {
	return cli.Command{
		Verb: "pair", Form: "pair", Names: []string{"PRIMARY", "BACKUP"}, Optional: true, Flags: shared,
		About: "run a primary and a backup in this process, for trying it out\n\n" +
			"They talk over real connections, on " + cli.DefaultPrimary + " and " + cli.DefaultBackup + " if nothing is said,\nwhich is where lockc looks for them.",
		Examples: []string{"lockd pair", "lockd pair 127.0.0.1:8101 127.0.0.1:8102"},
		Run:      p.runPair,
		Check:    p.checkAddresses(pairNames, 0, 1),
		Unsaid:   unsaidPair,
	}
}

const aboutNode = `PRIMARY and BACKUP are the addresses, host:port, under which clients and the two nodes
reach them; give both nodes the same two in the same order. Which node serves changes when
one dies. Locks are kept in memory, on both nodes: they survive the death of one; with
-durability fsync they survive a loss of power too. A node that is started again fetches
what it has missed from the other. SIGINT and SIGTERM stop it within two seconds, and the
other node goes on at once; a second signal ends it immediately.`

const aboutMember = `-peers lists the nodes that the cluster begins with, by name and by the address, host:port,
under which clients and nodes reach them; give all of them the same list. It begins when all
of them have been started once. From then on they serve as long as a majority lives, and a
node that is started again comes back by itself, from its log or from the others. Whoever
joins later lists itself and the others, waits, and is taken in by lockc cluster add. A node
that is alone in the list founds a cluster with -found only: it may be that list's first node,
without its disk.

With -durability fsync nothing is answered before a majority has it on disk: it survives a
loss of power of all nodes. With memory it survives as long as a majority lives, and a node
that is started again joins anew. -data holds one node's log; one process at a time uses it.

SIGINT and SIGTERM hand over first: another node is the primary before this one goes, and no
request fails. A second signal ends it immediately.`
