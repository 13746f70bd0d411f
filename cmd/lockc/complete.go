package main

import (
	"context"
	"time"
)

// Somebody who presses a key waits for names: for so long, and for so many.
const (
	nameTime = 400 * time.Millisecond
	mostKept = 200
)

// addWords lets the names of locks be completed where one can be meant that
// exists.
func (p *program) addWords() {
	for i := range p.Commands {
		switch p.Commands[i].Verb {
		case "run", "elect", "ls", "show", "explain", "watch", "top", "release", "lock", "unlock":
			p.Commands[i].Words = p.lockNames
		}
	}
}

// lockNames asks the nodes for locks whose names begin so. If they do not answer
// soon, there is nothing to choose from.
func (p *program) lockNames(begin string) (names []string) {
	ctx, cancel := context.WithTimeout(context.Background(), nameTime)
	defer cancel()
	if checkPrefix(begin) != nil || p.dial(ctx, p.nodes) != nil {
		return nil
	}
	for lock, err := range p.client.List(ctx, begin) {
		if err != nil || len(names) == mostKept {
			break
		}
		names = append(names, lock.Name)
	}
	return names
}
