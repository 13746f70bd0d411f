package main

import (
	"log/slog"
	"time"

	"lockstep/cmd/internal/cli"
	"lockstep/replica"
)

// settings are what flags and environment say.
type settings struct {
	listen       string
	data         string
	tick         time.Duration
	suspect      int
	solo         replica.SoloPolicy
	trustRefused bool
	found        bool
	insecure     bool
	logJSON      bool
	logLevel     slog.Level
	fault        fault
}

// program is lockd.
type program struct {
	*cli.Program
	settings
}

func newProgram() *program {
	p := &program{Program: cli.New("lockd", "is a node of a Lockstep pair: two nodes that keep every lock in lock-step.")}
	p.addFlags()
	p.Commands = []cli.Command{p.pair(), p.primary(), p.backup()}
	p.Codes = []cli.Code{
		{Code: cli.OK, Meaning: "stopped by SIGINT or SIGTERM"},
		{Code: cli.Usage, Meaning: "the command line is wrong"},
		{Code: cli.Unavailable, Meaning: "the address is taken, or this node runs already"},
		{Code: cli.CantCreate, Meaning: "the state directory cannot be used"},
		{Code: cli.Config, Meaning: "this node cannot be part of this pair, or not with these settings"},
	}
	return p
}

// fewestTicks is why -suspect has a lower bound.
const fewestTicks = "fewer would let two healthy nodes suspect each other when one heartbeat is lost and the others are late"

func (p *program) addFlags() {
	cli.Listen(p.Flags, &p.listen, "listen", "", "the `address` to bind, if others reach this node under another one", 1)
	cli.String(p.Flags, &p.data, "data", "",
		"the `directory` for this node's state (the default is below\n${XDG_STATE_HOME:-~/.local/state}/lockstep and called like its address);\nlockd pair makes one for each node in it")
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
		"begin with no locks although this node was part of a pair: for when the\nother node's copy is lost for good")
	cli.Bool(p.Flags, &p.insecure, "insecure",
		"allow an address that other machines can reach; nothing is encrypted")
	cli.Bool(p.Flags, &p.logJSON, "log-json", "log lines of JSON")
	cli.Choice(p.Flags, &p.logLevel, "log-level", "info", "the least `level` that is logged: debug, info, warn or error",
		[]string{"debug", "info", "warn", "error"},
		[]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError})
	addFaultFlag(p.Flags, &p.fault)
}

// The flags that the commands take.
var (
	shared = []string{"data", "tick", "suspect", "solo", "trust-refused", "insecure", "log-json", "log-level"}
	single = append([]string{"listen", "found", faultFlag}, shared...)
)

func (p *program) primary() cli.Command {
	return cli.Command{
		Verb: "-p", Names: []string{"PRIMARY", "BACKUP"}, Flags: single,
		About: "run the primary of the pair PRIMARY BACKUP\n\n" + aboutNode,
		Examples: []string{
			"lockd -p 127.0.0.1:7101 127.0.0.1:7102",
			"lockd -p 10.0.0.1:7101 10.0.0.2:7101 -insecure",
			"lockd -p 127.0.0.1:7101 127.0.0.1:7102 -found",
		},
		Run: func(names []string) error { return p.runNode(names, true) },
	}
}

func (p *program) backup() cli.Command {
	return cli.Command{
		Verb: "-b", Names: []string{"PRIMARY", "BACKUP"}, Flags: single,
		About: "run the backup of the pair PRIMARY BACKUP\n\n" + aboutNode,
		Examples: []string{
			"lockd -b 127.0.0.1:7101 127.0.0.1:7102",
			"lockd -b 127.0.0.1:7101 127.0.0.1:7102 -data /var/lib/lockstep",
		},
		Run: func(names []string) error { return p.runNode(names, false) },
	}
}

func (p *program) pair() cli.Command {
	return cli.Command{
		Verb: "pair", Names: []string{"PRIMARY", "BACKUP"}, Optional: true, Flags: shared,
		About: "run a primary and a backup in this process, for trying it out\n\n" +
			"They talk over real connections, on " + cli.DefaultPrimary + " and " + cli.DefaultBackup + " if nothing is said,\nwhich is where lockc looks for them.",
		Examples: []string{"lockd pair", "lockd pair 127.0.0.1:8101 127.0.0.1:8102"},
		Run:      p.runPair,
	}
}

const aboutNode = `PRIMARY and BACKUP are the addresses, host:port, under which clients and the two nodes
reach them; give both nodes the same two in the same order. Which node serves changes when
one dies. Locks are kept in memory, on both nodes: they survive the death of one. A node
that is started again fetches them from the other. SIGINT and SIGTERM stop it within two
seconds, and the other node goes on at once; a second signal ends it immediately.`
