package main

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/cmd/internal/cli"
)

const verbRun = "run"

// lockKind is what is measured.
type lockKind int

const (
	ownerlessLocks lockKind = iota
	leasedLocks
	bothLocks
)

var lockWords = []string{"ownerless", "leases", "both"}

func (k lockKind) String() string { return lockWords[k] }

// The flags that several commands take.
var (
	pairFlags  = slices.Concat([]string{"nodes", "spawn", "quorum", "durability", "lockd", "pids", "timeout", "json", "quiet", "listen", "insecure", "cpuprofile"}, cli.TLSFlags)
	crewFlags  = []string{"clients", "goroutines", "duration", "warm-up", "count", "runs"}
	holdFlags  = []string{"held", "ttl", "duration"}
	idleFlags  = []string{"sessions", "ttl", "duration"}
	loadFlags  = slices.Concat([]string{"names", "locks", "floor"}, crewFlags, pairFlags)
	sideFlags  = slices.Concat([]string{"names", "locks", "lockd", "timeout", "json", "quiet", "listen", "insecure"}, crewFlags)
	apiFlags   = slices.Concat([]string{"callers", "api", "duration", "warm-up", "runs"}, pairFlags)
	floodFlags = []string{"attacks", "pace", "duration", "runs", "quorum", "durability", "lockd", "timeout", "json", "quiet", "listen"}
	readsFlags = slices.Concat([]string{"readers"}, crewFlags, pairFlags)
)

func (p *program) run() cli.Command {
	return cli.Command{
		Verb:  verbRun,
		Flags: loadFlags,
		About: "put nodes under load and check every answer; \"run\" need not be typed\n\n" +
			"Each caller takes a lock and frees it, over and over. With own names every answer must\n" +
			"be true; true locks and true unlocks of one name must differ by at most one. Of leases\n" +
			"no two may exclude each other, and tokens must rise. That holds whatever happens to one\n" +
			"of the nodes meanwhile: kill one and see. An interrupt ends the run early, and what was\n" +
			"measured is shown.",
		Examples: []string{
			"lockload -clients 200",
			"lockload -clients 200 -nodes 127.0.0.1:7101,127.0.0.1:7102 -duration 30s",
			"lockload -goroutines 1024 -spawn --floor -runs 5",
			"lockload -goroutines 256 -locks both -spawn -duration 2s -runs 5",
			"lockload -clients 200 -spawn -quorum -durability memory",
			"lockload -goroutines 1 -count 10000 --json",
			"lockload -names one -clients 50",
		},
		Run: func([]string) error { return p.start(p.measure) },
	}
}

func (p *program) handOff() cli.Command {
	return cli.Command{
		Verb:  "handoff",
		Flags: slices.Concat(crewFlags, pairFlags),
		About: "hand one lock on among callers that all wait for it\n\n" +
			"Each caller acquires the lock, waits for it, and releases it, over and over. First they\n" +
			"queue one after the other, and must be served in that order. No two may hold the lock at\n" +
			"once, tokens must rise, and nobody may be left out.",
		Examples: []string{
			"lockload handoff -clients 16 -spawn",
			"lockload handoff -goroutines 16 -spawn -runs 5 --json",
		},
		Run: func([]string) error { return p.share(0, true) },
	}
}

func (p *program) readers() cli.Command {
	return cli.Command{
		Verb:  "readers",
		Flags: readsFlags,
		About: "let readers and writers wait for one lock\n\n" +
			"Each caller acquires the lock, shared or alone, and releases it, over and over. Nobody\n" +
			"may hold it beside a writer, and tokens must rise from writer to writer.",
		Examples: []string{
			"lockload readers -clients 64 -spawn",
			"lockload readers -goroutines 64 -readers 50 -runs 3",
		},
		Run: func([]string) error { return p.share(p.plan.readers, false) },
	}
}

// share measures one lock that all callers wait for.
func (p *program) share(readers int, lineUp bool) error {
	p.locks = leasedLocks
	p.plan.workload, p.plan.wait, p.plan.readers, p.plan.lineUp = oneName, true, readers, lineUp
	return p.start(p.measure)
}

