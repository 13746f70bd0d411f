package doors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"

	"lockstep/api"
	"lockstep/lock"
)

const (
	lookAgain    = 2 * time.Second // who waits is looked at
	undoneWithin = time.Second     // what somebody got who may not have it any more
)

// ask has a command executed that whoever asks may give now. A wait can be longer
// than he may have what he waits for: it ends when that is found out, and what it
// got at last is given back.
func (g *guarded) ask(ctx context.Context, c lock.Command, patience time.Duration) (lock.Result, error) {
	if !g.doors.closed || c.Verb != lock.Acquire || !c.Wait {
		return g.behind.Ask(ctx, c, patience)
	}
	watched, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		look := time.NewTicker(g.lookAgain)
		defer look.Stop()
		for {
			select {
			case <-watched.Done():
				return
			case <-look.C:
				if err := g.lasts(ctx, c); err != nil {
					stop(err)
				}
			}
		}
	}()
	result, err := g.behind.Ask(watched, c, patience)
	lost := context.Cause(watched)
	if lost == nil || ctx.Err() != nil { // it may have ended as its caller wanted
		lost = g.lasts(ctx, c)
	}
	if lost != nil {
		if err := g.undo(ctx, c, result); err != nil {
			// It goes with the session; so nobody is told that nothing was done.
			return lock.Result{}, connect.NewError(connect.CodeOf(lost), fmt.Errorf("%w; what was asked for could not be undone: %w", plainly(lost), err))
		}
		return lock.Result{}, lost
	}
	return result, err
}

// lasts returns an error if whoever asked could not do so now.
func (g *guarded) lasts(ctx context.Context, c lock.Command) error {
	if err := g.valid(ctx, "a wait"); err != nil {
		return err
	}
	return g.Judge(ctx, c)
}

// valid returns an error if who came in a while ago would not be known now.
func (g *guarded) valid(ctx context.Context, what string) error {
	who := guestOf(ctx)
	if who.valid == nil || who.valid(g.doors.policy()) {
		return nil
	}
	return g.deny(Unknown, who, what, connect.CodeUnauthenticated, errors.New("this token is not known here any more"))
}

// undo gives back what a wait has got, and its place in the queue if it is one that
// goes on.
func (g *guarded) undo(ctx context.Context, c lock.Command, result lock.Result) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoneWithin)
	defer cancel()
	back := lock.Command{Session: c.Session}
	switch {
	case c.Number != 0 && c.Number < api.MaxNumber:
		back.Verb, back.Slot, back.Number = lock.Cancel, c.Slot, c.Number+1
	case result.Outcome == lock.Granted:
		back.Verb, back.Name, back.Token = lock.Release, c.Name, result.Token
	default:
		return nil // the nodes have undone it
	}
	_, err := g.behind.Ask(ctx, back, 0)
	return err
}

// plainly is an error without the code and the details of its answer.
func plainly(err error) error {
	var answer *connect.Error
	if errors.As(err, &answer) {
		return errors.New(answer.Message())
	}
	return err
}
