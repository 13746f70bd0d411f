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
	MaxPermits           = 1 << 20 // of one counted lock
	MaxRevocations       = 64      // that a session remembers
	MaxUnder             = 32      // grants that one is asked under; those further out are forgotten
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
)
