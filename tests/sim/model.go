package sim

import (
	"fmt"

	"lockstep/lock"
)

// model is the service as a sequential program, written without a look at
// package lock: what the order of entries means, and nothing about replicas. It
// is told the results and says what is wrong with them, since it does not
// choose tokens and ids itself.
type model struct {
	held     map[string]lock.Token
	sessions map[lock.SessionID]lock.Number // the nonce of each open one
	opened   map[lock.Number]lock.SessionID
	last     map[lane]lock.Number
	done     map[lock.RequestID]first
	drawn    uint64
}

// lane is a slot of a session.
type lane struct {
	session lock.SessionID
	slot    lock.Slot
}

// first is the one execution of a request.
type first struct {
	index  lock.Index
	result lock.Result
}

func newModel() *model {
	return &model{
		held: map[string]lock.Token{}, sessions: map[lock.SessionID]lock.Number{}, opened: map[lock.Number]lock.SessionID{},
		last: map[lane]lock.Number{}, done: map[lock.RequestID]first{},
	}
}

// judge takes the next entry with the result that a table gave. It returns the
// index at which the request was first executed, and what is wrong.
func (m *model) judge(e lock.Entry, got lock.Result) (lock.Index, string) {
	c := e.Command
	switch c.Verb {
	case lock.OpenSession:
		return m.open(e, got)
	case lock.CloseSession:
		return e.Index, m.close(c, got)
	}
	if _, ok := m.sessions[c.Session]; !ok {
		return e.Index, expect(got, lock.Result{Outcome: lock.SessionExpired})
	}
	if before, ok := m.done[c.ID()]; ok && m.last[lane{c.Session, c.Slot}] == c.Number {
		return before.index, expect(got, before.result)
	}
	if c.Number <= m.last[lane{c.Session, c.Slot}] {
		return e.Index, expect(got, lock.Result{Outcome: lock.Stale})
	}
	m.last[lane{c.Session, c.Slot}] = c.Number
	m.done[c.ID()] = first{e.Index, got}
	if c.Verb == lock.Lock {
		return e.Index, m.lock(e, got)
	}
	return e.Index, m.unlock(c.Name, got)
}

func expect(got, want lock.Result) string {
	if got == want {
		return ""
	}
	return fmt.Sprintf("the answer is %+v and should be %+v", got, want)
}

func (m *model) lock(e lock.Entry, got lock.Result) string {
	name := e.Command.Name
	if _, held := m.held[name]; held {
		return expect(got, lock.Result{Outcome: lock.Held})
	}
	m.held[name] = got.Token
	if wrong := m.draw(e.View, uint64(got.Token)); wrong != "" {
		return wrong
	}
	return expect(got, lock.Result{Outcome: lock.Granted, Token: got.Token})
}

func (m *model) unlock(name string, got lock.Result) string {
	if _, held := m.held[name]; !held {
		return expect(got, lock.Result{Outcome: lock.NotHeld})
	}
	delete(m.held, name)
	return expect(got, lock.Result{Outcome: lock.Released})
}

func (m *model) open(e lock.Entry, got lock.Result) (lock.Index, string) {
	c := e.Command
	if id, ok := m.opened[c.Number]; ok {
		return m.done[c.ID()].index, expect(got, lock.Result{Outcome: lock.Opened, Session: id})
	}
	m.opened[c.Number], m.sessions[got.Session] = got.Session, c.Number
	m.done[c.ID()] = first{e.Index, got}
	if wrong := m.draw(e.View, uint64(got.Session)); wrong != "" {
		return e.Index, wrong
	}
	return e.Index, expect(got, lock.Result{Outcome: lock.Opened, Session: got.Session})
}

func (m *model) close(c lock.Command, got lock.Result) string {
	delete(m.opened, m.sessions[c.Session])
	delete(m.sessions, c.Session)
	return expect(got, lock.Result{Outcome: lock.Closed})
}

// draw checks that a token or an id carries its entry's view and is above all
// before it (S3, S4).
func (m *model) draw(view lock.View, drawn uint64) string {
	if drawn>>40 != uint64(view) || drawn <= m.drawn {
		return fmt.Sprintf("drew %x in view %d after %x", drawn, view, m.drawn)
	}
	m.drawn = drawn
	return ""
}
