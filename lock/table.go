package lock

// Table is the state of one lock table. It is not safe for concurrent use:
// one actor owns it.
type Table struct {
	locks    map[string]ownerless  // those that are held; a free lock is not kept
	owned    map[string]*ownedLock // the locks with owned holders, with waiters or a lock-delay, and the idle ones with a past
	sessions map[SessionID]*session
	openings map[Number]SessionID // the nonce of each open session

	// last is the highest value drawn so far, view<<40 | n. Tokens and session
	// ids are drawn from it alike, so each is unique among both (S3, S4).
	last uint64

	index  Index  // of the last entry applied
	digest Digest // of everything above, but for index and what is told to the record alone

	recorder recorder // who had what until when

	// What follows can be told from the sessions and the locks above.

	held     int                // locks in owned that have a holder
	idle     int                // locks in owned that are there for their past alone
	waits    int                // waiting claims
	maxHolds map[Token]*claim   // the grants with a MaxHold
	delays   map[Holding]Millis // the lock-delays, by the name and the lost token

	limits limits

	listings [maxListings]listing
	listed   int // how many were made

	// What follows serves one Apply.

	view    View
	at      Millis
	events  []Event
	touched []*ownedLock // that lost a holder, a waiter or a delay, and are to be served
	ready   firstQueued  // waits that may be granted now
	spare   spare
}

// limits are those of the constants that tests would take long to reach.
type limits struct {
	locks, sessions, waits, lockWaits, sessionLocks, sessionWaits int

	tenures, lockTenures, recordBytes int
}

// NewTable returns an empty table, as it is before entry 1.
func NewTable() *Table {
	return &Table{
		locks:    map[string]ownerless{},
		owned:    map[string]*ownedLock{},
		sessions: map[SessionID]*session{},
		openings: map[Number]SessionID{},
		maxHolds: map[Token]*claim{},
		delays:   map[Holding]Millis{},
		recorder: recorder{whole: true},
		limits: limits{
			locks: MaxLocks, sessions: MaxSessions, waits: MaxWaits, lockWaits: MaxLockWaits,
			sessionLocks: MaxSessionLocks, sessionWaits: MaxSessionWaits,
			tenures: MaxTenures, lockTenures: MaxLockTenures, recordBytes: MaxRecordBytes,
		},
	}
}

// Index returns the index of the last entry applied.
func (t *Table) Index() Index { return t.index }

// used is how many locks are held, waited for or closed by a lock-delay.
func (t *Table) used() int { return len(t.locks) + len(t.owned) - t.idle }

// Size returns how many locks are held and how many sessions are open.
func (t *Table) Size() (locks, sessions int) { return len(t.locks) + t.held, len(t.sessions) }

// Waiting returns how many acquires wait.
func (t *Table) Waiting() int { return t.waits }

// Apply runs the next entry of the order. An entry out of order, or with a verb
// that never enters it, means that replicas have come apart: it panics.
func (t *Table) Apply(e Entry) Result {
	if e.Index != t.index+1 {
		panic("lock: an entry out of order")
	}
	t.index, t.view, t.at = e.Index, e.View, e.Command.At
	t.recorder.begins(t.at)
	if t.index%listingAge == 0 {
		t.ageListings()
	}
	clear(t.events)
	t.events = t.events[:0]
	result := t.run(e.Command)
	t.serve()
	return result
}

func (t *Table) run(c Command) Result {
	switch c.Verb {
	case OpenSession:
		return t.open(c)
	case CloseSession:
		return t.close(c.Session)
	case Lock, Unlock, Acquire, Release, Cancel, Revoke:
		return t.request(c)
	case Expire:
		return t.expire(c.Session)
	case EndHold:
		return t.endHold(c.Name, c.Token)
	case Reopen:
		return t.reopen(c.Name, c.Token)
	default:
		panic("lock: an entry with an unknown verb")
	}
}

// draw returns the next token or session id of the entry's view (S3). Entries
// reach the table with views that never fall, so neither does what is drawn.
func (t *Table) draw() uint64 {
	t.digest.remove(ofCounter(t.last))
	t.last = max(t.last+1, uint64(t.view)<<tokenCountBits|1)
	t.digest.add(ofCounter(t.last))
	if t.last>>tokenCountBits != uint64(t.view) {
		panic("lock: a view has drawn all its tokens")
	}
	return t.last
}
