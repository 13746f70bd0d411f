//go:build unix

package main

import (
	"errors"
	"time"

	"lockstep/cmd/internal/cli"
)

// breath is how long a candidate waits before it asks nodes again that have just
// refused or failed it.
const breath = time.Second

// elect runs a command whenever this process is the leader, until the command
// ends by itself.
func (p *program) elect(words []string) error {
	c, err := p.prepare(words)
	if err != nil {
		return err
	}
	for first := true; ; first = false {
		e, err := c.term(first)
		switch {
		case err != nil:
			return err
		case e.lost == "":
			return cli.Fail(e.code, "")
		case e.asked != 0:
			return cli.Fail(signalled+int(e.asked), "%s; %v: not a candidate any more", e.lost, e.asked)
		}
		c.notice("%s; a candidate again", e.lost)
	}
}

// term is one time of being a candidate and then the leader.
func (c *campaign) term(first bool) (end, error) {
	ctx, stop := c.untilSignal()
	defer stop()
	if first {
		if err := c.dial(ctx, c.nodes); err != nil {
			return end{}, err
		}
	}
	lease, err := c.acquire(ctx)
	for failing(err) && !first && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(breath):
		}
		lease, err = c.queue(ctx)
	}
	if err != nil {
		return end{}, err
	}
	stop()
	c.notice("the leader of %s, with token %v", quoted(c.names), lease.Token())
	return c.lead(ctx, lease)
}

// failing reports whether the nodes were not there: they may come back.
func failing(err error) bool {
	var failure *cli.Failure
	return errors.As(err, &failure) && failure.Code == cli.Unavailable
}
