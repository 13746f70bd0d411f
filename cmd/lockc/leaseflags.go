package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
	"lockstep/lock"
)

// leaseSettings are what run and elect take.
type leaseSettings struct {
	ttl, grace         time.Duration
	wait               time.Duration // zero: for ever
	noWait             bool
	busyCode           int
	shared             bool
	permits            permits
	and                []string
	maxHold, lockDelay time.Duration // zero: none
	info               map[string]string
	hold               bool // on-unavailable hold
	allowDeadlock      bool
	quiet              bool
}

// permits is N/M: so many of the lock's M. Zero is a lock without permits.
type permits struct{ n, of int }

// The flags of run and elect. Elect waits for ever: that is what it is for.
var (
	leaseFlags = append([]string{"nodes", "ttl", "grace", "shared", "permits", "and", "max-hold", "lock-delay", "info", "on-unavailable", "deadlock", "quiet"}, reaching...)
	runFlags   = append([]string{"wait", "no-wait", "busy-code"}, leaseFlags...)
)

// short are the flags of one letter.
var short = map[string]string{"w": "wait", "n": "no-wait", "s": "shared", "E": "busy-code", "q": "quiet"}

func (p *program) addLeaseFlags() {
	cli.Duration(p.Flags, &p.ttl, "ttl", "10s",
		"the `time` after which the nodes give the lock to another if they do not hear\nfrom us; we say that we live in a third of it", span(lock.MinTTL), span(lock.MaxTTL))
	cli.Duration(p.Flags, &p.grace, "grace", "5s",
		"the `time` that the command gets between TERM and KILL when its lock is about to\nbe lost; cut to a third of the TTL", 0, time.Hour)
	optional(p, &p.wait, "wait", "for ever",
		"the `time` to wait for the lock", "30s", 0, 30*24*time.Hour)
	cli.Bool(p.Flags, &p.noWait, "no-wait", "do not wait if the lock is held")
	cli.Int(p.Flags, &p.busyCode, "busy-code", strconv.Itoa(codeBusy),
		"the exit `code` if the lock cannot be had", 0, 255, "exit codes are not negative")
	cli.Bool(p.Flags, &p.shared, "shared", "hold the lock beside others that share it")
	cli.Var(p.Flags, &p.permits, "permits", "",
		"hold N of the M permits that the lock has, `N/M`, such as 1/3", parsePermits)
	cli.List(p.Flags, &p.and, "and", "a further lock `NAME`, all or nothing; may be given several times", parseName)
	optional(p, &p.maxHold, "max-hold", "none",
		"the `time` after which the lock is lost although we live", "1h", span(lock.MinMaxHold), span(lock.MaxMaxHold))
	optional(p, &p.lockDelay, "lock-delay", "none",
		"the `time` for which the lock stays closed if it is lost, for resources that\ncannot check tokens", "15s", 0, span(lock.MaxLockDelay))
	cli.Var(p.Flags, &p.info, "info", "",
		"`KEY=VALUE` to show to others; may be given several times", p.parseInfo)
	cli.Choice(p.Flags, &p.hold, "on-unavailable", "kill",
		"`what` becomes of the command when the nodes cannot be told in time that we live:\nkill it, or hold on, although another may get the lock then",
		[]string{"kill", "hold"}, []bool{false, true})
	cli.Choice(p.Flags, &p.allowDeadlock, "deadlock", "refuse",
		"`what` to do if waiting would close a circle of those who wait for each other:\nrefuse to wait, or report it and wait",
		[]string{"refuse", "report"}, []bool{false, true})
	cli.Bool(p.Flags, &p.quiet, "quiet", "say only what went wrong; that the lock is held is not")
}

// optional adds a flag for a time span that need not be given.
func optional(p *program, to *time.Duration, name, none, usage, example string, least, most time.Duration) {
	cli.Var(p.Flags, to, name, none, usage, func(s string) (time.Duration, error) {
		if s == none {
			return 0, nil
		}
		d, err := time.ParseDuration(s)
		if err != nil || d < least || d > most || d == 0 {
			return 0, fmt.Errorf("want a time span from %v to %v, such as %s", max(least, time.Millisecond), most, example)
		}
		return d, nil
	})
}

func parsePermits(s string) (permits, error) {
	if s == "" {
		return permits{}, nil
	}
	left, right, _ := strings.Cut(s, "/")
	n, err := strconv.Atoi(left)
	of, err2 := strconv.Atoi(right)
	if err != nil || err2 != nil || n < 1 || of < n || of > lock.MaxPermits {
		return permits{}, fmt.Errorf("want N/M, N of M permits, with M up to %d, such as 1/3", lock.MaxPermits)
	}
	return permits{n, of}, nil
}

func parseName(s string) (string, error) {
	if limit := lock.CheckName(s); limit != lock.NoLimit {
		return "", fmt.Errorf("%s", limit)
	}
	return s, nil
}

// parseInfo adds to what was given before.
func (p *program) parseInfo(s string) (map[string]string, error) {
	if s == "" {
		return map[string]string{}, nil
	}
	key, value, ok := strings.Cut(s, "=")
	if !ok || key == "" || cli.OneLine(s) != s {
		return nil, fmt.Errorf("want KEY=VALUE in one line, such as ticket=OPS-7")
	}
	if p.info == nil {
		p.info = map[string]string{}
	}
	p.info[key] = value
	return p.info, nil
}

// checkLease refuses flags that cannot be meant together.
func (p *program) checkLease() error {
	switch {
	case p.noWait && p.wait > 0:
		return cli.Misuse("-n and -w exclude each other: wait, or do not")
	case p.shared && p.permits.of > 0:
		return cli.Misuse("-s and --permits exclude each other: a lock is shared by all who want it, or by as many as it has permits")
	default:
		return nil
	}
}

// checkForm refuses what no node would take, whatever its state.
func (p *program) checkForm(names []string) error {
	if len(names) > lock.MaxNames {
		return cli.Misuse("%d locks are more than the %d that can be had together", len(names), lock.MaxNames)
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return cli.Misuse("%.60q is named twice: a lock is had once", name)
		}
	}
	return p.checkInfo()
}

// checkInfo counts what is shown to others: a line for each key.
func (p *program) checkInfo() error {
	size := -1 // the last line has no end
	for key, value := range p.info {
		size += len(key) + len("=") + len(value) + len("\n")
	}
	if size > lock.MaxInfoBytes {
		return cli.Misuse("-info: with the command's words these are %d bytes, more than the %d that can be shown", size, lock.MaxInfoBytes)
	}
	return nil
}

// options are what the flags ask for.
func (p *program) options(under lockstep.Holding) []lockstep.LockOption {
	all := []lockstep.LockOption{lockstep.Info(p.info)}
	if p.shared {
		all = append(all, lockstep.Shared())
	}
	if p.permits.of > 0 {
		all = append(all, lockstep.Permits(p.permits.n, p.permits.of))
	}
	if p.maxHold > 0 {
		all = append(all, lockstep.MaxHold(p.maxHold))
	}
	if p.lockDelay > 0 {
		all = append(all, lockstep.LockDelay(p.lockDelay))
	}
	if under.Token != 0 {
		all = append(all, lockstep.Under(under))
	}
	return all
}

func span(m lock.Millis) time.Duration { return time.Duration(m) * time.Millisecond }
