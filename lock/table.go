package lock

import "strings"

// Table is the state of one lock table. It is not safe for concurrent use:
// one actor owns it.
type Table struct {
	locks    map[string]Token // the held ownerless locks; a free lock is not kept
	sessions map[SessionID]*session
	openings map[Number]SessionID // the nonce of each open session

	// last is the highest value drawn so far, view<<40 | n. Tokens and session
	// ids are drawn from it alike, so each is unique among both (S3, S4).
	last uint64

	index  Index  // of the last entry applied
	digest Digest // of everything above but index

	limits limits
}

// limits are MaxLocks and MaxSessions, except in tests, which would take long to
// reach those.
type limits struct{ locks, sessions int }

// session is a client's registered presence: what its slots remember (S4).
type session struct {
	id    SessionID
	nonce Number
	slots []slot // by Slot; grown on first use
}

// slot remembers the last request of a slot and its answer, refusals and
// no-ops included. Number zero is a slot never used.
type slot struct {
	number Number
	answer Result
}

// NewTable returns an empty table, as it is before entry 1.
func NewTable() *Table {
	return &Table{
		locks:    map[string]Token{},
		sessions: map[SessionID]*session{},
		openings: map[Number]SessionID{},
		limits:   limits{locks: MaxLocks, sessions: MaxSessions},
	}
}

// Index returns the index of the last entry applied.
func (t *Table) Index() Index { return t.index }

// Size returns how many locks are held and how many sessions are open.
func (t *Table) Size() (locks, sessions int) { return len(t.locks), len(t.sessions) }

// Apply runs the next entry of the order. An entry out of order, or with a verb
// that Check refuses, means that replicas have come apart: it panics.
func (t *Table) Apply(e Entry) Result {
	if e.Index != t.index+1 {
		panic("lock: an entry out of order")
	}
	t.index = e.Index
	c := e.Command
	switch c.Verb {
	case OpenSession:
		return t.open(e.View, c.Number)
	case CloseSession:
		return t.close(c.Session)
	case Lock, Unlock:
		return t.request(e.View, c)
	default:
		panic("lock: an entry with an unknown verb")
	}
}

// open answers a repeated opening with the session that it opened (S4).
func (t *Table) open(view View, nonce Number) Result {
	if id, ok := t.openings[nonce]; ok {
		return Result{Outcome: Opened, Session: id}
	}
	if len(t.sessions) >= t.limits.sessions {
		return Result{Outcome: LimitReached, Limit: LimitSessions}
	}
	id := SessionID(t.draw(view))
	t.addSession(&session{id: id, nonce: nonce})
	return Result{Outcome: Opened, Session: id}
}

// close drops the session with all that its slots remember (S5). Ownerless
// locks stay: no session owns them.
func (t *Table) close(id SessionID) Result {
	if s, ok := t.sessions[id]; ok {
		t.dropSession(s)
	}
	return Result{Outcome: Closed}
}

// request executes a numbered request at most once (S4).
func (t *Table) request(view View, c Command) Result {
	s, ok := t.sessions[c.Session]
	if !ok {
		return Result{Outcome: SessionExpired}
	}
	switch last := s.at(c.Slot); {
	case c.Number < last.number:
		return Result{Outcome: Stale}
	case c.Number == last.number:
		return last.answer
	}
	answer := t.execute(view, c)
	t.remember(s, c.Slot, slot{number: c.Number, answer: answer})
	return answer
}

// execute runs a verb that S4 has let through.
func (t *Table) execute(view View, c Command) Result {
	if c.Verb == Lock {
		return t.lock(view, c.Name)
	}
	return t.unlock(c.Name)
}

func (t *Table) lock(view View, name string) Result {
	if _, held := t.locks[name]; held {
		return Result{Outcome: Held}
	}
	if len(t.locks) >= t.limits.locks {
		return Result{Outcome: LimitReached, Limit: LimitLocks}
	}
	token := Token(t.draw(view))
	// The name may be a piece of a whole frame: a copy lets the frame go.
	t.hold(strings.Clone(name), token)
	return Result{Outcome: Granted, Token: token}
}

func (t *Table) unlock(name string) Result {
	token, held := t.locks[name]
	if !held {
		return Result{Outcome: NotHeld}
	}
	t.free(name, token)
	return Result{Outcome: Released}
}

// draw returns the next token or session id of the view (S3). Entries reach
// the table with views that never fall, so neither does what is drawn.
func (t *Table) draw(view View) uint64 {
	t.digest.remove(ofCounter(t.last))
	t.last = max(t.last+1, uint64(view)<<tokenCountBits|1)
	t.digest.add(ofCounter(t.last))
	if t.last>>tokenCountBits != uint64(view) {
		panic("lock: a view has drawn all its tokens")
	}
	return t.last
}

// at returns what a slot remembers.
func (s *session) at(i Slot) slot {
	if int(i) >= len(s.slots) {
		return slot{}
	}
	return s.slots[i]
}

// The five changes below are all that ever happens to the state; each keeps the
// digest in step.

func (t *Table) hold(name string, token Token) {
	t.locks[name] = token
	t.digest.add(ofLock(name, token))
}

func (t *Table) free(name string, token Token) {
	delete(t.locks, name)
	t.digest.remove(ofLock(name, token))
}

func (t *Table) addSession(s *session) {
	t.sessions[s.id] = s
	t.openings[s.nonce] = s.id
	t.digest.add(ofSession(s.id, s.nonce))
}

func (t *Table) dropSession(s *session) {
	for i, remembered := range s.slots {
		t.digest.remove(ofSlot(s.id, Slot(i), remembered))
	}
	t.digest.remove(ofSession(s.id, s.nonce))
	delete(t.openings, s.nonce)
	delete(t.sessions, s.id)
}

func (t *Table) remember(s *session, i Slot, now slot) {
	for int(i) >= len(s.slots) {
		s.slots = append(s.slots, slot{})
	}
	t.digest.remove(ofSlot(s.id, i, s.slots[i]))
	s.slots[i] = now
	t.digest.add(ofSlot(s.id, i, now))
}
