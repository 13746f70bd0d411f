package lock

// Record is who had which lock when. A table remembers the tenures that are over,
// the last MaxLockTenures of each lock and MaxTenures in all; of those that last
// the locks themselves tell. Its times are those of Command.At: by the clock of
// the node that took in what began or ended a tenure, and for people only.
//
// The record is replicated with the state, but is no part of its Digest: nodes of
// a former version keep none, and have not come apart for that.
type Record struct {
	// Whole says that nothing was forgotten. Else Forgot is the latest moment at
	// which a tenure ended that was: whoever had a lock after that is in the record.
	// Zero is unknown.
	Whole  bool
	Forgot Millis
	// Parties are the sessions that the tenures name, by id. Many have ended.
	Parties []Party
	// Tenures stand in a snapshot by their ends, and in a report, which has those
	// that last too, by their tokens.
	Tenures []Tenure
}

// Party is a session as the record remembers it.
type Party struct {
	ID   SessionID
	Info Info
}

// Tenure is the time for which somebody had a lock. A grant of several locks has
// one with each.
type Tenure struct {
	Name    string // empty in a report, which is of one lock
	Token   Token
	Session SessionID // zero: of an ownerless lock
	// How it ended: LockReleased, SessionClosed if it was released that way,
	// LockExpired, LockRevoked or LockOverheld. Zero while it lasts.
	How     EventKind
	Mode    Mode
	Permits uint32 // Counted: how many, of those that the lock had
	Of      uint32
	Since   Millis // when it was granted
	Until   Millis // when it ended
	Waited  Millis // from the request to the grant
	Info    Info   // of the grant
	// By is who ended it without being its holder: revoked it, or unlocked an
	// ownerless lock.
	By     SessionID
	Reason string // LockRevoked
	// Forgot, in a snapshot, stands with the oldest tenure of a lock: when, at the
	// latest, one of that lock's ended that was forgotten before the others.
	Forgot Millis
}
