package replica

import "lockstep/lock"

// CallID names a call for the shell, which draws it: unique for its client,
// among calls, inquiries and orders together.
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

	// Carry asks for a command of somebody else's as it is: session, slot and number
	// are theirs, also those of an opening, of a keep-alive, or of a Cancel. It needs
	// no session of the client's own. Two that carry one request share its answer,
	// which is a Result of any outcome. That the request waits is an answer only
	// after Patience; what it has done stays done when nobody carries it any more.
	Carry struct {
		ID       CallID
		Command  lock.Command
		Patience int // ticks from now; 0: for ever
		Deadline int // ticks from now; 0 is none
	}

	// Carries are several at once, so that one effect asks for all of them.
	Carries struct{ Carries []Carry }

	// Inquire asks about the state; it needs no session. It ends with a Report.
	Inquire struct {
		ID    CallID
		Query lock.Query
	}

	// Issue gives the nodes an operator's order, which is repeated until it is done
	// or refused. It ends with an Ordered of the outcome. With Only it goes to that
	// node and no other.
	Issue struct {
		ID    CallID
		Order Order
		Only  NodeID
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

	// Instructions brings what a node replied to orders.
	Instructions struct {
		From    NodeID
		Ordered []Ordered
	}

	// Bound brings what a node says of who the nodes are. The client asks those
	// from then on, and the configured ones last. Self is what the node calls
	// itself, if that is not how it was asked: the others will mean it by that name.
	Bound struct {
		From NodeID
		Self NodeID
		Told Told
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

	// NodeReached says that a new connection to a node stands.
	NodeReached struct{ Node NodeID }

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

func (Call) clientEvent()         {}
func (Calls) clientEvent()        {}
func (Carries) clientEvent()      {}
func (Inquire) clientEvent()      {}
func (Issue) clientEvent()        {}
func (Cancel) clientEvent()       {}
func (Forget) clientEvent()       {}
func (Answered) clientEvent()     {}
func (Looked) clientEvent()       {}
func (Instructions) clientEvent() {}
func (Bound) clientEvent()        {}
func (Noticed) clientEvent()      {}
func (ClientTick) clientEvent()   {}
func (NodeReached) clientEvent()  {}
func (NodeLost) clientEvent()     {}
func (NodeRefused) clientEvent()  {}
func (Shut) clientEvent()         {}

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

	// NoPrimary says why calls wait: the nodes that answer know of no primary. A
	// call that ends without a result before Until ends for that reason; with zero
	// there is somebody who serves.
	NoPrimary struct{ Until Instant }

	// Progress tells how far an order is.
	Progress struct {
		ID   CallID
		Text string
	}

	// Finish ends calls, inquiries and orders: all that one step has ended. A grant among
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

	// Know says which nodes are to be asked from now on, in the order of asking:
	// connections to them should stand.
	Know struct{ Nodes []NodeID }

	// AskMembers asks a node who the nodes are; it comes back as Bound. A node of
	// an older version does not answer.
	AskMembers struct{ To NodeID }

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

	// Pass sends orders to a node: all that one step has for it.
	Pass struct {
		To     NodeID
		Orders []GivenOrder
	}

	// Closed says that Shut is done. The client asks nothing after it.
	Closed struct{}
)

func (Believes) clientEffect()   {}
func (NoPrimary) clientEffect()  {}
func (Progress) clientEffect()   {}
func (Finish) clientEffect()     {}
func (LeaseLost) clientEffect()  {}
func (Lost) clientEffect()       {}
func (Know) clientEffect()       {}
func (AskMembers) clientEffect() {}
func (Ask) clientEffect()        {}
func (Look) clientEffect()       {}
func (Pass) clientEffect()       {}
func (Closed) clientEffect()     {}

// Finished is the end of one call: a Result, a Report or an Ordered, or the reason
// why there is none.
type Finished struct {
	ID     CallID
	Result lock.Result
	// Until is when the belief in a grant with a MaxHold ends at the latest; zero
	// leaves it to Believes.
	Until Instant
	// Repeated says that a carried command was sent more than once: its Result may be
	// that of a repeat.
	Repeated bool
	Report   *lock.Report // of an inquiry
	Order    *Ordered     // of an order
	Err      error
}

// GivenOrder is an order on its way to a node. A repeat is the same order.
type GivenOrder struct {
	ID    OrderID
	Order Order
}

// Inquiry is a query on its way to a node. A repeat replaces the one before.
type Inquiry struct {
	ID    InquiryID
	Query lock.Query
}
