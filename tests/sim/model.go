package sim

import (
	"fmt"

	"lockstep/lock"
)

// model is the service as a sequential program, written without a look at
// package lock: what the order of entries means, and nothing about replicas. It
// is told the results, and says what is wrong with them, since it does not
// choose tokens and ids itself. It keeps lists and walks them: it only has to
// be right.
//
//	model.go          sessions, slots, ownerless locks
//	model_owned.go    owned locks: grants, queues, what frees them
//	model_deadlock.go which waits would never end
type model struct {
	ownerless map[string]lock.Token
	closed    map[lock.Holding]closing // the locks closed by a lock-delay, with the token whose loss began it
	grants    []*grant                 // in the order of granting
	waits     []*wait                  // in the order of queueing
	sessions  map[lock.SessionID]*member
	opened    map[lock.Number]lock.SessionID
	last      map[lane]*first
	drawn     uint64

	// Of the entry at hand:
	entry  lock.Entry
	passed []passing    // what the table says that it granted after a wait; judged ones are gone
	drew   []uint64     // tokens and ids, as they were drawn
	lost   []lock.Token // grants that were taken away
	check  string       // which check objects
	wrong  string
}

// member is a session.
type member struct {
	nonce   lock.Number
	ttl     lock.Millis
	at      lock.Index // of the opening
	revoked int
}

// lane is a slot of a session.
type lane struct {
	session lock.SessionID
	slot    lock.Slot
}

// first is the one execution of a slot's last request. A wait that ends with a
// grant changes the result.
type first struct {
	command lock.Command
	index   lock.Index
	result  lock.Result
}

// closing is when a lock-delay began, and for how long it is.
type closing struct {
	at    lock.Index
	delay lock.Millis
}

// passing is a grant after a wait.
type passing struct {
	request lock.RequestID
	token   lock.Token
}

func newModel() *model {
	return &model{
		ownerless: map[string]lock.Token{}, closed: map[lock.Holding]closing{},
		sessions: map[lock.SessionID]*member{}, opened: map[lock.Number]lock.SessionID{},
		last: map[lane]*first{},
	}
}

// judge takes the next entry with the result that a table gave. It returns the
// index at which the request was first executed, and what is wrong.
func (m *model) judge(e lock.Entry, got lock.Result, passed []passing) (lock.Index, string) {
	m.entry, m.passed, m.drew, m.lost, m.wrong = e, passed, m.drew[:0], m.lost[:0], ""
	at := m.run(e.Command, got)
	if len(m.passed) > 0 {
		m.object("fifo", "the lock went on to %+v, who should wait", m.passed[0])
	}
	return at, m.wrong
}

// object notes the first thing that is wrong.
func (m *model) object(check, format string, args ...any) {
	if m.wrong == "" {
		m.check, m.wrong = check, fmt.Sprintf(format, args...)
	}
}

func (m *model) expect(got, want lock.Result) {
	if got != want {
		m.object("answers", "the answer is %+v and should be %+v", got, want)
	}
}

func (m *model) run(c lock.Command, got lock.Result) lock.Index {
	switch c.Verb {
	case lock.OpenSession:
		return m.open(c, got)
	case lock.CloseSession:
		m.end(c.Session, false)
		m.expect(got, lock.Result{Outcome: lock.Closed})
		return m.entry.Index
	case lock.Expire, lock.EndHold, lock.Reopen:
		m.clock(c)
		return m.entry.Index
	}
	return m.request(c, got)
}

// request is a request in a slot (S4).
func (m *model) request(c lock.Command, got lock.Result) lock.Index {
	if m.sessions[c.Session] == nil {
		m.expect(got, lock.Result{Outcome: lock.SessionExpired})
		return m.entry.Index
	}
	before := m.last[lane{c.Session, c.Slot}]
	if before != nil && c.Number == before.command.Number {
		m.expect(got, before.result)
		return before.index
	}
	if before != nil && c.Number < before.command.Number {
		m.expect(got, lock.Result{Outcome: lock.Stale})
		return m.entry.Index
	}
	m.last[lane{c.Session, c.Slot}] = &first{c, m.entry.Index, got}
	m.execute(c, before, got)
	return m.entry.Index
}

func (m *model) execute(c lock.Command, before *first, got lock.Result) {
	if c.Verb == lock.Cancel {
		m.cancel(c, before, got)
		return
	}
	if before != nil && m.dropWait(before.command.ID()) {
		m.serve()
	}
	switch c.Verb {
	case lock.Lock:
		m.lock(c.Name, got)
	case lock.Unlock:
		m.unlock(c.Name, got)
	case lock.Acquire:
		m.acquire(c, got)
	case lock.Release:
		m.release(c, got)
	case lock.Revoke:
		m.revoke(c, got)
	}
}

func (m *model) lock(name string, got lock.Result) {
	if !m.free(want{name: name}) {
		m.expect(got, lock.Result{Outcome: lock.Held})
		return
	}
	m.ownerless[name] = got.Token
	m.draw(uint64(got.Token))
	m.expect(got, lock.Result{Outcome: lock.Granted, Token: got.Token})
}

func (m *model) unlock(name string, got lock.Result) {
	if _, held := m.ownerless[name]; !held {
		m.expect(got, lock.Result{Outcome: lock.NotHeld})
		return
	}
	delete(m.ownerless, name)
	m.serve()
	m.expect(got, lock.Result{Outcome: lock.Released})
}

func (m *model) open(c lock.Command, got lock.Result) lock.Index {
	if id, ok := m.opened[c.Number]; ok {
		m.expect(got, lock.Result{Outcome: lock.Opened, Session: id})
		return m.sessions[id].at
	}
	one := &member{nonce: c.Number, ttl: lock.DefaultTTL, at: m.entry.Index}
	if c.Terms != nil && c.Terms.TTL != 0 {
		one.ttl = c.Terms.TTL
	}
	m.opened[c.Number], m.sessions[got.Session] = got.Session, one
	m.draw(uint64(got.Session))
	m.expect(got, lock.Result{Outcome: lock.Opened, Session: got.Session})
	return m.entry.Index
}

// draw checks that a token or an id carries its entry's view and is above all
// before it (S3, S4).
func (m *model) draw(drawn uint64) {
	if drawn>>40 != uint64(m.entry.View) || drawn <= m.drawn {
		m.object("tokens", "drew %x in view %d after %x", drawn, m.entry.View, m.drawn)
	}
	m.drawn = drawn
	m.drew = append(m.drew, drawn)
}
