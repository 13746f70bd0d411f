package main

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"lockstep/api"
	"lockstep/cmd/internal/cli"
	"lockstep/lock"
	"lockstep/trust"
)

// settings are what flags and environment say.
type settings struct {
	nodes      []string
	spawn      bool
	lockd      string
	withAPI    bool   // the nodes have public ports
	api        string // the public port of one of the nodes that were named
	quorum     bool
	durability string
	pids       []int
	clients    int
	goroutines int
	callersAt  []int
	attacks    []attack
	pace       time.Duration
	plan       plan
	locks      lockKind
	held       int
	sessions   int
	ttl        time.Duration
	floor      bool
	runs       int
	json       bool
	quiet      bool
	listen     string
	insecure   bool
	tls        trust.Files
	cpuProfile string
}

// program is lockload.
type program struct {
	*cli.Program
	settings
}

// Limits of what can be asked for.
const (
	maxCallers = 16_000 // a client lets this many calls wait
	maxRuns    = 1000
	maxWaiting = 1000 // a session has this many waits

	maxHeld     = lock.MaxLocks / 2
	maxSessions = 100_000 // the nodes take some more
	maxCount    = 1 << 40
)

func newProgram() *program {
	p := &program{Program: cli.New("lockload", "puts Lockstep nodes under load and checks every answer.")}
	p.addFlags()
	p.Commands = []cli.Command{p.run(), p.handOff(), p.readers(), p.hold(), p.idle(), p.compare(), p.besideAPI(), p.flood()}
	p.Commands, p.Implied = append(p.Commands, p.OwnCommands()...), verbRun
	p.Codes = []cli.Code{
		{Code: cli.OK, Meaning: "every answer was right, and every caller was going at the end"},
		{Code: exitWrong, Meaning: "wrong answers: a lock was granted twice, or lost"},
		{Code: cli.Usage, Meaning: "the command line is wrong; no node was asked"},
		{Code: cli.Unavailable, Meaning: "no answer, or some callers had none in the end, or sessions expired"},
		{Code: cli.IOError, Meaning: "the report could not be printed"},
	}
	return p
}

// exitWrong says that the service gave an answer that it must never give.
const exitWrong = 1

func (p *program) addFlags() {
	f, s := p.Flags, &p.settings
	cli.Nodes(f, &s.nodes, "nodes", cli.DefaultPrimary+","+cli.DefaultBackup, "the nodes under load: `A,B` of a pair, the primary first, or all of a cluster;\nwithout this flag lockload runs a pair of its own")
	cli.Bool(f, &s.spawn, "spawn", "run the pair as two lockd processes, whose processor time is then shown by itself;\nelse both nodes run in this process")
	cli.Bool(f, &s.quorum, "quorum", "with -spawn: three nodes instead of a pair")
	cli.Choice(f, &s.durability, "durability", "default", "with -spawn: whether what the nodes answer is on `disk`: fsync, memory, or default,\nwhich is what they do by themselves", []string{"default", "fsync", "memory"}, []string{"", "fsync", "memory"})
	cli.String(f, &s.lockd, "lockd", "", "with -spawn: the `path` of lockd, if it is not beside lockload or on the PATH")
	cli.Var(f, &s.pids, "pids", "", "`process ids` of nodes on this machine whose processor time is to be shown, with commas", parsePIDs)
	cli.Choice(f, &s.locks, "locks", "ownerless", "which `kind` of locks: ownerless, leases, or both in turns, which shows what leases cost", lockWords, []lockKind{ownerlessLocks, leasedLocks, bothLocks})
	count(f, &s.clients, "clients", "64", "how `many` client actors, each with a session of its own", 0, maxCallers)
	count(f, &s.goroutines, "goroutines", "0", "instead of -clients: how `many` goroutines on one client", 0, maxCallers)
	cli.Var(f, &s.callersAt, "callers", "1,64,256", "how `many` ask at the same time, with commas: each number is measured", parseCallers)
	cli.Var(f, &s.api, "api", "", "with -nodes: the public `address` of one of them, host:port or unix:PATH", parseAPI)
	cli.Var(f, &s.attacks, "attacks", "all", "which `attacks`, with commas: "+strings.Join(attackNames(), ", ")+"; or all", parseAttacks)
	cli.Duration(f, &s.pace, "pace", "100ms", "how `long` from one round of a caller to the next: nodes and callers on one machine must\nleave it room to be attacked", time.Millisecond, time.Minute)
	cli.Choice(f, &s.plan.workload, "names", "own", "which `names` are locked: own (each caller its own), one (all the same), or mix", workloadWords, []workload{ownNames, oneName, mixed})
	count(f, &s.plan.readers, "readers", "90", "how much `percent` of the grants are shared", 0, percent)
	count(f, &s.held, "held", "100000", "how `many` locks are held at once", 1, maxHeld)
	count(f, &s.sessions, "sessions", "10000", "how `many` clients there are, each with a session of its own", 1, maxSessions)
	cli.Duration(f, &s.ttl, "ttl", "10s", "how `long` the nodes wait for a sign of life", time.Second, time.Hour)
	cli.Duration(f, &s.plan.duration, "duration", "5s", "for how `long` to measure", 10*time.Millisecond, 24*time.Hour)
	cli.Duration(f, &s.plan.warmUp, "warm-up", "500ms", "how `long` to ask, and check the answers, before measuring; none with -count", 0, time.Hour)
	count(f, &s.plan.count, "count", "0", "instead of -duration: how `many` operations in all", 0, maxCount)
	cli.Duration(f, &s.plan.timeout, "timeout", "10s", "how `long` a request waits before its outcome counts as unknown", time.Millisecond, time.Hour)
	cli.Bool(f, &s.floor, "floor", "measure raw TCP, too: client to primary to backup and back, as many requests outstanding")
	count(f, &s.runs, "runs", "1", "how `often` to do it all; medians are shown", 1, maxRuns)
	cli.Bool(f, &s.json, "json", "print one JSON object")
	cli.Bool(f, &s.quiet, "quiet", "show no progress")
	cli.String(f, &s.listen, "listen", "127.0.0.1:0", "the `address` on which the nodes reach this client; port 0 takes a free one")
	cli.Bool(f, &s.insecure, "insecure", "allow -listen an address that other machines can reach without certificates; nothing is encrypted")
	cli.TLS(f, &s.tls)
	cli.String(f, &s.cpuProfile, "cpuprofile", "", "write a profile of this process to a `file`")
}

