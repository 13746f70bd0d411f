package lock

// Token is a fencing token, view<<40 | n. Every grant carries one, and tokens
// strictly rise through everything that can happen to the service, so that a
// resource can refuse whoever comes with a lower one than it has seen.
type Token uint64

// Outcome says what became of a command. Refusals are outcomes, not errors.
type Outcome uint8

// The outcomes. Their values are those on the wire.
const (
	Granted        Outcome = 1  // the lock is now held; Token is set
	Held           Outcome = 2  // the lock cannot be had now
	Released       Outcome = 3  // what was held has been given back
	NotHeld        Outcome = 4  // nothing of the kind was held
	Opened         Outcome = 5  // Session is set
	Closed         Outcome = 6  // also when it had been closed before
	SessionExpired Outcome = 7  // no such session: it was closed, expired or lost
	Stale          Outcome = 8  // the slot has gone on to a higher number
	LimitReached   Outcome = 9  // Limit says which; nothing was changed
	Invalid        Outcome = 10 // the request's form is wrong; Limit says how
	Waiting        Outcome = 11 // queued; Granted will replace this answer (S6)
	Canceled       Outcome = 12 // the wait is over, or there was nothing to undo
	Deadlock       Outcome = 13 // waiting would close the cycle that Cycle spells out
	Alive          Outcome = 14 // the session lives; Revoked is set
)

// Result is the answer to one command.
type Result struct {
	Outcome Outcome
	Limit   Limit     // with LimitReached and Invalid
	Token   Token     // with Granted; with Alive the highest drawn so far
	Session SessionID // with Opened
	// Cycle tells people who waits for whom, with Deadlock.
	Cycle string
	// Revoked counts, with Alive, the grants that were ever taken from the session
	// while it lived.
	Revoked uint32
}
