//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
)

// campaign is how run and elect come by their locks.
type campaign struct {
	*program
	names   []string
	options []lockstep.LockOption
	signals chan os.Signal
	argv    []string // the command
	path    string   // where it is; prepare finds it
}

// prepare returns the campaign for a lock's name and a command that can be
// executed.
func (p *program) prepare(words []string) (*campaign, error) {
	c, err := p.newCampaign(words[0], words[1:])
	if err != nil {
		return nil, err
	}
	c.path, err = executable(c.argv[0])
	return c, err
}

func (p *program) newCampaign(name string, argv []string) (*campaign, error) {
	if err := p.checkLease(); err != nil {
		return nil, err
	}
	if _, err := parseName(name); err != nil {
		return nil, cli.Misuse("%.40q is no name of a lock: %v", name, err)
	}
	under, err := p.under()
	if err != nil {
		return nil, err
	}
	names := append([]string{name}, p.and...)
	if _, ok := p.info["command"]; !ok { // what people look for is not lockc
		p.info["command"] = shorten(cli.OneLine(strings.Join(argv, " ")), mostWords)
	}
	if err := p.checkForm(names); err != nil {
		return nil, err
	}
	c := &campaign{program: p, names: names, options: p.options(under), signals: make(chan os.Signal, 16), argv: argv}
	listen(c.signals, enders)
	return c, nil
}

// endedBy is why a campaign is over that a signal has ended.
type endedBy syscall.Signal

func (s endedBy) Error() string { return syscall.Signal(s).String() }

// untilSignal is the context of a campaign.
func (c *campaign) untilSignal() (context.Context, func()) {
	ctx, end := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	listen(signals, enders)
	go func() {
		select {
		case s := <-signals:
			end(endedBy(s.(syscall.Signal)))
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		end(nil)
		signal.Stop(signals)
	}
}

// acquire tries first, which shows soon whether anybody is there, and then waits
// in line.
func (c *campaign) acquire(ctx context.Context) (*lockstep.Lease, error) {
	lease, err := c.try(ctx)
	if c.noWait || !errors.Is(err, lockstep.ErrHeld) {
		return lease, c.refusal(ctx, err)
	}
	c.notice("waiting: %s", heldText(err))
	return c.queue(ctx)
}

func (c *campaign) try(ctx context.Context) (*lockstep.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return c.client.TryAcquireAll(ctx, c.names, c.options...)
}

// queue waits in line.
func (c *campaign) queue(ctx context.Context) (*lockstep.Lease, error) {
	waiting, cancel := ctx, func() {}
	if c.wait > 0 {
		waiting, cancel = context.WithTimeout(ctx, c.wait)
	}
	defer cancel()
	lease, err := c.client.AcquireAll(waiting, c.names, c.options...)
	var deadlock *lockstep.DeadlockError
	if errors.As(err, &deadlock) && c.allowDeadlock {
		fmt.Fprintf(c.Stderr, "lockc: a deadlock, and waiting nevertheless: %s\n", deadlockText(deadlock))
		lease, err = c.client.AcquireAll(waiting, c.names, append(c.options, lockstep.AllowDeadlock())...)
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, c.outwaited(ctx)
	}
	return lease, c.refusal(ctx, err)
}

// outwaited tells a lock that stayed busy from nodes that are not there.
func (c *campaign) outwaited(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	info, err := c.client.Show(ctx, c.names[0])
	if err != nil {
		return cli.Fail(cli.Unavailable, "not granted within %v, and the nodes do not answer any more; %s", c.wait, c.blame(err, c.nodes))
	}
	return c.busy("not granted within %v: %s", c.wait, occupied(info, time.Now()))
}

// busy is how it ends if the lock cannot be had, which is what -q need not hear.
func (c *campaign) busy(format string, args ...any) error {
	if c.quiet {
		format, args = "", nil
	}
	return cli.Fail(c.busyCode, format, args...)
}

// refusal says what an error means for who wants the lock.
func (c *campaign) refusal(ctx context.Context, err error) error {
	var ended endedBy
	var deadlock *lockstep.DeadlockError
	switch {
	case err == nil:
		return nil
	case errors.As(context.Cause(ctx), &ended):
		return cli.Fail(signalled+int(ended), "%v while waiting for %s", ended, quoted(c.names))
	case errors.Is(err, lockstep.ErrHeld):
		return c.busy("%s", heldText(err))
	case errors.As(err, &deadlock):
		return c.busy("a deadlock: %s; lockc explain shows more, and --deadlock report waits nevertheless", deadlockText(deadlock))
	case errors.Is(err, lockstep.ErrInvalid):
		return cli.Fail(cli.NoPerm, "%s", cli.Plain(err))
	case errors.Is(err, lockstep.ErrUnknown), errors.Is(err, context.DeadlineExceeded):
		return cli.Fail(cli.Unavailable, "no definite answer within %v; %s", c.timeout, c.blame(err, c.nodes))
	default:
		return cli.Fail(cli.Unavailable, "%s", cli.Plain(err))
	}
}

// deadlockText says who waits for whom. One who waits for nobody but itself wants
// what is held around it.
func deadlockText(err *lockstep.DeadlockError) string {
	text := cli.OneLine(err.Cycle)
	if strings.Count(text, ", behind session ") == 1 {
		text += ": it is held by the lockc run that this one runs under, which goes on until this one has ended"
	}
	return text
}

func heldText(err error) string {
	var held *lockstep.HeldError
	if !errors.As(err, &held) {
		return cli.Plain(err)
	}
	held.Lock.Name = held.Name // also if nothing else is known
	return occupied(held.Lock, time.Now())
}