// count adds a flag for a whole number within bounds.
func count[T int | int64](flags *flag.FlagSet, to *T, name, def, usage string, least, most T) {
	cli.Var(flags, to, name, def, usage, func(s string) (T, error) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < int64(least) || n > int64(most) {
			return 0, fmt.Errorf("want a whole number from %d to %d", least, most)
		}
		return T(n), nil
	})
}

// check refuses settings that exclude each other.
func (p *program) check() error {
	for _, pair := range [][2]string{
		{"nodes", "spawn"}, {"clients", "goroutines"}, {"duration", "count"},
	} {
		if p.Given(pair[0]) && p.Given(pair[1]) {
			return cli.Misuse("-%s and -%s exclude each other: give one of them", pair[0], pair[1])
		}
	}
	if p.tls.Given() && !p.Given("nodes") {
		return cli.Misuse("-tls-cert is for nodes that run already: name them with -nodes")
	}
	if err := cli.CheckTLS(p.tls, p.insecure); err != nil {
		return err
	}
	if p.lockd != "" && !p.spawn {
		return cli.Misuse("-lockd says which lockd -spawn starts: add -spawn, or leave it out")
	}
	if (p.quorum || p.durability != "") && !p.spawn {
		return cli.Misuse("-quorum and -durability say which nodes -spawn starts: add -spawn, or leave them out")
	}
	if p.withAPI && p.Given("nodes") != (p.api != "") {
		return cli.Misuse("-nodes and -api go together here: the one is where clients of Go ask, the other where everybody else does")
	}
	if p.callers() == 0 {
		return cli.Misuse("nobody would ask: give -clients or -goroutines a number above zero")
	}
	if p.plan.wait && p.goroutines > maxWaiting {
		return cli.Misuse("%d goroutines cannot wait on one client: at most %d can, or any number of -clients", p.goroutines, maxWaiting)
	}
	if p.plan.count > 0 {
		p.plan.warmUp = 0
	}
	return nil
}

// callers is how many there will be, of either kind.
func (p *program) callers() int {
	if p.goroutines > 0 {
		return p.goroutines
	}
	return p.clients
}

// parseCallers reads numbers with commas between them.
func parseCallers(text string) (all []int, err error) {
	for field := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || n < 1 || n > maxCallers {
			return nil, fmt.Errorf("want whole numbers from 1 to %d with commas between them, such as 1,64", maxCallers)
		}
		all = append(all, n)
	}
	return all, nil
}

func parseAPI(address string) (string, error) {
	if path, ok := api.UnixPath(address); ok {
		return address, api.CheckUnixPath(path)
	}
	if address == "" {
		return "", nil
	}
	return address, cli.CheckAddress(address)
}
