package main

import (
	"context"
	"errors"
	"sync"
)

// toy is a lock service of one map, with faults to be planted.
type toy struct {
	mu    sync.Mutex
	held  map[string]bool
	asked int
	fault func(asked int, v verb, name string, held map[string]bool) (fault, bool)
}

// fault is what happens instead of the right answer.
type fault struct {
	answer bool
	err    error
}

var errSilence = errors.New("no answer")

func (t *toy) Lock(_ context.Context, name string) (bool, error) {
	return t.ask(lockVerb, name)
}

func (t *toy) Unlock(_ context.Context, name string) (bool, error) {
	return t.ask(unlockVerb, name)
}

func (t *toy) ask(v verb, name string) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	if t.held == nil {
		t.held = map[string]bool{}
	}
	if t.fault != nil {
		if f, ok := t.fault(t.asked, v, name, t.held); ok {
			return f.answer, f.err
		}
	}
	yes := t.held[name] == (v == unlockVerb)
	t.held[name] = v == lockVerb
	return yes, nil
}

func (t *toy) members(n int) []member {
	members := make([]member, n)
	for i := range members {
		members[i] = member{clerk: t}
	}
	return members
}
