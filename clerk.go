package lockstep

import (
	"context"
	"fmt"
	"runtime"

	"lockstep/lock"
	"lockstep/replica"
)

// Clerk asks for one thing at a time, in order. It is safe for concurrent use:
// calls wait for each other. Programs that want to ask for many things at once
// use many clerks of one Client; a clerk costs next to nothing.
type Clerk struct {
	client *Client
	id     replica.ClerkID
	turn   chan struct{} // held by the call that is outstanding
}

// Clerk returns a new clerk.
func (c *Client) Clerk() *Clerk {
	k := &Clerk{client: c, id: c.caller.NewClerk(), turn: make(chan struct{}, 1)}
	// A clerk that gave up a call keeps a slot for fencing it (S4). When nobody
	// can use the clerk any more, neither can anything be fenced by it.
	runtime.AddCleanup(k, func(id replica.ClerkID) { c.caller.Forget(id) }, k.id)
	return k
}

// Lock takes the named lock. It returns true if the lock was free and is now
// held, false if it was held already. The name is 1 to 256 bytes of printable
// UTF-8. Errors are those of this package; after ErrUnknown the lock may have
// been taken.
func (k *Clerk) Lock(ctx context.Context, name string) (bool, error) {
	return k.ask(ctx, lock.Lock, "lock", name, lock.Granted)
}

// Unlock frees the named lock, whoever took it. It returns true if the lock was
// held and is now free, false if it was free already. Errors are as for Lock.
func (k *Clerk) Unlock(ctx context.Context, name string) (bool, error) {
	return k.ask(ctx, lock.Unlock, "unlock", name, lock.Released)
}

func (k *Clerk) ask(ctx context.Context, verb lock.Verb, word, name string, yes lock.Outcome) (bool, error) {
	if err := k.takeTurn(ctx); err != nil {
		return false, fmt.Errorf("lockstep: %s %q: %w", word, name, err)
	}
	call := "lockstep/Lock"
	if verb == lock.Unlock {
		call = "lockstep/Unlock"
	}
	ctx, span := k.client.begin(ctx, call, name)
	result, err := k.client.caller.Call(ctx, k.id, verb, name)
	for verb == lock.Unlock && k.client.asksAgain(err) {
		result, err = k.client.caller.Call(ctx, k.id, verb, name)
	}
	finish(span, err)
	<-k.turn
	if err != nil {
		return false, explain(word, name, k.client.known(), err)
	}
	return result.Outcome == yes, nil
}

// takeTurn waits in line, which is not asking: a call that never got its turn was
// certainly not executed. Mostly there is no line, and looking first costs a
// fraction of waiting for two things at once.
func (k *Clerk) takeTurn(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("not asked: %w", err)
	}
	select {
	case k.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case k.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("not asked: %w", ctx.Err())
	}
}
