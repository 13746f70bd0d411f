package lock

// Limits of the table. All are checked before a command has any effect.
const (
	MaxView         View = 1<<23 - 1
	MaxNameBytes         = 256
	MaxSlots             = 4096      // slots of one session
	MaxSessions          = 1 << 17   // sessions of one table
	MaxLocks             = 4_000_000 // held locks of one table
	MaxNames             = 64        // locks in one Acquire (S8)
	MaxInfoBytes         = 4096
	MaxSessionLocks      = 10_000  // locks held by one session
	MaxSessionWaits      = 1_000   // waits of one session
	MaxWaits             = 1 << 20 // waits of one table
	MaxLockWaits         = 1 << 14 // waits for one lock
	MaxPermits           = 1 << 20 // of one counted lock
	MaxRevocations       = 64      // that a session remembers
	MaxUnder             = 32      // grants that one is asked under; those further out are forgotten
	MaxCycleBytes        = 1024    // of a Result's Cycle
	MaxReasonBytes       = 256     // of a Revoke: every grant that is lost repeats it
	MaxTenures           = 1 << 16 // that are over and in the record
	MaxLockTenures       = 16      // of one lock
	MaxRecordBytes       = 1 << 24 // of the names, infos and reasons in the record
	MaxRequestBytes      = 1 << 16 // of a request, by its Weight: with all its names and a full Info it has half of it
	tokenCountBits       = 40
)

// Limits of time, in milliseconds.
const (
	MinTTL       Millis = 1_000
	MaxTTL       Millis = 3_600_000
	DefaultTTL   Millis = 10_000
	MinMaxHold   Millis = 1_000
	MaxMaxHold   Millis = 30 * 24 * 3_600_000
	MaxLockDelay Millis = 3_600_000
)

// Limit names the limit that a refused command met, or what is wrong with its
// form.
type Limit uint8

// The limits. Their values are those on the wire.
const (
	NoLimit       Limit = 0
	LimitName     Limit = 1 // a name is 1 to MaxNameBytes bytes of printable UTF-8
	LimitSlot     Limit = 2 // slots go from 0 to MaxSlots-1
	LimitSessions Limit = 3 // the table has MaxSessions sessions
	LimitLocks    Limit = 4 // the table has MaxLocks locks
	LimitVerb     Limit = 5 // this version does not know the verb
	LimitNumber   Limit = 6 // a request's number is at least 1

	LimitTTL          Limit = 7  // a TTL is MinTTL to MaxTTL
	LimitNames        Limit = 8  // an Acquire names MaxNames different locks at most
	LimitInfo         Limit = 9  // Info is MaxInfoBytes of sorted key=value lines at most
	LimitPermits      Limit = 10 // 1 to Of permits of 1 to MaxPermits
	LimitMode         Limit = 11 // this version does not know the mode
	LimitMaxHold      Limit = 12 // MinMaxHold to MaxMaxHold
	LimitLockDelay    Limit = 13 // up to MaxLockDelay
	LimitSessionLocks Limit = 14 // the session holds MaxSessionLocks locks
	LimitSessionWaits Limit = 15 // the session has MaxSessionWaits waits
	LimitWaits        Limit = 16 // the table has MaxWaits waits
	LimitToken        Limit = 17 // a Release or an Under needs a token
	LimitRequest      Limit = 18 // a request weighs MaxRequestBytes
	LimitTerms        Limit = 19 // a request has no terms but those of its verb
	LimitReentrant    Limit = 20 // a re-entrant Acquire has no MaxHold: it could not cap the grant that it enters
	LimitReason       Limit = 21 // a reason is MaxReasonBytes of printable text at most
	LimitLockWaits    Limit = 22 // the lock has MaxLockWaits waits
)

// limitTexts say what the limits are, for people.
var limitTexts = [...]string{
	NoLimit:           "no limit",
	LimitName:         "a name is 1 to 256 bytes of printable UTF-8, without control characters",
	LimitSlot:         "a session has slots 0 to 4095",
	LimitSessions:     "the table has 131072 sessions open, which end when their clients close them or fall silent",
	LimitLocks:        "the table keeps 4000000 locks, held, waited for or closed by a lock-delay; release some",
	LimitVerb:         "this node does not know the verb, or clients may not send it",
	LimitNumber:       "a request's number is at least 1",
	LimitTTL:          "a session's TTL is 1 s to 1 h",
	LimitNames:        "an acquire names at most 64 locks, each once",
	LimitInfo:         "an info is at most 4096 bytes of printable lines key=value, sorted by key",
	LimitPermits:      "a counted acquire takes at least 1 permit, and no more than the lock has, at most 1048576; others take none",
	LimitMode:         "this node does not know the mode; the client is newer than the node",
	LimitMaxHold:      "the longest hold is 1 s to 30 days",
	LimitLockDelay:    "a lock-delay is at most 1 h",
	LimitSessionLocks: "the session holds, and waits for, 10000 locks; release some",
	LimitSessionWaits: "the session has 1000 acquires waiting; cancel some",
	LimitWaits:        "the table has 1048576 acquires waiting",
	LimitToken:        "the token of a grant is missing",
	LimitRequest:      "a request is at most 65536 bytes in all",
	LimitTerms:        "the request has terms that do not belong to its verb",
	LimitReentrant:    "a re-entrant acquire has no longest hold, since the grant that it enters may have none",
	LimitReason:       "a reason is at most 256 bytes of printable text",
	LimitLockWaits:    "one of the locks has 16384 acquires waiting",
}

// OfState reports whether it depends on what the table has, rather than on the
// request alone: later there may be room.
func (l Limit) OfState() bool {
	switch l {
	case LimitSessions, LimitLocks, LimitSessionLocks, LimitSessionWaits, LimitWaits, LimitLockWaits:
		return true
	default:
		return false
	}
}

// String says what the limit is, for people.
func (l Limit) String() string {
	if int(l) < len(limitTexts) {
		return limitTexts[l]
	}
	return "a limit that this version does not know"
}
