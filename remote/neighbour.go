package remote

import (
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/messages"
	"lockstep/replica"
)

// Window is how many numbered frames may be under way to one process (N5).
const Window = 64

// neighbour is what this process knows of another. The door writes what it
// hears, the link reads it when it sends. This is the one thing that two actors
// share: a message for every frame would wake a goroutine for every frame, and
// wake-ups are what a request's latency is made of.
type neighbour struct {
	name       replica.NodeID
	configured atomic.Bool // it is dialled until it answers
	link       *actor.PID
	secret     secret
	asked      atomic.Bool  // an actor of ours has sent something there
	inMailbox  atomic.Int64 // parcels on their way to the link

	mu sync.Mutex

	// What it told us, proven (N3).
	incarnation replica.Incarnation
	theirs      uint64 // the challenge to return; zero if not heard yet
	reads       uint32 // the newest version of what it can read

	// What it must return: the current number and the one before, which frames
	// that are under way still carry.
	attempt     uint64
	ours, older uint64

	// Its frames to us.
	newest   *stream // the newest stream that was proven to be its own
	streams  int     // how many there are
	handled  uint64  // the last number that was handled
	returned uint64  // what it was last told of that

	// Our frames to it.
	answered  bool   // the challenge of this connection came back
	open      bool   // the link has seen that, and sends
	connected bool   // a connection stands
	sent      uint64 // the last number given out
	base      uint64 // what was sent up to here does not count any more
	seen      uint64 // the last number that it handled
	stalled   bool   // the link waits for credit
	waiting   bool   // the link holds parcels
	active    uint64 // the tick of the last use
}

func newNeighbour(name replica.NodeID, configured bool, s secret) *neighbour {
	ours := s.challenge(name, 0)
	n := &neighbour{name: name, secret: s, ours: ours, older: ours}
	n.configured.Store(configured)
	return n
}

// expects reports whether a proof is good: current tells a number that was sent
// on this connection from the one before.
func (n *neighbour) expects(proof uint64) (good, current bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return proof == n.ours || proof == n.older, proof == n.ours
}

// disconnected begins a new attempt: what is under way is lost or will be too
// late to count.
func (n *neighbour) disconnected() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.connected = false
	n.attempt++
	n.older, n.ours = n.ours, n.secret.challenge(n.name, n.attempt)
	n.answered, n.open = false, false
	n.settleLocked()
}

// settleLocked gives the whole window back.
func (n *neighbour) settleLocked() {
	n.base = n.sent
	n.stalled = false
}

// news is what a frame changes.
type news struct {
	stale bool // from a former life of the sender: to be dropped
	wake  bool // the link has something to do
}

// hear takes note of a proven frame.
func (n *neighbour) hear(f *messages.Frame, s *stream, current bool, now uint64) (w news) {
	n.mu.Lock()
	defer n.mu.Unlock()
	life := replica.Incarnation(f.GetFromIncarnation())
	// A node's lives are in order. A client's need not be: it has no memory.
	if n.configured.Load() && life < n.incarnation {
		return news{stale: true}
	}
	if life != n.incarnation {
		n.incarnation = life
		n.handled, n.returned = 0, 0
		n.settleLocked()
		n.answered, n.open = false, false
	}
	n.answered = n.answered || current
	if n.newest == nil || s.number >= n.newest.number {
		n.newest = s
		n.theirs = f.GetChallenge()
		n.reads = max(f.GetVersion(), f.GetNewest())
		if f.GetSeq() > 0 {
			n.handled = f.GetSeq()
		}
	}
	if seen := f.GetSeen(); n.seen < seen && seen <= n.sent {
		n.seen = seen
		w.wake = n.stalled
	}
	n.active = now
	if !n.open && n.answered {
		w.wake = true
	}
	// Credit is owed long before the sender's window is used up, so that it
	// arrives in time.
	if n.handled > n.returned+Window/4 {
		w.wake = true
	}
	return w
}

func (n *neighbour) isOpen() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.open
}

// underWayLocked is the number of frames that count against the window.
func (n *neighbour) underWayLocked() uint64 {
	return n.sent - max(n.seen, n.base)
}

// settled reports whether all that was sent was handled, or has no hope of it.
func (n *neighbour) settled() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.open || n.underWayLocked() == 0 && !n.waiting && n.inMailbox.Load() == 0
}

// idle reports whether a tick would find nothing to do.
func (n *neighbour) idle() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waiting || n.configured.Load() && !n.open {
		return false
	}
	return !n.open || n.handled == n.returned && n.underWayLocked() == 0
}

// forgettable reports whether nothing would be lost with this entry.
func (n *neighbour) forgettable(now, after uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.configured.Load() && n.streams == 0 && !n.waiting && now > n.active+after
}
