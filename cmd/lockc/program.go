package main

import (
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
	"lockstep/trust"
)

// settings are what flags and environment say.
type settings struct {
	nodes    []string
	timeout  time.Duration
	listen   string
	insecure bool
	tls      trust.Files
	exitCode bool
	json     bool
	leaseSettings
	lookSettings
	clusterSettings
	drillSettings
	topSettings
}

// lookSettings are what the commands take that show and free locks of others.
type lookSettings struct {
	waiters, watch bool
	session        string
	force          bool
	reason         string
	at             time.Time
}

// program is lockc.
type program struct {
	*cli.Program
	settings
	client *lockstep.Client // nil until a command needs it
	// farewell bounds closing it; zero leaves that to the client.
	farewell time.Duration
}

func newProgram() *program {
	p := &program{Program: cli.New("lockc", "holds locks of Lockstep nodes, shows who holds them, and looks after the nodes.")}
	p.Short = short
	p.addFlags()
	p.addLeaseFlags()
	p.addLookFlags()
	p.addClusterFlags()
	p.addDrillFlags()
	p.addTopFlags()
	p.Commands = []cli.Command{
		p.runCommand(), p.electCommand(),
		p.lsCommand(), p.showCommand(), p.explainCommand(), p.historyCommand(), p.watchCommand(), p.topCommand(),
		p.sessionsCommand(), p.deadlocksCommand(), p.releaseCommand(),
		p.lock(), p.unlock(),
		p.status(), p.switchoverCommand(), p.drillCommand(),
		p.clusterListCommand(), p.clusterAddCommand(), p.clusterRemoveCommand(), p.clusterBootstrapCommand(),
		p.labLock(), p.labUnlock(),
	}
	p.Commands = append(p.Commands, p.OwnCommands()...)
	p.addWords()
	p.Codes = allCodes
	return p
}

func (p *program) addFlags() {
	cli.Nodes(p.Flags, &p.nodes, "nodes", cli.DefaultPrimary+","+cli.DefaultBackup,
		"the nodes `A,B`: both of a pair, the primary first; of a cluster one that\nanswers is enough, and names the others")
	cli.Duration(p.Flags, &p.timeout, "timeout", "5s",
		"the `time` to wait for a definite answer; lockc status waits 1s if nothing is said", time.Millisecond, time.Hour)
	cli.Listen(p.Flags, &p.listen, "listen", "127.0.0.1:0",
		"the `address` on which the nodes reach this client with their answers;\nport 0 takes a free one", 0)
	cli.Bool(p.Flags, &p.insecure, "insecure",
		"allow -listen an address that other machines can reach without certificates;\nnothing is encrypted")
	cli.TLS(p.Flags, &p.tls)
	cli.Bool(p.Flags, &p.exitCode, "exit-code", "exit with code 1 if the answer is false")
	cli.Bool(p.Flags, &p.json, "json", "print one line of JSON")
}

func (p *program) addLookFlags() {
	cli.Bool(p.Flags, &p.waiters, "waiters", "show the queues too")
	cli.Bool(p.Flags, &p.watch, "watch", "show the list again whenever it has changed, until control-C")
	cli.String(p.Flags, &p.session, "session", "", "the `session` that asks; under lockc run that is known")
	cli.Bool(p.Flags, &p.force, "force", "yes, take it away from whoever holds it")
	cli.Var(p.Flags, &p.at, "at", "", "who had it at this `time`: 14:05 today, 2026-11-22T14:05Z, or -10m for ten minutes ago",
		func(text string) (time.Time, error) { return parseMoment(text, time.Now()) })
	cli.String(p.Flags, &p.reason, "reason", "", "`why`, for the one who loses the lock")
}

// The flags that the commands take.
var (
	reaching = append([]string{"timeout", "listen", "insecure"}, cli.TLSFlags...)
	asking   = append([]string{"exit-code"}, reaching...)
)

func (p *program) lock() cli.Command {
	return cli.Command{
		Verb: "lock", Names: []string{"NAME"}, Flags: append([]string{"nodes"}, asking...),
		About: "take the lock NAME: true if it was free, false if it was held\n\n" + aboutNames,
		Examples: []string{
			"lockc lock demo",
			"lockc lock deploy/web -nodes 127.0.0.1:7101,127.0.0.1:7102",
			"lockc lock -exit-code demo && echo mine",
			"lockc lock -- -a-name-with-a-dash",
		},
		Codes: lockCodes,
		Run:   func(names []string) error { return p.ask(lockVerb, p.nodes, names[0]) },
	}
}

func (p *program) unlock() cli.Command {
	return cli.Command{
		Verb: "unlock", Names: []string{"NAME"}, Flags: append([]string{"nodes"}, asking...),
		About:    "free the lock NAME, whoever took it: true if it was held, false if it was free\n\n" + aboutNames,
		Examples: []string{"lockc unlock demo", "lockc unlock -timeout 1s demo"},
		Codes:    lockCodes,
		Run:      func(names []string) error { return p.ask(unlockVerb, p.nodes, names[0]) },
	}
}

func (p *program) labLock() cli.Command {
	return cli.Command{
		Verb: "-l", Names: []string{"PRIMARY", "BACKUP", "NAME"}, Flags: asking,
		About:    "like lock, naming both nodes\n\n" + aboutNames,
		Examples: []string{"lockc -l 127.0.0.1:7101 127.0.0.1:7102 demo"},
		Codes:    lockCodes,
		Run:      func(names []string) error { return p.askPair(lockVerb, names) },
	}
}

func (p *program) labUnlock() cli.Command {
	return cli.Command{
		Verb: "-u", Names: []string{"PRIMARY", "BACKUP", "NAME"}, Flags: asking,
		About:    "like unlock, naming both nodes\n\n" + aboutNames,
		Examples: []string{"lockc -u 127.0.0.1:7101 127.0.0.1:7102 demo"},
		Codes:    lockCodes,
		Run:      func(names []string) error { return p.askPair(unlockVerb, names) },
	}
}

func (p *program) status() cli.Command {
	return cli.Command{
		Verb: "status", Flags: append([]string{"nodes", "json"}, reaching...),
		About:    "show where each node stands, and what is not safe\n\n" + aboutStatus,
		Examples: []string{"lockc status", "lockc status -nodes 127.0.0.1:7102", "lockc status --json | jq '.nodes[].role'", "lockc status --json | jq -e '.warnings == []'"},
		Codes:    statusCodes,
		Run:      func([]string) error { return p.showStatus() },
	}
}

const aboutStatus = `A view is the numbered reign of one primary. INDEX is the last entry that a node has
applied; of a cluster, LOG and COMMITTED are where its log stands, LAG how many entries
it has less than the primary, and HEARD when the primary last heard it. Given one node
of a cluster, all of its members are shown. A node that does not answer is shown as
unreachable. Below the table are warnings: that no further node may fail, that one is
far behind, that two disagree on who belongs to them, and the like.

Paired nodes hold the same locks, and either can die without losing one.`

const aboutNames = `A name is 1 to 256 bytes of printable UTF-8. The lock has no owner: it stays taken
until somebody unlocks it. Prints "reply: true" or "reply: false".`
