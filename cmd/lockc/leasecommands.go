package main

import "lockstep/cmd/internal/cli"

// The commands of locks that have owners.

func (p *program) runCommand() cli.Command {
	return cli.Command{
		Verb: "run", Names: []string{"NAME"}, Rest: "COMMAND [ARG...]", Flags: runFlags,
		About: `run a command while the lock NAME is held; exit with the command's own code

The command finds LOCK_NAME, LOCK_TOKEN and LOCK_SESSION in its environment; lockc
itself writes nothing to stdout. The token rises with every grant: a resource that
remembers the highest one can refuse whoever comes too late. Others see the command's
words in lockc ls and show; --info command=TEXT shows them something else. In a job
whose trace is kept, with TRACEPARENT in the environment, the nodes tell of what they do
below that span.

` + aboutGroup,
		Examples: []string{
			"lockc run deploy/web -- make deploy",
			"lockc run -n cron/backup -- /usr/local/bin/backup     # not at all if it runs already",
			"lockc run -w 30s -E 0 cron/report -- report           # give up quietly after 30 s",
			"lockc run -s data -- reader                           # beside others that share it",
			"lockc run --permits 1/3 gpu -- train                  # three at once",
			"lockc run --and db/b --and db/c db/a -- copy          # all or nothing",
			"lockc run --ttl 30s --grace 10s x -- slow-to-stop     # 10 s between TERM and KILL",
			"lockc run --max-hold 1h --lock-delay 15s x -- job",
		},
		Codes: runCodes,
		Run:   p.runUnder,
	}
}

func (p *program) electCommand() cli.Command {
	return cli.Command{
		Verb: "elect", Names: []string{"NAME"}, Rest: "COMMAND [ARG...]", Flags: leaseFlags,
		About: `run a command as the leader of NAME, and be a candidate again when the lead is lost

There is one leader at a time: a command whose lead is lost is ended. lockc elect ends
when the command ends by itself, with its code, or by a signal.

` + aboutGroup,
		Examples: []string{
			"lockc elect scheduler -- ./scheduler",
			"lockc elect --ttl 3s scheduler -- ./scheduler   # another leads 3 s after a crash",
		},
		Codes: runCodes,
		Run:   p.elect,
	}
}

const aboutGroup = `The command runs in a process group of its own, and gets the terminal if lockc had
it. INT, TERM, HUP, QUIT, USR1, USR2 and WINCH are passed on to all of the group.
When the lock is about to be lost the group gets TERM, and KILL early enough that it
is gone before another can have the lock. What is left of the group when the command
has ended is ended too. Who leaves the group (setsid) escapes all that, except that on
Linux it is killed when the lock is lost while the command runs. If lockc itself is
killed with KILL, Linux kills the command, but not what that has started. A command
that was stopped with control-Z loses its lock after the TTL: nobody keeps it alive.`

func (p *program) lsCommand() cli.Command {
	return cli.Command{
		Verb: "ls", Names: []string{"PREFIX"}, Optional: true,
		Flags: append([]string{"nodes", "json", "waiters", "watch"}, reaching...),
		About: `list the locks that are held or waited for, like a directory

Names form a tree by "/": what has a further one behind PREFIX is shown as a folder
with counts, folders first. ` + aboutJSON + `{"prefix", "folders": [{"name", "locks",
"waiters"}], "locks": [LOCK]}; with --watch, one such line for each picture.

` + aboutLock,
		Examples: []string{"lockc ls", "lockc ls deploy/", "lockc ls --waiters", "lockc ls --watch", "lockc ls --json | jq -r '.locks[].name'"},
		Codes:    lookCodes,
		Run: func(names []string) error {
			prefix := ""
			if len(names) > 0 {
				prefix = names[0]
			}
			return p.ls(prefix)
		},
	}
}

const aboutJSON = "With --json it prints one line,\n"

const aboutLock = `A LOCK is {"name", "ownerless", "delayed", "of", "holders": [HOLDER], "waiters": count,
"queue": [WAITER]}; a HOLDER {"session", "token", "mode", "permits", "count", "since",
"max_hold_ms", "info", "owner": SESSION}; a WAITER {"session", "mode", "permits",
"since", "names", "info", "owner": SESSION}; a SESSION {"id", "ttl_ms", "info", "since",
"holds", "waits", "heard_ms_ago"}. A mode is exclusive, shared or permits; tokens are
strings; times are RFC 3339; what is empty may be left out. Fields are added, never
changed.`

func (p *program) showCommand() cli.Command {
	return cli.Command{
		Verb: "show", Names: []string{"NAME"}, Flags: append([]string{"nodes", "json"}, reaching...),
		About:    "show all that is known of the lock NAME: holders, queue, tokens\n\n" + aboutJSON + "a LOCK.\n\n" + aboutLock,
		Examples: []string{"lockc show demo", "lockc show demo --json | jq -r '.holders[0].token'"},
		Codes:    lookCodes,
		Run:      func(names []string) error { return p.showLock(names[0]) },
	}
}

