package history

import (
	"math"
	"sync"
	"time"
)

// Recorder gathers the operations of many clients under one clock. It is safe
// for concurrent use.
type Recorder struct {
	clock func() int64 // in nanoseconds

	mu      sync.Mutex
	ops     []Op
	unknown uint64
}

// NewRecorder returns a recorder whose clock starts now.
func NewRecorder() *Recorder {
	began := time.Now()
	return &Recorder{clock: func() int64 { return int64(time.Since(began)) }}
}

// parts is how many recorders can make one history.
const parts = 1 << 16

// NewPart returns a recorder for a part of a history that several processes
// record: all by one clock, and each under a number of its own below 65,536. The
// clock is read for each moment: one that was only set by it at the start would
// be as wrong as that took, and beliefs follow each other by less.
func NewPart(clock func() int64, part uint16) *Recorder {
	return &Recorder{clock: clock, unknown: uint64(part) * (unknownTokens / parts)}
}

// Now is the moment of a call.
func (r *Recorder) Now() int64 { return r.clock() }

// At is where a moment stands on the recorder's clock, or a little earlier.
func (r *Recorder) At(t time.Time) int64 {
	now := r.clock()
	return now + int64(time.Until(t))
}

// Answered records an operation whose answer has just come.
func (r *Recorder) Answered(o Op) {
	o.Return = r.Now()
	r.add(o)
}

// Open records an operation that may take effect at any time after its call.
func (r *Recorder) Open(o Op) {
	o.Return = math.MaxInt64
	r.add(o)
}

// GaveUp records an Acquire whose caller has gone without an answer: it may be
// granted later, and what it was granted is given back at some time.
func (r *Recorder) GaveUp(o Op) {
	o.Answer, o.Token = Unknown, r.unknownToken()
	r.Open(o)
	r.Open(Op{Client: o.Client, Kind: Release, Name: o.Name, Token: o.Token, Call: o.Call})
}

// Ops returns what was recorded.
func (r *Recorder) Ops() []Op {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ops
}

// Count returns how many operations were recorded so far.
func (r *Recorder) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ops)
}

func (r *Recorder) add(o Op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, o)
}

func (r *Recorder) unknownToken() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unknown++
	return unknownTokens + r.unknown
}
