package replica

import (
	"slices"

	"lockstep/lock"
)

// ClientConfig is what a client is started with. Zero means the default.
type ClientConfig struct {
	// Nodes are 1 to MaxClientNodes; the first is asked first. The nodes themselves
	// tell who the others are (Bound); these stay to be asked, but last.
	Nodes []NodeID
	// Seed is for nonces and jitter. Two clients with one seed could be given
	// the same session, so the shell draws it from a good source.
	Seed         uint64
	FirstAttempt int // ticks until the first re-send; 10 if zero
	MaxAttempt   int // no attempt and no back-off takes more ticks; 40 if zero
	// TTL is how long the session may be silent, lock.DefaultTTL if zero.
	TTL  lock.Millis
	Info lock.Info // of the session, for people
	// Now is what the client's clock shows at the start. What is sent before the
	// first tick counts as sent then.
	Now Instant
}

// Limits of a client.
const (
	MaxClientNodes = 64      // known at a time, so that a set of nodes fits in a word
	MaxWaiting     = 1 << 14 // calls that wait for a session or a slot
)

// ClientTickPeriod is the length of a client's tick in milliseconds.
const ClientTickPeriod Instant = 25

// Client is the client's half of the protocol. It gives every request one
// number for life, finds the node that serves, and asks again until there is a
// definite answer (design section 7).
type Client struct {
	cfg    ClientConfig
	terms  *lock.Terms // of the session
	random splitMix
	now    uint64  // in ticks
	clock  Instant // as last shown: what is sent now counts as sent then, which is never too late

	nodes   []clientNode // by place
	ring    []int        // the places of those that are asked in turn, in that order
	binding binding
	// primary is the place of the node that new requests go to: the last that
	// has answered one as executed.
	primary int
	swayed  bool // it has changed since waits were last looked for elsewhere

	session   session
	slots     slots
	waiting   callQueue
	leases    leases
	inquiries inquiries
	cargo     cargo
	orders    instructions
	// wanting is until when a call that ends without a result does so for want
	// of a primary; zero if one has been heard of since.
	wanting Instant

	// What the step at hand has for the shell.
	heard    bool     // a keep-alive was acknowledged, by the primary
	belief   Believes // with Until zero it was not moved
	finished []Finished
	lost     []LeaseLost
	allLost  error
	progress []Progress
	wanted   bool // wanting has changed
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
	if cfg.TTL == 0 {
		cfg.TTL = lock.DefaultTTL
	}
	c := &Client{
		cfg:    cfg,
		terms:  &lock.Terms{TTL: cfg.TTL, Info: cfg.Info},
		random: splitMix(cfg.Seed),
		clock:  cfg.Now,
		slots:  newSlots(),
		leases: newLeases(),
		cargo:  newCargo(),
	}
	c.seeds()
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
		c.calls(ev)
	case Carries:
		c.carries(ev)
	case Inquire:
		c.inquire(ev)
	case Issue:
		c.issue(ev)
	case Cancel:
		c.cancel(ev.ID)
	case Forget:
		c.slots.forget(ev.Clerk)
	case Answered:
		c.answered(ev)
	case Looked:
		c.looked(ev)
	case Instructions:
		c.instructed(ev)
	case Bound:
		c.learnMembers(ev)
	case Noticed:
		c.noticed(ev)
	case ClientTick:
		c.tick(ev)
	case NodeReached:
		c.reached(ev)
	case NodeLost:
		c.nodeLost(ev)
	case NodeRefused:
		c.nodeRefused(ev)
	case Shut:
		c.shut()
	default:
		panic("replica: an unknown client event")
	}
	c.repeatWaits()
	c.startWaiting()
	return c.flush()
}

// flush turns what the step has gathered into effects, in the order that
// ClientEffect promises. The gathering slices are used again, so the shell gets
// copies.
func (c *Client) flush() []ClientEffect {
	clear(c.effects)
	c.effects = c.effects[:0]
	if c.belief.Until != 0 {
		c.effects = append(c.effects, c.belief)
		c.belief = Believes{}
	}
	if c.wanted {
		c.effects = append(c.effects, NoPrimary{c.wanting})
		c.wanted = false
	}
	for _, news := range c.progress {
		c.effects = append(c.effects, news)
	}
	c.progress = c.progress[:0]
	if len(c.finished) > 0 {
		c.effects = append(c.effects, Finish{slices.Clone(c.finished)})
		clear(c.finished) // they have reports
		c.finished = c.finished[:0]
	}
	c.flushLosses()
	c.flushBinding()
	c.flushMail()
	if c.closed {
		c.effects = append(c.effects, Closed{})
		c.closed = false
	}
	return c.effects
}

func (c *Client) flushLosses() {
	for _, loss := range c.lost {
		c.effects = append(c.effects, loss)
	}
	c.lost = c.lost[:0]
	if c.allLost != nil {
		c.effects = append(c.effects, Lost{c.allLost})
		c.allLost = nil
	}
}

func (c *Client) flushMail() {
	for i := range c.nodes {
		if n := &c.nodes[i]; len(n.asks) > 0 {
			c.effects = append(c.effects, Ask{n.id, slices.Clone(n.asks)})
			n.asks = n.asks[:0]
		}
	}
	for i := range c.nodes {
		if n := &c.nodes[i]; len(n.looks) > 0 {
			c.effects = append(c.effects, Look{n.id, slices.Clone(n.looks)})
			n.looks = n.looks[:0]
		}
	}
	for i := range c.nodes {
		if n := &c.nodes[i]; len(n.passes) > 0 {
			c.effects = append(c.effects, Pass{n.id, slices.Clone(n.passes)})
			n.passes = n.passes[:0]
		}
	}
}

// flushBinding comes before the mail: who is asked for the first time has to be
// dialled.
func (c *Client) flushBinding() {
	if c.binding.moved {
		c.effects = append(c.effects, Know{c.known()})
		c.binding.moved = false
	}
	for i := range c.nodes {
		if n := &c.nodes[i]; n.bind {
			c.effects = append(c.effects, AskMembers{n.id})
			n.bind = false
		}
	}
}

func (c *Client) finish(id CallID, result lock.Result, err error) {
	c.finished = append(c.finished, Finished{ID: id, Result: result, Err: err})
}
