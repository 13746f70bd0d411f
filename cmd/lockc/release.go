package main

import (
	"context"
	"fmt"

	"lockstep/cmd/internal/cli"
	"lockstep/lock"
)

// revoke takes a lock away from whoever holds it.
func (p *program) revoke(name string) error {
	switch {
	case !p.force:
		return cli.Misuse("release takes a lock away from whoever holds it, and that one is not asked: say so with --force. A lock of your own is released when its command ends")
	case p.reason == "":
		return cli.Misuse("say why with --reason: the one who loses the lock is told")
	}
	if err := checkName(name); err != nil {
		return err
	}
	command := lock.Command{Verb: lock.Revoke, Number: 1, Name: name, Terms: &lock.Terms{Info: lock.Info(p.reason)}}
	if limit := command.Check(); limit != lock.NoLimit {
		return cli.Misuse("-reason %.40q cannot be told: %s", p.reason, limit)
	}
	return p.look(func(ctx context.Context) error {
		was, err := answer(p, ctx, func(ctx context.Context) (bool, error) { return p.client.Revoke(ctx, name, p.reason) })
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(p.Stdout, "reply: %t\n", was); err != nil {
			return cli.Fail(cli.IOError, "the answer is %t, but it cannot be printed: %v", was, err)
		}
		if p.exitCode && !was {
			return cli.Fail(cli.No, "")
		}
		return nil
	})
}
