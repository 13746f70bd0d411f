package lock

// Mode says how a lock is held.
type Mode uint8

// The modes. Their values are those on the wire.
const (
	Exclusive Mode = 0 // alone
	Shared    Mode = 1 // beside other shared holders
	Counted   Mode = 2 // some of the lock's permits
)

// Want is one lock that an Acquire asks for.
type Want struct {
	Name    string
	Mode    Mode
	Permits uint32 // Counted: how many, at least 1
	Of      uint32 // Counted: how many the lock has; those who disagree wait for each other
}

// Terms are what an Acquire or an opening asks beyond the plain case.
type Terms struct {
	// TTL is how long an opened session may be silent; zero means DefaultTTL.
	TTL Millis
	// Info is shown to others: of a session, of a grant and its wait, or the
	// reason of a Revoke.
	Info Info

	And         []Want // further locks, all or nothing with the first (S8)
	Permits, Of uint32 // of the command's own Name, if its Mode is Counted

	// Under is a grant that the asker holds meanwhile, its own or another
	// session's: who waits under it keeps it from being released.
	Under Holding
	// Sequential says that the session does one thing after the other: whatever it
	// holds, it keeps while it waits. Else its parts may let go of what they hold
	// meanwhile.
	Sequential bool
	// Reentrant grants at once, with the same token, what the session holds
	// already, unless that has a MaxHold; it goes with none. Each grant is released
	// on its own.
	Reentrant bool
	// AllowDeadlock lets the wait queue although it closes a cycle; else such a
	// wait is refused.
	AllowDeadlock bool
	MaxHold       Millis // the grant is taken back after it; zero: never
	LockDelay     Millis // the lock stays closed for so long if the holder is lost (T6)
}

// Holding names a grant by one of its locks and its token.
type Holding struct {
	Name  string
	Token Token
}

// Info is a small map for people, one "key=value" a line, sorted by key.
type Info string
