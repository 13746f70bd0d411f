package replica

import (
	"slices"

	"lockstep/lock"
)

// CallID names a call for the shell, which draws it: unique for its client.
type CallID uint64

// ClerkID names a clerk, which has one call outstanding at a time. Zero is a
// call without a clerk: nothing fences it once it was given up.
type ClerkID uint64

// ClientConfig is what a client is started with. Zero means the default.
type ClientConfig struct {
	Nodes []NodeID // 1 to MaxClientNodes; the first is asked first
	// Seed is for nonces and jitter. Two clients with one seed could be given
	// the same session, so the shell draws it from a good source.
	Seed         uint64
	FirstAttempt int // ticks until the first re-send; 10 if zero
	MaxAttempt   int // no attempt and no back-off takes more ticks; 40 if zero
}

// Limits of a client.
const (
	MaxClientNodes = 64      // so that a set of nodes fits in a word
	MaxWaiting     = 1 << 14 // calls that wait for a session or a slot
)

// ClientEvent is something that happened to a client.
type ClientEvent interface{ clientEvent() }

// The events of a client.
type (
	// Call asks for a Lock or an Unlock. With a Deadline it ends at the latest
	// with so many ticks from now; less than zero is a deadline that has passed.
	Call struct {
		ID       CallID
		Clerk    ClerkID
		Verb     lock.Verb
		Name     string
		Deadline int // ticks from now; 0 is none
	}

	// Calls are several calls at once, so that one effect asks for all of them.
	Calls struct{ Calls []Call }

	// Cancel gives a call up. Its outcome may be unknown for ever.
	Cancel struct{ ID CallID }

	// Forget says that the clerk is gone and has no call outstanding, so that
	// others may use the slots that its abandoned calls have bound.
	Forget struct{ Clerk ClerkID }

	// Answered brings what a node replied.
	Answered struct {
		From    NodeID
		Answers []Answer
	}

	// ClientTick is one unit of logical time.
	ClientTick struct{}

	// NodeLost says that the connection to a node broke or was refused: what
	// became of the requests sent there is unknown.
	NodeLost struct{ Node NodeID }

	// NodeRefused says that a node will not talk to us, for the version of one
	// of us. When every node has said so, the calls fail.
	NodeRefused struct {
		Node   NodeID
		Reason string
	}

	// Shut closes the session. It makes one attempt at telling the nodes, and
	// Closed follows when that is over.
	Shut struct{}
)

func (Call) clientEvent()        {}
func (Calls) clientEvent()       {}
func (Cancel) clientEvent()      {}
func (Forget) clientEvent()      {}
func (Answered) clientEvent()    {}
func (ClientTick) clientEvent()  {}
func (NodeLost) clientEvent()    {}
func (NodeRefused) clientEvent() {}
func (Shut) clientEvent()        {}

// ClientEffect is something that the client's shell has to do. What an effect
// holds belongs to the shell and is never changed.
type ClientEffect interface{ clientEffect() }

// The effects of a client.
type (
	// Ask sends requests to a node: all that one step has for it.
	Ask struct {
		To       NodeID
		Commands []lock.Command
	}

	// Finish ends calls: all that one step has ended.
	Finish struct{ Calls []Finished }

	// Closed says that Shut is done. The client asks nothing after it.
	Closed struct{}
)

func (Ask) clientEffect()    {}
func (Finish) clientEffect() {}
func (Closed) clientEffect() {}

// Finished is the end of one call: a Result, or the reason why there is none.
type Finished struct {
	ID     CallID
	Result lock.Result
	Err    error
}

// Client is the client's half of the protocol. It gives every request one
// number for life, finds the node that serves, and asks again until there is a
// definite answer (design section 7).
type Client struct {
	cfg    ClientConfig
	random splitMix
	now    uint64 // in ticks

	// primary is the index of the node that new requests go to: the last that
	// has answered one as executed.
	primary int
	// refusals has the reason of each node that will not talk to us.
	refusals []string

	session session
	slots   slots
	waiting callQueue

	// What the step at hand has for the shell.
	finished []Finished
	asks     [][]lock.Command // by node
	closed   bool
	effects  []ClientEffect
}

// NewClient returns a client that has asked nothing yet.
func NewClient(cfg ClientConfig) *Client {
	if n := len(cfg.Nodes); n == 0 || n > MaxClientNodes {
		panic("replica: a client needs 1 to 64 nodes")
	}
	cfg.Nodes = slices.Clone(cfg.Nodes)
	if cfg.FirstAttempt <= 0 {
		cfg.FirstAttempt = 10
	}
	if cfg.MaxAttempt <= 0 {
		cfg.MaxAttempt = 40
	}
	cfg.MaxAttempt = max(cfg.MaxAttempt, cfg.FirstAttempt)
	c := &Client{
		cfg:      cfg,
		random:   splitMix(cfg.Seed),
		refusals: make([]string, len(cfg.Nodes)),
		slots:    newSlots(),
		asks:     make([][]lock.Command, len(cfg.Nodes)),
	}
	c.session.nonce = c.random.nonce()
	return c
}

// Step handles one event and returns what is to be done, in order. The slice is
// valid until the next Step.
func (c *Client) Step(ev ClientEvent) []ClientEffect {
	switch ev := ev.(type) {
	case Call:
		c.call(ev)
	case Calls:
		for _, one := range ev.Calls {
			c.call(one)
		}
	case Cancel:
		c.cancel(ev.ID)
	case Forget:
		c.slots.forget(ev.Clerk)
	case Answered:
		c.answered(ev)
	case ClientTick:
		c.tick()
	case NodeLost:
		c.nodeLost(ev)
	case NodeRefused:
		c.nodeRefused(ev)
	case Shut:
		c.shut()
	default:
		panic("replica: an unknown client event")
	}
	c.startWaiting()
	return c.flush()
}

// flush turns what the step has gathered into effects. The gathering slices are
// used again, so the shell gets copies.
func (c *Client) flush() []ClientEffect {
	clear(c.effects)
	c.effects = c.effects[:0]
	if len(c.finished) > 0 {
		c.effects = append(c.effects, Finish{slices.Clone(c.finished)})
		c.finished = c.finished[:0]
	}
	for i, commands := range c.asks {
		if len(commands) > 0 {
			c.effects = append(c.effects, Ask{c.cfg.Nodes[i], slices.Clone(commands)})
			c.asks[i] = commands[:0]
		}
	}
	if c.closed {
		c.effects = append(c.effects, Closed{})
		c.closed = false
	}
	return c.effects
}

func (c *Client) finish(id CallID, result lock.Result, err error) {
	c.finished = append(c.finished, Finished{id, result, err})
}

// node returns the index of a node, or -1 for one that we were not told of.
func (c *Client) node(id NodeID) int { return slices.Index(c.cfg.Nodes, id) }
