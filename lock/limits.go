package lock

// Limits of the table. All are checked before a command has any effect.
const (
	MaxView        View = 1<<23 - 1
	MaxNameBytes        = 256
	MaxSlots            = 4096      // slots of one session
	MaxSessions         = 1 << 17   // sessions of one table
	MaxLocks            = 4_000_000 // held locks of one table
	tokenCountBits      = 40
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
)
