package api

import (
	"context"
	"iter"
	"time"

	"lockstep/lock"
	"lockstep/muster"
	"lockstep/replica"
)

// Backend is what the handlers need of the node: any node does any of it. It is
// safe for concurrent use. Nothing in it takes longer than ctx.
//
// Values are those of packages lock and replica; what goes into a request is
// judged there, so that handlers translate and nothing else. Errors are these, to
// be told apart with errors.Is and errors.As:
//
//	*replica.LimitError       not executed: the form is wrong or, if Limit.OfState, there is no room
//	replica.ErrPair           not executed: slot or number are not for clients
//	replica.ErrBusy           not executed: too much is under way; later perhaps
//	replica.ErrStale          the slot has gone on, by a higher number or a Cancel: there is no answer to this one any more
//	replica.ErrSessionExpired there is no such session (any more), and nothing that it held; whether the request was executed is unknown
//	replica.ErrUnknown        executed once or never; whoever has no pair cannot find out
//	replica.ErrClosed         the node is about to end; with the same pair another node knows the answer
//	*replica.IncompatibleError no node accepts this one
//	context.DeadlineExceeded, context.Canceled
//	                          ctx has ended; with replica.ErrNoQuorum beside it if the nodes know of no primary
//
// That a lock cannot be had is no error but a Result.
type Backend interface {
	Sessions
	Locks
	Questions
}

// Sessions are in the cluster, and no node's own: each node takes up whichever
// it is asked about. A session lives as long as its client gives signs of life,
// which every request of it is; a node gives none by itself.
type Sessions interface {
	// Open opens a session with a TTL and an Info, which Terms may have and nothing
	// else. All that is asked with one nonce, of whatever node, opens one session,
	// for as long as that lives: so it is drawn at random, of 64 bits, and told to
	// nobody. With zero there is nothing to repeat. The session ends when its TTL has passed after the moment at which Open was called, or
	// later: from there its client may count as after KeepAlive. The card has the
	// session's ID and its TTL, which is that of the first opening.
	Open(ctx context.Context, nonce lock.Number, terms lock.Terms) (lock.SessionCard, error)

	// Session shows a session. ErrSessionExpired says that there is none.
	Session(ctx context.Context, id lock.SessionID) (lock.SessionCard, error)

	// KeepAlive keeps a session alive and returns its TTL. The nodes have exchanged
	// a word about it that began after KeepAlive was called (T1): so a client may
	// believe in what it holds until TTL × 98/102 has passed on its own clock after it
	// has sent the request (T4).
	//
	// Any other request of a session is a sign of life as well, but its answer is no
	// proof of one: believing takes a KeepAlive.
	KeepAlive(ctx context.Context, id lock.SessionID) (lock.Millis, error)

	// CloseSession ends a session, and frees all that it holds or waits for. It goes
	// on without its caller. A session that is over is closed already.
	CloseSession(ctx context.Context, id lock.SessionID) error
}

// Locks are asked for with commands.
type Locks interface {
	// Ask has a command executed at most once, and waits for its result: Lock,
	// Unlock, Acquire, Release, Revoke or Cancel. The command is judged here.
	//
	// With a Number, its Slot is 0 to MaxSlot and its Number 1 to MaxNumber, rising
	// within the slot. The same pair gets the same answer, at whatever node and
	// however often it is asked, until the slot goes on; what else the command says
	// does not count then. So when ctx ends, nothing is undone: the client asks with
	// the pair again, here or elsewhere, or gives it up by a Cancel with that pair.
	//
	// Without a Number the node draws a pair of its own. When ctx ends, an Acquire
	// is undone, so that it leaves neither a wait nor a grant behind; anything else
	// was executed once or never. A Release goes on in both cases. But a node that
	// dies undoes nothing, and one that stops waits for its undos for a moment only: what
	// waited then may be granted later, and is held until the session ends or somebody
	// finds it there and releases it.
	//
	// An Acquire with Wait waits until it is granted. If patience is more than zero,
	// which takes a pair of the client's, it is told Waiting after that time, if
	// that is known by then, and stays in the queue for the pair to be asked again.
	// A client that waits keeps its session alive meanwhile: asking again is enough.
	//
	// Lock, Unlock and Revoke may be asked without a Session and a Number: then the
	// node asks in one of its own.
	//
	// The outcomes: of Acquire and Lock Granted, with the Token of an Acquire, or
	// Held; of an Acquire Deadlock with its Cycle, or Waiting, too; of Release,
	// Unlock and Revoke Released or NotHeld; of Cancel Released if there was a
	// grant, else Canceled.
	Ask(ctx context.Context, command lock.Command, patience time.Duration) (lock.Result, error)

	// Blockers shows which of the locks that a command names are not free, just
	// after it was refused. It does what it can within a second.
	Blockers(ctx context.Context, command lock.Command) []lock.LockCard
}

// The pairs of slot and number that clients use.
const (
	MaxSlot   = replica.MaxPairSlot
	MaxNumber = replica.MaxPairNumber
)

// Questions are nobody's session's, and change nothing.
type Questions interface {
	// Inquire asks about the state once: a page of locks or sessions, one of either,
	// deadlocks, a token.
	Inquire(ctx context.Context, q lock.Query) (lock.Report, error)

	// Watch yields what happens to the locks whose names begin with prefix, and with
	// an empty prefix to sessions too. First comes a report without events, whose
	// Index says where it begins; then reports with events, or with Missed if more
	// has happened than the nodes remember. Each report's Index is where to go on.
	// It begins behind an entry, or with zero in the present. It goes on until ctx
	// ends, whose error it yields.
	Watch(ctx context.Context, prefix string, behind lock.Index) iter.Seq2[lock.Report, error]

	// Status asks every node where it stands, until all have answered or ctx ends,
	// which should be soon: of a node that did not answer there is no Status.
	Status(ctx context.Context) []muster.Told

	// Here is the address of this node among them.
	Here() replica.NodeID

	// Members returns who keeps the order, by the newest that the nodes say, and
	// false if ctx ended before one has said it.
	Members(ctx context.Context) (replica.Told, bool)
}
