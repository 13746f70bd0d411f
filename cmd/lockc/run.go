//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
)

// runUnder runs a command under a lock.
func (p *program) runUnder(words []string) error {
	c, err := p.prepare(words)
	if err != nil {
		return err
	}
	ctx, stop := c.untilSignal()
	defer stop()
	if err := p.dial(ctx, p.nodes); err != nil {
		return err
	}
	lease, err := c.acquire(ctx)
	if err != nil {
		return err
	}
	stop()
	end, err := c.lead(ctx, lease)
	if err != nil {
		return err
	}
	if end.lost != "" {
		return cli.Fail(codeLost, "%s", end.lost)
	}
	return cli.Fail(end.code, "")
}

// end is how a command under a lock has ended.
type end struct {
	code  int
	lost  string         // why it was ended, if it was
	asked syscall.Signal // the last signal that asked it to end, or zero
}

// lead runs the command while the lease lasts, and gives the lease back.
func (c *campaign) lead(ctx context.Context, lease *lockstep.Lease) (e end, err error) {
	defer func() { c.giveBack(lease, e.lost != "") }()
	var ended endedBy
	if errors.As(context.Cause(ctx), &ended) { // as the lock was granted
		return end{}, cli.Fail(signalled+int(ended), "%v before the command was started", ended)
	}
	ttl := c.ttl
	if c.maxHold > 0 {
		ttl = min(ttl, c.maxHold)
	}
	g := &guard{
		lease: lease, ending: newEnding(ttl, c.grace), hold: c.hold, maxHold: c.maxHold,
		signals: c.signals, notice: c.notice,
	}
	code, lost, err := g.run(c.path, c.argv, surroundings(os.Environ(), lease))
	e = end{code: code, asked: g.asked}
	if lost {
		e.lost = loss(lease, g.overheld(), g.ending.late)
	}
	return e, err
}

// loss says why a lease came to its end, or was about to.
func loss(lease *lockstep.Lease, overheld, late bool) string {
	names, err := quoted(lease.Names()), lease.Err()
	if err == nil && late && !overheld {
		err = lockstep.ErrLost // which the lease finds out a moment later
	}
	var revoked *lockstep.RevokedError
	switch {
	case errors.As(err, &revoked):
		return fmt.Sprintf("the lock %s was taken away while the command ran: %s", names, revoked.Reason)
	case errors.Is(err, lockstep.ErrExpired), err == nil && overheld:
		return fmt.Sprintf("the lock %s was held for its --max-hold: the command was ended", names)
	case err == nil:
		return fmt.Sprintf("the lock %s was about to be lost, as the nodes were not heard: the command was ended in time", names)
	default:
		return fmt.Sprintf("the lock %s was lost while the command ran: %s", names, cli.Plain(err))
	}
}

// How long giving a lock back may take: if nobody hears of it, it goes with the
// session.
const (
	giving = time.Second
	// parting is for what nobody may be there to hear.
	parting = 100 * time.Millisecond
)

// giveBack gives the lock back. That it fails changes nothing for the command, but
// who waits should know. One that was lost is over already, or nearly so: then the
// nodes hear of it only if they are there.
func (c *campaign) giveBack(lease *lockstep.Lease, lost bool) {
	patience := min(giving, c.timeout)
	c.farewell = 0
	if lost {
		patience, c.farewell = parting, parting
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	switch err := lease.Release(ctx); {
	case err == nil, lost, errors.Is(err, lockstep.ErrExpired), errors.Is(err, lockstep.ErrRevoked):
	case errors.Is(err, lockstep.ErrLost) && c.hold:
		fmt.Fprintf(c.Stderr, "lockc: the lock %s was lost while the command ran\n", quoted(c.names))
	case !errors.Is(err, lockstep.ErrLost):
		c.farewell = parting
		fmt.Fprintf(c.Stderr, "lockc: the nodes could not be told that %s is free: they find out within %v\n", quoted(c.names), c.ttl)
	}
}
