package metrics

import (
	"sync"
	"sync/atomic"
	"time"

	"lockstep/replica"
)

// Node is what one node counts, as of one moment. What did not answer in time is
// nil.
type Node struct {
	Name     string // that its cluster knows it by
	Table    *Table
	Standing *Standing
	Syncs    *Histogram // µs, of the log on disk; also nil without one
	Traffic  Carried
	Refusals map[string]uint64 // of what was turned away at the ports, by reason
}

// Waits is how much was waited for which locks: by those whose wait is over, since
// this node was started and while it reigned, and by those who wait now.
type Waits struct{ Over, Now []Contended }

// Standing is where a node stands, and its reigns.
type Standing struct {
	Status replica.Status
	Reigns Reigns
}

// Reigns is what a Replicator counts.
type Reigns struct {
	Begun     uint64
	Failovers Histogram // ms from the last sign of whoever served to this node's reign
}

// Syncs counts the syncs of a log.
type Syncs struct {
	mu   sync.Mutex
	took Histogram
}

// Took counts one.
func (s *Syncs) Took(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took.Observe(uint64(d.Microseconds()))
}

// Read returns the syncs so far, in µs.
func (s *Syncs) Read() Histogram {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.took
}

// Traffic counts frames, and the bytes of what is packed into them.
type Traffic struct{ framesIn, framesOut, bytesIn, bytesOut atomic.Uint64 }

// Carried is Traffic as of one moment.
type Carried struct{ FramesIn, FramesOut, BytesIn, BytesOut uint64 }

// In counts a frame that arrived, Out one that is sent.
func (t *Traffic) In(bytes int) {
	t.framesIn.Add(1)
	t.bytesIn.Add(uint64(bytes))
}

// Out counts a frame that is sent.
func (t *Traffic) Out(bytes int) {
	t.framesOut.Add(1)
	t.bytesOut.Add(uint64(bytes))
}

// Read returns the counts so far.
func (t *Traffic) Read() Carried {
	return Carried{
		FramesIn: t.framesIn.Load(), FramesOut: t.framesOut.Load(),
		BytesIn: t.bytesIn.Load(), BytesOut: t.bytesOut.Load(),
	}
}
