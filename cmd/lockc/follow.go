package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockstep"
)

// follow hands on what happens to the locks below a prefix, until it is
// interrupted. The first answer must come within the time-out; outages after it
// are told, and outlasted.
func (p *program) follow(ctx context.Context, prefix string, each func(lockstep.Event) error) error {
	watching, end := context.WithCancel(ctx)
	defer end()
	late := time.AfterFunc(p.timeout, end)
	for event, err := range p.client.Watch(watching, prefix) {
		if err != nil {
			return p.silence(ctx, err)
		}
		if late.Stop() { // the first time
			go p.tellOutages(watching)
		}
		if err := each(event); err != nil {
			return err
		}
	}
	return p.silence(ctx, ctx.Err())
}

// sounding is how often it is tried whether the nodes are there.
const sounding = time.Second

// tellOutages says when the nodes do not answer any more, and when they do again:
// who only waits for events cannot tell an outage from a quiet day.
func (p *program) tellOutages(ctx context.Context) {
	for out := false; ctx.Err() == nil; out = p.sound(ctx, out) {
		select {
		case <-time.After(sounding):
		case <-ctx.Done():
		}
	}
}

// sound reports whether the nodes are out, and says so if they were not before.
func (p *program) sound(ctx context.Context, before bool) (out bool) {
	asking, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	_, err := p.client.Verify(asking, "any", 0)
	out = err != nil
	switch {
	case ctx.Err() != nil:
	case out && !before:
		fmt.Fprintf(p.Stderr, "lockc: no answer within %v; this goes on when the nodes are back; %s\n", p.timeout, p.blame(err, p.nodes))
	case !out && before:
		fmt.Fprintln(p.Stderr, "lockc: the nodes answer again")
	}
	return out
}

// outage reports whether an error says no more than that nobody answered in time.
func outage(ctx context.Context, err error) bool {
	return ctx.Err() == nil && errors.Is(err, lockstep.ErrNoAnswer)
}
