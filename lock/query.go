package lock

// QueryKind says what a Query asks.
type QueryKind uint8

// The kinds. Their values are those on the wire.
const (
	QueryLocks     QueryKind = 1 // the locks whose names begin with Name, in order, behind After; page by page no snapshot
	QueryLock      QueryKind = 2 // the lock Name with its whole queue
	QuerySessions  QueryKind = 3 // the sessions, behind Session
	QuerySession   QueryKind = 4 // Session: what it holds and waits for, what was revoked
	QueryDeadlocks QueryKind = 5 // the cycles of waits
	QueryToken     QueryKind = 6 // whether Token is a current grant of Name
	QueryEvents    QueryKind = 7 // events behind Index, of names that begin with Name; waits for one
	QueryTenures   QueryKind = 8 // who had the lock Name, by tokens, behind Token
)

// Query asks about the state. It changes nothing and is never ordered.
type Query struct {
	Kind    QueryKind
	Name    string
	After   string // QueryLocks: the last name of the page before
	Session SessionID
	Token   Token
	Index   Index // QueryEvents: the last entry whose events are known; any Report has one
	Waiters bool  // QueryLocks: with the queues
}

// Report answers a Query as of the entry Index.
type Report struct {
	Index    Index
	Locks    []LockCard
	Sessions []SessionCard
	Cycles   []Cycle
	Events   []Event
	// Revocations are the last ones of the session asked for, oldest first.
	Revocations []Revocation
	Current     bool // QueryToken
	More        bool // there is another page
	Missed      bool // QueryEvents: events behind the asked Index are forgotten
	// Record is set with QueryTenures only, and by nodes that keep one.
	Record *Record
}

// LockCard shows a lock that is held, waited for, or closed by a lock-delay.
type LockCard struct {
	Name      string
	Ownerless bool
	Delayed   bool // closed after its holder was lost (T6)
	Of        uint32
	Holders   []HolderCard
	Waiters   uint32       // how many there are
	Queue     []WaiterCard // first come first, if asked for
}

// HolderCard shows one grant of a lock.
type HolderCard struct {
	Session SessionID // zero: of an ownerless lock
	Token   Token
	Mode    Mode
	Permits uint32
	Count   uint32 // how often it was granted, if re-entrant
	Since   Millis // Unix time, by a node's clock; zero is unknown
	MaxHold Millis
	Info    Info // of the grant
	Owner   SessionCard
}

// WaiterCard shows one wait for a lock.
type WaiterCard struct {
	Session SessionID
	Mode    Mode
	Permits uint32
	Since   Millis
	Names   []string // all that it waits for, if several (S8)
	Info    Info
	Owner   SessionCard
}

// SessionCard shows a session.
type SessionCard struct {
	ID    SessionID
	TTL   Millis
	Info  Info
	Since Millis
	Holds uint32 // grants
	Waits uint32
	// Heard is how long ago its last keep-alive came; the primary fills it in.
	Heard Millis
}

// Revocation says that a grant was taken from its session.
type Revocation struct {
	Token  Token
	Kind   EventKind // LockRevoked or LockOverheld
	Reason string
}

// Cycle is a deadlock: each step's session waits for the next step's, the last
// one's for the first's. A report with no room for all of one has its first steps,
// and More.
type Cycle []CycleStep

// CycleStep is one session of a Cycle.
type CycleStep struct {
	Session SessionID
	Holds   string // what the one before waits for
	Waits   string // what the next one holds, or queues for ahead of this one
	Info    Info   // of the session
	// Possible says that the session may let go of Holds although it waits: it has
	// not said that it keeps it. A cycle with such a step may be none.
	Possible bool
}