func (p *program) explainCommand() cli.Command {
	return cli.Command{
		Verb: "explain", Names: []string{"NAME"}, Flags: append([]string{"nodes", "json", "session"}, reaching...),
		About: `say why the lock NAME cannot be had now: who holds it, who is ahead, what will free it

Under lockc run it also says what this run holds that others wait for.
` + aboutJSON + `{"name", "free", "free_shared", "free_permits", "lock": LOCK, "session", "place",
"ahead": [WAITER], "mine": [LOCK], "frees": [{"by", "session", "within_ms"}],
"deadlocks": [[STEP]]}. free says that anybody can have it at once, free_shared that
those who share it can, free_permits how many of its permits can be had so. by is one of
release, expiry, max_hold, lock_delay, unlock, turn.

` + aboutStep + "\n\n" + aboutLock,
		Examples: []string{"lockc explain demo", "lockc explain demo --session 0000010000000002"},
		Codes:    lookCodes,
		Run:      func(names []string) error { return p.explainLock(names[0]) },
	}
}

const aboutStep = `A STEP is {"session", "holds", "waits", "info", "possible"}. It waits for what the next
one keeps from it, and the last for what the first does. holds is what it keeps from the
one before: it was asked under that lock, or is ahead in its queue. possible is set if it
may let go of that while it waits, so that there may be no deadlock.`

func (p *program) historyCommand() cli.Command {
	return cli.Command{
		Verb: "history", Names: []string{"NAME"}, Flags: append([]string{"nodes", "json", "at"}, reaching...),
		About: `show who had the lock NAME and when, or who had it at a moment

The nodes remember the last 16 times that each lock was held, and 65,536 of all locks;
what is over is forgotten, the oldest first, and a line says from when on nothing is
missing. Times are by the clocks of the nodes, which may differ a little; tokens rise
in the order of the grants. A time of day without a zone is that of this machine.
` + aboutJSON + `{"name", "complete", "begins", "tenures": [TENURE]}, in the order of the grants,
and with --at also {"at", "sure"} and the tenures of that moment. complete says that
nothing is missing, begins else from when on; sure that nobody else can have had it then.

A TENURE is {"session", "token", "mode", "permits", "of", "granted", "waited_ms", "ended",
"how", "reason", "by", "by_owner", "info", "owner"}. how is one of released, closed (with
its session), expired, revoked (by the session in by, for a reason), overheld (longer than
it was to be), and is absent while it lasts. owner is what the session says of itself.`,
		Examples: []string{
			"lockc history deploy/web",
			"lockc history deploy/web --at 14:05              # who had it then, by this machine's zone",
			"lockc history deploy/web --at 2026-11-22T14:05Z",
			"lockc history deploy/web --at -10m               # ten minutes ago",
			"lockc history deploy/web --json | jq -r '.tenures[-1].owner.user'",
		},
		Codes: lookCodes,
		Run:   func(names []string) error { return p.history(names[0]) },
	}
}

func (p *program) watchCommand() cli.Command {
	return cli.Command{
		Verb: "watch", Names: []string{"PREFIX"}, Flags: append([]string{"nodes", "json"}, reaching...),
		About: `print what happens to the locks whose names begin with PREFIX, until control-C

An empty PREFIX, '', stands for all locks, and shows sessions too. When both nodes are
gone that is said on stderr, and it goes on when one is back. With --json each
line is {"kind", "index", "at", "name", "session", "token", "mode", "reason",
"span_ms"}. The first kind is began: what happens later is shown. Others are missed
(more has happened than the nodes remember), acquired, released, expired, revoked,
overheld, reopened, wait_began, wait_ended, session_opened, session_closed and
session_ended.`,
		Examples: []string{"lockc watch deploy/", "lockc watch '' --json"},
		Codes:    lookCodes,
		Run:      func(names []string) error { return p.watchLocks(names[0]) },
	}
}

func (p *program) releaseCommand() cli.Command {
	return cli.Command{
		Verb: "release", Names: []string{"NAME"}, Flags: append([]string{"nodes", "force", "reason"}, asking...),
		About: `take the lock NAME away from whoever holds it: true if it was held

The next in the queue has it at once, while what the loser has begun may still go on:
its command is told and ended within a second. Prints "reply: true" or "reply: false".`,
		Examples: []string{`lockc release --force deploy/web --reason "stuck since noon, see OPS-7"`},
		Codes:    releaseCodes,
		Run:      func(names []string) error { return p.revoke(names[0]) },
	}
}

func (p *program) sessionsCommand() cli.Command {
	return cli.Command{
		Verb: "sessions", Flags: append([]string{"nodes", "json"}, reaching...),
		About: `list the clients: who they are, when they were heard, what they hold and wait for

` + aboutJSON + `{"sessions": [{"id", "ttl_ms", "info", "since", "holds", "waits", "heard_ms_ago"}]}.`,
		Examples: []string{"lockc sessions", "lockc sessions --json | jq '.sessions | length'"},
		Codes:    lookCodes,
		Run:      func([]string) error { return p.sessions() },
	}
}

func (p *program) deadlocksCommand() cli.Command {
	return cli.Command{
		Verb: "deadlocks", Flags: append([]string{"nodes", "json"}, reaching...),
		About: `list the circles of those who wait for each other

There are some only if somebody has allowed it (--deadlock report): otherwise the wait
that closes a circle is refused.
` + aboutJSON + `{"deadlocks": [[STEP]]}.

` + aboutStep,
		Examples: []string{"lockc deadlocks", "lockc deadlocks --json"},
		Codes:    lookCodes,
		Run:      func([]string) error { return p.deadlocks() },
	}
}
