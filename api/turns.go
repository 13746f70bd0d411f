package api

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Turns are at what keeps a processor busy for long: at most half of them at a time.
// Where more want one, those of each origin stand in a line of their own, and each line
// has one in its turn: however many come from one origin, who comes from another waits
// for one of each before him.
type Turns struct {
	rest Rest

	mu    sync.Mutex
	free  int
	lines map[string][]chan struct{} // who waits, by origins; none is empty
	next  []string                   // the origins of lines, in the order in which they have one
}

// Rest is what follows a turn before there is another: so those who come in a crowd
// never take more than a part of the processors, and who comes alone waits for no more
// than what he took himself.
type Rest struct {
	Times   time.Duration // as long as the turn took
	Longest time.Duration // for the processors may have been somebody else's for most of it
}

// NewTurns returns turns that are all free.
func NewTurns(r Rest) *Turns {
	return &Turns{rest: r, free: max(1, runtime.GOMAXPROCS(0)/2), lines: map[string][]chan struct{}{}}
}

// Turn is one that somebody has.
type Turn struct {
	at    *Turns
	since time.Time
}

// Take waits until somebody of an origin has a turn, or returns the context's error if
// it ended first.
func (t *Turns) Take(ctx context.Context, origin string) (*Turn, error) {
	if mine := t.enter(origin); mine != nil {
		select {
		case <-mine:
		case <-ctx.Done():
			t.leave(origin, mine)
			return nil, ctx.Err()
		}
	}
	return &Turn{t, time.Now()}, nil
}

// End gives a turn back, once.
func (t *Turn) End() {
	rest := t.at.rest
	time.AfterFunc(min(rest.Times*time.Since(t.since), rest.Longest), t.at.give)
}

// enter takes a turn that is free and returns nil, or what says when there is one.
func (t *Turns) enter(origin string) chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.free > 0 {
		t.free--
		return nil
	}
	mine := make(chan struct{}, 1)
	if len(t.lines[origin]) == 0 {
		t.next = append(t.next, origin)
	}
	t.lines[origin] = append(t.lines[origin], mine)
	return mine
}

// leave gives up waiting. What came in the last moment is another's.
func (t *Turns) leave(origin string, mine chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	line := t.lines[origin]
	at := slices.Index(line, mine)
	switch {
	case at < 0:
		t.giveLocked()
	case len(line) > 1:
		t.lines[origin] = slices.Delete(line, at, at+1)
	default:
		delete(t.lines, origin)
		at = slices.Index(t.next, origin)
		t.next = slices.Delete(t.next, at, at+1)
	}
}

// give hands a turn on that is over.
func (t *Turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.giveLocked()
}

func (t *Turns) giveLocked() {
	if len(t.next) == 0 {
		t.free++
		return
	}
	origin := t.next[0]
	t.next = t.next[1:]
	line := t.lines[origin]
	line[0] <- struct{}{} // there is room for it
	if len(line) == 1 {
		delete(t.lines, origin)
		return
	}
	t.lines[origin] = line[1:]
	t.next = append(t.next, origin)
}
