package api

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// turns are what only a few may have at a time. Where more want one, those of each
// origin stand in a line of their own, and each line has one in its turn: however many
// come from one origin, who comes from another waits for one of each before him.
type turns struct {
	mu    sync.Mutex
	free  int
	lines map[string][]chan struct{} // who waits, by origins; none is empty
	next  []string                   // the origins of lines, in the order in which they have one
}

func newTurns(n int) *turns { return &turns{free: n, lines: map[string][]chan struct{}{}} }

// take waits until somebody of an origin has a turn, or ctx ends.
func (t *turns) take(ctx context.Context, origin string) error {
	mine := t.enter(origin)
	if mine == nil {
		return nil
	}
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
		t.leave(origin, mine)
		return errors.New("too many handshakes at once")
	}
}

// enter takes a turn that is free and returns nil, or what says when there is one.
func (t *turns) enter(origin string) chan struct{} {
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
func (t *turns) leave(origin string, mine chan struct{}) {
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
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.giveLocked()
}

func (t *turns) giveLocked() {
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