func (p *program) hold() cli.Command {
	return cli.Command{
		Verb:  "hold",
		Flags: slices.Concat(holdFlags, pairFlags),
		About: "hold many locks, and see what memory they take on each node\n\n" +
			"As many clients as it takes hold the locks for a while. Every token must be another,\n" +
			"nobody else may be granted what is held, and every release must find its lock.",
		Examples: []string{
			"lockload hold -spawn",
			"lockload hold -held 1000000 -nodes 127.0.0.1:7101,127.0.0.1:7102 -pids 812,813 --json",
		},
		Run: func([]string) error {
			return p.keep(keepPlan{work: "hold", locks: p.held, clients: (p.held + perSession - 1) / perSession})
		},
	}
}

func (p *program) idle() cli.Command {
	return cli.Command{
		Verb:  "idle",
		Flags: slices.Concat(idleFlags, pairFlags),
		About: "keep many idle sessions alive, and see what processor time they take on each node\n\n" +
			"Each client holds one lock and does nothing for three TTLs, or for -duration. No\n" +
			"session may expire, and every release must find its lock.",
		Examples: []string{
			"lockload idle -spawn",
			"lockload idle -sessions 1000 -ttl 2s -duration 10s -spawn --json",
		},
		Run: func([]string) error {
			if !p.Given("duration") {
				p.plan.duration = 3 * p.ttl
			}
			return p.keep(keepPlan{work: "idle", locks: p.sessions, clients: p.sessions, tick: idleTick})
		},
	}
}

func (p *program) compare() cli.Command {
	return cli.Command{
		Verb:  "compare",
		Flags: sideFlags,
		About: "measure a pair and three nodes, in memory and on disk, one after the other\n\n" +
			"Each is spawned for its turn alone. Ratios are to the pair in memory of the same run.",
		Examples: []string{
			"lockload compare -goroutines 1024 -runs 5",
			"lockload compare -goroutines 256 -locks leases -duration 2s --json",
		},
		Run: func([]string) error { return p.compareAll() },
	}
}

func (p *program) besideAPI() cli.Command {
	return cli.Command{
		Verb:  "api",
		Flags: apiFlags,
		About: "measure the public API beside the Go client, in turns\n\n" +
			"Each caller takes a lock of its own and releases it, over and over: with the Go client,\n" +
			"with gRPC on one connection, and with JSON over HTTP/1.1 on a connection for each. The\n" +
			"callers of each way share a session that is kept alive. The API is asked at the primary;\n" +
			"every answer is checked. Ratios are to the Go client of the same run.",
		Examples: []string{
			"lockload api -spawn -quorum -runs 5",
			"lockload api -callers 64 -spawn -durability memory --json",
			"lockload api -nodes 10.0.0.1:7101,10.0.0.2:7101,10.0.0.3:7101 -api 10.0.0.1:7180 -tls-cert bench.crt -tls-key bench.key -tls-ca ca.crt",
		},
		Run: func([]string) error {
			p.withAPI, p.plan.leases = true, true
			return p.start(p.measureAPI)
		},
	}
}

func (p *program) flood() cli.Command {
	return cli.Command{
		Verb:  "flood",
		Flags: floodFlags,
		About: "attack a node's public port, and see how others fare beside it\n\n" +
			"Nodes with certificates, tokens and rules are spawned. A few callers take locks and\n" +
			"release them at a steady pace: with the Go client, with gRPC, with JSON. Each attack in\n" +
			"turn comes from 127.0.0.2, out of another process that has what is left of the processors'\n" +
			"time: what an attack costs the node shows, and not that attackers share its processors.\n" +
			"It comes right after a time without one. Shown are the p99 of both times and their ratio,\n" +
			"and how the node counted what it refused. The attacks:\n\n" + aboutAttacks(),
		Examples: []string{
			"lockload flood -quorum -runs 5",
			"lockload flood -attacks flood,idle -duration 10s -durability memory --json",
		},
		Run: func([]string) error {
			p.plan.leases, p.plan.warmUp, p.plan.pace = true, 0, p.pace
			return p.floodAll()
		},
	}
}

func aboutAttacks() string {
	var text strings.Builder
	for i, a := range attacks {
		if i > 0 {
			text.WriteString("\n")
		}
		fmt.Fprintf(&text, "    %-12s  %s", a.name, a.about)
	}
	return text.String()
}
