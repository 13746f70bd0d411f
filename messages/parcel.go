package messages

import (
	"lockstep/lock"
	"lockstep/messages/wire"
	"lockstep/muster"
	"lockstep/replica"
)

// Frame is the one message that proto.actor's remoting carries for us.
type Frame = wire.Frame

// ClientID tells the client actors of one process apart.
type ClientID uint32

// Header is what every frame says about itself.
type Header struct {
	Cluster         replica.ClusterID
	Table           string // empty is the default table
	From, To        replica.NodeID
	FromIncarnation replica.Incarnation
	ToIncarnation   replica.Incarnation // zero: the receiver was not heard yet
	Version         uint32              // in which the body is written
	Newest          uint32              // that the sender reads, if it is not Version
	Proof           uint64              // the number that the receiver sent to From
	Challenge       uint64              // the number that the receiver must return
	Seq             uint64              // counts the frames of this direction, from 1
	Seen            uint64              // the highest Seq of the other direction that was handled
}

// Parcel is all that waited for one process, as plain values.
type Parcel struct {
	Requests      []Request
	Answers       []Answer
	Pair          []replica.Message
	StatusQueries []ClientID
	StatusReports []StatusReport
	Refused       string // not empty: the receiver may not talk to the sender
	Queries       []Query
	Reports       []Report
	Notices       []Notice
	Orders        []Order
	Ordered       []Ordered
	MemberQueries []ClientID
	Told          []Told
	Traces        []Trace // of some of the requests, in their order
}

// Request is a command with the client actor that asks.
type Request struct {
	Client  ClientID
	Command lock.Command
}

// Trace says to which trace a request belongs.
type Trace struct {
	Request lock.RequestID
	Parent  string // as in the header traceparent of W3C
}

// Answer is a node's answer to one client actor.
type Answer struct {
	Client ClientID
	Answer replica.Answer
}

// Query is an inquiry with the client actor that makes it.
type Query struct {
	Client ClientID
	ID     replica.InquiryID
	Query  lock.Query
}

// Report is a node's answer to an inquiry of one client actor.
type Report struct {
	Client   ClientID
	Reported replica.Reported
}

// Notice tells a client actor, unasked, that a grant was taken from its session.
type Notice struct {
	Client     ClientID
	Session    lock.SessionID
	Revocation lock.Revocation
}

// Order is an operator's order with the client actor that gives it.
type Order struct {
	Client ClientID
	ID     replica.OrderID
	Order  replica.Order
}

// Ordered is a node's answer to an order of one client actor.
type Ordered struct {
	Client  ClientID
	Ordered replica.Ordered
}

// Told answers the member query of one client actor.
type Told struct {
	Client ClientID
	Told   replica.Told
}

// StatusReport answers the status query of one client actor.
type StatusReport struct {
	Client ClientID
	Status replica.Status
	Reigns []muster.Reign // that the node has seen, the oldest first
}
