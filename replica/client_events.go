package replica

import "lockstep/lock"

// CallID names a call for the shell, which draws it: unique for its client,
// among calls and inquiries together.
type CallID uint64

// ClerkID names a clerk, which has one call outstanding at a time. Zero is a
// call without a clerk: nothing fences it once it was given up.
type ClerkID uint64

// InquiryID names an inquiry for the nodes: all its repeats share it.
type InquiryID uint64

// Instant is a moment on the client's own clock, in milliseconds from some
// start. It is never compared with another's. The clock runs through suspend
// (T5), and its rate is wrong by 2% at most (T4).
type Instant uint64

// ClientEvent is something that happened to a client.
type ClientEvent interface{ clientEvent() }

// The events of a client.
type (
	// Call asks for a Lock, Unlock, Acquire, Release or Revoke. What it says
	// beyond the name goes into the command as it is. With a Deadline it ends at
	// the latest with so many ticks from now; less than zero is a deadline that
	// has passed.
	//
	// Only Lock and Unlock have clerks. An Acquire that is given up is undone in
	// the background, a Release goes on there until it is answered.
	Call struct {
		ID       CallID
		Clerk    ClerkID
		Name     string
		Token    lock.Token  // Release, Revoke
		Terms    *lock.Terms // Acquire, Revoke; never changed
		Verb     lock.Verb
		Mode     lock.Mode // Acquire
		Wait     bool      // Acquire
		Deadline int       // ticks from now; 0 is none
	}

	// Calls are several calls at once, so that one effect asks for all of them. Now
	// is what the client's clock shows; zero leaves it where it was. After a
	// suspend they may come before the tick that would show how late it is.
	Calls struct {
		Calls []Call
		Now   Instant
	}

	// Inquire asks about the state; it needs no session. It ends with a Report.
	Inquire struct {
		ID    CallID
		Query lock.Query
	}

	// Cancel gives a call or an inquiry up. A call's outcome may be unknown for
	// ever.
	Cancel struct{ ID CallID }

	// Forget says that the clerk is gone and has no call outstanding, so that
	// others may use the slots that its abandoned calls have bound.
	Forget struct{ Clerk ClerkID }

	// Answered brings what a node replied. Now is as for Calls: what is granted to
	// nobody's belief any more is not handed out.
	Answered struct {
		From    NodeID
		Answers []Answer
		Now     Instant
	}

	// Looked brings what a node replied to inquiries.
	Looked struct {
		From    NodeID
		Reports []Reported
	}

	// Noticed is a node's word, which may get lost, that a grant was taken from a
	// session.
	Noticed struct {
		Session    lock.SessionID
		Revocation lock.Revocation
	}

	// ClientTick is one unit of logical time, ClientTickPeriod long. Now is what
	// the client's clock shows.
	ClientTick struct{ Now Instant }

	// NodeLost says that the connection to a node broke or was refused: what
	// became of the requests sent there is unknown.
	NodeLost struct{ Node NodeID }

	// NodeRefused says that a node will not talk to us, for the version of one
	// of us. When every node has said so, the calls fail.
	NodeRefused struct {
		Node   NodeID
		Reason string
	}

	// Shut closes the session, which frees all that it holds. It makes one
	// attempt at telling the nodes, and Closed follows when that is over.
	Shut struct{}
)

func (Call) clientEvent()        {}
func (Calls) clientEvent()       {}
func (Inquire) clientEvent()     {}
func (Cancel) clientEvent()      {}
func (Forget) clientEvent()      {}
func (Answered) clientEvent()    {}
func (Looked) clientEvent()      {}
func (Noticed) clientEvent()     {}
func (ClientTick) clientEvent()  {}
func (NodeLost) clientEvent()    {}
func (NodeRefused) clientEvent() {}
func (Shut) clientEvent()        {}

// ClientEffect is something that the client's shell has to do. What an effect
// holds belongs to the shell and is never changed.
type ClientEffect interface{ clientEffect() }

// The effects of a client. Those of one step come in the order in which they
// stand here, so that no lease appears without a deadline, and none is lost
// before it has appeared.
type (
	// Believes moves the moment until which the client may believe in all that
	// its session holds (T4). Grants that finish from then on are of Session.
	Believes struct {
		Session lock.SessionID
		Until   Instant
	}

	// Finish ends calls and inquiries: all that one step has ended. A grant among
	// them is a lease from then on, until its Release is asked or its loss told.
	Finish struct{ Calls []Finished }

	// LeaseLost ends one lease, which is all the grants that go by its token.
	// Cause is ErrExpired or ErrRevoked; Reason is the operator's.
	LeaseLost struct {
		Token  lock.Token
		Cause  error
		Reason string
	}

	// Lost ends all leases that there are. Cause is ErrLost, or ErrReleased after
	// Shut.
	Lost struct{ Cause error }

	// Ask sends requests to a node: all that one step has for it.
	Ask struct {
		To       NodeID
		Commands []lock.Command
	}

	// Look sends inquiries to a node: all that one step has for it.
	Look struct {
		To        NodeID
		Inquiries []Inquiry
	}

	// Closed says that Shut is done. The client asks nothing after it.
	Closed struct{}
)

func (Believes) clientEffect()  {}
func (Finish) clientEffect()    {}
func (LeaseLost) clientEffect() {}
func (Lost) clientEffect()      {}
func (Ask) clientEffect()       {}
func (Look) clientEffect()      {}
func (Closed) clientEffect()    {}

// Finished is the end of one call: a Result or a Report, or the reason why there
// is none.
type Finished struct {
	ID     CallID
	Result lock.Result
	// Until is when the belief in a grant with a MaxHold ends at the latest; zero
	// leaves it to Believes.
	Until  Instant
	Report *lock.Report // of an inquiry
	Err    error
}

// Inquiry is a query on its way to a node. A repeat replaces the one before.
type Inquiry struct {
	ID    InquiryID
	Query lock.Query
}
