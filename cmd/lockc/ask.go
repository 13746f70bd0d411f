package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
	"lockstep/lock"
	"lockstep/observe/traces"
)

// verb is lock or unlock.
type verb struct {
	word string
	done string // what may or may not have happened
	call func(*lockstep.Clerk, context.Context, string) (bool, error)
}

var (
	lockVerb   = verb{"lock", "taken", (*lockstep.Clerk).Lock}
	unlockVerb = verb{"unlock", "freed", (*lockstep.Clerk).Unlock}
)

// askPair is the lab's form: primary, backup, name.
func (p *program) askPair(v verb, names []string) error {
	nodes := names[:2]
	if err := cli.CheckNodes(nodes); err != nil {
		return err
	}
	return p.ask(v, nodes, names[2])
}

// ask asks for one lock and prints the answer.
func (p *program) ask(v verb, nodes []string, name string) error {
	if limit := lock.CheckName(name); limit != lock.NoLimit {
		return cli.Misuse("%.40q is no name of a lock: %s", name, limit)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := p.dial(ctx, nodes); err != nil {
		return err
	}
	answer, err := p.call(ctx, v, name)
	stop() // a second control-C ends the program at once
	if err != nil {
		return p.explain(v, nodes, name, err)
	}
	if _, err := fmt.Fprintf(p.Stdout, "reply: %t\n", answer); err != nil {
		return cli.Fail(cli.IOError, "the answer is %t, but it cannot be printed: %v", answer, err)
	}
	if p.exitCode && !answer {
		return cli.Fail(cli.No, "")
	}
	return nil
}

func (p *program) call(ctx context.Context, v verb, name string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	return v.call(p.client.Clerk(), ctx, name)
}

// dial makes the client that close closes.
func (p *program) dial(ctx context.Context, nodes []string) (err error) {
	if err := p.check(nodes); err != nil {
		return err
	}
	p.client, err = p.another(ctx, nodes)
	return err
}

// another makes a client that whoever asks for it closes.
func (p *program) another(ctx context.Context, nodes []string) (*lockstep.Client, error) {
	opts := []lockstep.Option{
		lockstep.WithListen(p.listen), lockstep.WithTTL(p.ttl), lockstep.WithInfo(p.presence()),
	}
	if p.insecure {
		opts = append(opts, lockstep.WithInsecure())
	}
	if p.tls.Given() {
		opts = append(opts, lockstep.WithTLS(p.tls.Certificate, p.tls.Key, p.tls.Authorities))
	}
	if in, ok := traces.Parse(p.Getenv(traceparent)); ok && in.Sampled() {
		opts = append(opts, lockstep.WithTracer(traces.Below(in)))
	}
	client, err := lockstep.Dial(ctx, nodes, opts...)
	if err != nil {
		// The nodes' addresses were checked: it is our own end that cannot work.
		return nil, cli.Misuse("%s", cli.Plain(err))
	}
	return client, nil
}

// presence is what others see of this client besides host, user and pid: the
// command that runs under its lock, or its own.
func (p *program) presence() map[string]string {
	command := p.info["command"]
	if command == "" {
		command = p.Doing()
	}
	return map[string]string{"command": shorten(command, mostWords)}
}

// check refuses what cannot work, before anybody is asked.
func (p *program) check(nodes []string) error {
	if err := cli.CheckReachable(p.listen); err != nil {
		return err
	}
	if _, err := cli.OpenTLS(p.tls, p.insecure, nil); err != nil {
		return err
	}
	if err := cli.CheckListen(p.listen, p.insecure || p.tls.Given()); err != nil {
		return err
	}
	return mistyped(nodes)
}

// close makes one attempt at closing the session. If no node hears of it, it
// expires after its TTL.
func (p *program) close() {
	if p.client == nil {
		return
	}
	closed := make(chan struct{})
	go func() {
		_ = p.client.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-p.enough():
	}
}

// enough speaks up when there is no more time for farewells.
func (p *program) enough() <-chan time.Time {
	if p.farewell == 0 {
		return nil
	}
	return time.After(p.farewell)
}

// explain says what an error means for the lock.
func (p *program) explain(v verb, nodes []string, name string, err error) error {
	unknown := fmt.Sprintf("whether %.40q was %s is unknown", name, v.done)
	switch {
	case errors.Is(err, context.Canceled):
		return cli.Fail(cli.Interrupted, "interrupted before an answer came: %s", unknown)
	case errors.Is(err, lockstep.ErrUnknown):
		return cli.Fail(cli.Unavailable, "no definite answer within %v: %s; %s",
			p.timeout, unknown, p.blame(err, nodes))
	case errors.Is(err, lockstep.ErrForbidden):
		return cli.Fail(cli.NoPerm, "%s", cli.Plain(err))
	case errors.Is(err, lockstep.ErrIncompatible):
		return cli.Fail(cli.Protocol, "%s", cli.Plain(err))
	case errors.Is(err, lockstep.ErrInvalid), errors.Is(err, lockstep.ErrOverloaded):
		return cli.Fail(cli.TempFail, "%s", cli.Plain(err))
	default: // the session was lost
		return cli.Fail(cli.Unavailable, "%s", cli.Plain(err))
	}
}

// notice says what is no answer and no failure.
func (p *program) notice(format string, args ...any) {
	if !p.quiet {
		fmt.Fprintf(p.Stderr, "lockc: %s\n", cli.OneLine(fmt.Sprintf(format, args...)))
	}
}
