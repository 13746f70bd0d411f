package main

import (
	"fmt"
	"sync"

	"lockstep/lock"
)

// holders are the callers that hold one lock by leases, as they know it. It
// checks that no two of them hold what excludes each other, and that tokens rise.
//
// Both checks are exact whatever the order in which goroutines are told of their
// grants. Whoever releases leaves first; so whoever was granted the lock before
// and excludes the newcomer has been here and has left, or knows that it has lost.
type holders struct {
	name  string
	alone bool // only one caller asks for it

	mu      sync.Mutex
	writer  *seat
	readers map[*seat]struct{}
	// newest is the highest token of all, newestWriter that of the writers:
	// readers come in any order between two of them.
	newest, newestWriter lock.Token
	tally                lockTally
}

func newHolders(name string, callers int) *holders {
	return &holders{name: name, alone: callers == 1, readers: map[*seat]struct{}{}, tally: newLockTally(callers)}
}

// enter takes note of a grant, and returns what is wrong with it, or "".
func (h *holders) enter(s *seat) (wrong string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	token, above := s.held.token(), h.newest
	if s.want.shared {
		above = h.newestWriter
	}
	if other := h.excluded(s); other != nil {
		wrong = fmt.Sprintf("was granted while caller %d held it: granted twice", other.caller)
	} else if token <= above {
		wrong = fmt.Sprintf("got token %d after %d: tokens must rise", token, above)
	}
	h.newest = max(h.newest, token)
	if s.want.shared {
		h.readers[s] = struct{}{}
	} else {
		h.writer, h.newestWriter = s, max(h.newestWriter, token)
	}
	h.tally.granted(s, len(h.readers))
	return wrong
}

// excluded returns somebody who believes to hold what excludes s, or nil.
func (h *holders) excluded(s *seat) *seat {
	if h.writer != nil && h.writer.held.remaining() > 0 {
		return h.writer
	}
	if s.want.shared || len(h.readers) == 0 {
		return nil
	}
	for r := range h.readers {
		if r.held.remaining() > 0 {
			return r
		}
	}
	return nil
}

// leave is for whoever is about to release.
func (h *holders) leave(s *seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.writer == s {
		h.writer = nil
	} else {
		delete(h.readers, s)
	}
}

// count begins a new tally and returns the one before.
func (h *holders) count() lockTally {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.tally
	h.tally = newLockTally(len(before.perCaller))
	return before
}
