package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"lockstep"
	"lockstep/cmd/internal/cli"
	"lockstep/lock"
)

// look runs what only asks, until control-C.
func (p *program) look(ask func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := p.dial(ctx, p.nodes); err != nil {
		return err
	}
	return ask(ctx)
}

// answer gets one answer within the time-out.
func answer[T any](p *program, ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	asking, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	got, err := ask(asking)
	return got, p.silence(ctx, err)
}

// silence says what it means that there is no answer.
func (p *program) silence(ctx context.Context, err error) error {
	var failure *cli.Failure
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failure):
		return err
	case ctx.Err() != nil:
		return cli.Fail(cli.Interrupted, "")
	case errors.Is(err, lockstep.ErrUnknown), errors.Is(err, context.DeadlineExceeded), errors.Is(err, lockstep.ErrNoAnswer):
		return cli.Fail(cli.Unavailable, "no answer within %v; %s", p.timeout, p.blame(err, p.nodes))
	case errors.Is(err, lockstep.ErrForbidden):
		return cli.Fail(cli.NoPerm, "%s", cli.Plain(err))
	case errors.Is(err, lockstep.ErrIncompatible):
		return cli.Fail(cli.Protocol, "%s", cli.Plain(err))
	case errors.Is(err, lockstep.ErrInvalid):
		return cli.Fail(cli.NoPerm, "%s", cli.Plain(err))
	default:
		return cli.Fail(cli.Unavailable, "%s", cli.Plain(err))
	}
}

// show prints the form for programs or that for people.
func (p *program) show(form any, text string) error {
	var err error
	if p.json {
		encoder := json.NewEncoder(p.Stdout)
		encoder.SetEscapeHTML(false) // commands have "<" and ">" in them
		err = encoder.Encode(form)
	} else {
		_, err = fmt.Fprint(p.Stdout, text)
	}
	if err != nil {
		return cli.Fail(cli.IOError, "the answer cannot be printed: %v", err)
	}
	return nil
}

func checkName(name string) error {
	if limit := lock.CheckName(name); limit != lock.NoLimit {
		return cli.Misuse("%.40q is no name of a lock: %s", name, limit)
	}
	return nil
}

// checkPrefix refuses what no name begins with.
func checkPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	if limit := lock.CheckName(prefix); limit != lock.NoLimit {
		return cli.Misuse("no name of a lock begins with %.40q: %s", prefix, limit)
	}
	return nil
}
