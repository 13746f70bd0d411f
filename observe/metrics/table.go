package metrics

import (
	"lockstep/lock"
	"lockstep/replica"
)

const (
	verbs    = int(lock.Reopen) + 1
	outcomes = int(lock.Alive) + 1
	kinds    = int(replica.NoQuorum) + 1
	queries  = int(lock.QueryTenures) + 1
	grants   = int(lock.Counted) + 2 // an ownerless lock has no mode
	// Ownerless counts among the grants as a mode of its own.
	Ownerless = lock.Counted + 1
)

// Table is what a LockTable counts. The zero value is ready.
type Table struct {
	// Of requests that were asked here: what came of them, by verb; and those that
	// were sent away without being executed, or with an unknown outcome.
	Requests [verbs][outcomes]uint64
	SentAway [kinds]uint64
	Queries  [queries]uint64
	Commit   Histogram // µs until an entry was executed, of one request at a time

	// Of all locks and sessions, while this node reigned.
	Grants    [grants]uint64 // by mode
	Released  uint64         // locks that were given back
	Expired   uint64         // locks whose holder's session expired
	Revoked   uint64         // locks that an operator took away
	Overheld  uint64         // locks whose longest hold was over
	GivenUp   uint64         // waits that ended without a grant
	Waits     Histogram      // ms until the grant, of those who had to wait
	Holds     Histogram      // ms from the grant to its end, of each lock
	Opened    uint64         // sessions
	Closed    uint64
	SilentEnd uint64 // sessions that expired

	// As of the moment when they were asked for.
	Locks, Waiting, Sessions int

	waited lock.RequestID // the last wait that was counted
}

// Executed counts a request that was answered here.
func (t *Table) Executed(v lock.Verb, o lock.Outcome) {
	if int(v) >= verbs || Verbs[v] == "" {
		v = 0
	}
	if int(o) < outcomes {
		t.Requests[v][o]++
	}
}

// Turned counts a request that was sent away.
func (t *Table) Turned(k replica.AnswerKind) {
	if int(k) < kinds {
		t.SentAway[k]++
	}
}

// Queried counts a question.
func (t *Table) Queried(k lock.QueryKind) {
	if int(k) < queries {
		t.Queries[k]++
	}
}

// Happened counts an event of this node's reign. A wait for several locks has
// several events in a row, and counts once; its grant is a grant of each.
func (t *Table) Happened(e *lock.Event) {
	switch e.Kind {
	case lock.LockAcquired:
		t.granted(e)
	case lock.LockReleased:
		t.Released++
		t.held(e)
	case lock.LockExpired:
		t.Expired++
		t.held(e)
	case lock.LockRevoked:
		t.Revoked++
		t.held(e)
	case lock.LockOverheld:
		t.Overheld++
		t.held(e)
	case lock.WaitEnded:
		if t.first(e) {
			t.GivenUp++
		}
	case lock.SessionOpened:
		t.Opened++
	case lock.SessionClosed:
		t.Closed++
	case lock.SessionEnded:
		t.SilentEnd++
	}
}

func (t *Table) granted(e *lock.Event) {
	mode := e.Mode
	if e.Session == 0 {
		mode = Ownerless
	}
	if int(mode) < grants {
		t.Grants[mode]++
	}
	if e.Request.Session != 0 && t.first(e) { // it has waited
		t.Waits.Observe(uint64(Lasted(e)))
	}
}

// first reports whether an event is the first of its wait.
func (t *Table) first(e *lock.Event) bool {
	if e.Request == t.waited {
		return false
	}
	t.waited = e.Request
	return true
}

// held counts how long a lock was held; of an ownerless one nobody knows.
func (t *Table) held(e *lock.Event) {
	if e.Since != 0 {
		t.Holds.Observe(uint64(Lasted(e)))
	}
}

// Lasted is how long that took which an event tells the end of. The two moments
// may be of two nodes' clocks: one that is behind makes it nothing, not ages.
func Lasted(e *lock.Event) lock.Millis {
	if e.At < e.Since {
		return 0
	}
	return e.At - e.Since
}
