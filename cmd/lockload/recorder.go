package main

import (
	"sync"
	"sync/atomic"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// recorder counts the answers of all callers. Callers share a few shards, so
// that counting does not become what is measured.
type recorder struct {
	shards [16]shard

	// Only what ends from open to shut is counted: callers warm up before, and
	// finish their rounds after.
	open, shut atomic.Int64

	// Silence is watched to the very end, when the last caller has finished.
	lastSuccess atomic.Int64
	longestGap  atomic.Int64
	longestWait atomic.Int64
}

// shard is a part of the counts, since the last collect.
type shard struct {
	mu     sync.Mutex
	counts tallies
}

// tally is what is counted of one verb.
type tally struct {
	took              *hdr.Histogram // nanoseconds
	yes, no, failures int64
}

// tallies are the counts of all verbs.
type tallies struct {
	verbs     [verbs]tally
	perSecond []int64 // operations in each second
	errors    map[string]int64
}

// answer is a definite one.
type answer struct {
	yes    bool
	took   time.Duration // of this request
	waited time.Duration // since the caller began to ask, through all errors
	at     time.Duration // when it came
}

// newHistogram covers 100 ns to ten minutes with three digits.
func newHistogram() *hdr.Histogram { return hdr.New(100, int64(10*time.Minute), 3) }

func newTallies() tallies {
	t := tallies{errors: map[string]int64{}}
	for v := range t.verbs {
		t.verbs[v].took = newHistogram()
	}
	return t
}

const never = time.Duration(1<<63 - 1)

func newRecorder() *recorder {
	r := &recorder{}
	for i := range r.shards {
		r.shards[i].counts = newTallies()
	}
	r.open.Store(int64(never))
	r.shut.Store(int64(never))
	return r
}

// begin makes the recorder count from now on, end no more.
func (r *recorder) begin(now time.Duration) {
	r.lastSuccess.Store(int64(now))
	r.open.Store(int64(now))
}

func (r *recorder) end(now time.Duration) { r.shut.Store(int64(now)) }

// finish takes the silence at the end into account. Nobody may ask any more.
func (r *recorder) finish(now time.Duration) { r.gap(now, r.lastSuccess.Load()) }

func (r *recorder) counts(at time.Duration) bool {
	return int64(at) >= r.open.Load() && int64(at) <= r.shut.Load()
}

func (r *recorder) answered(caller int, v verb, a answer) {
	if int64(a.at) >= r.open.Load() {
		r.gap(a.at, r.lastSuccess.Swap(int64(a.at)))
		raise(&r.longestWait, int64(a.waited))
	}
	if !r.counts(a.at) {
		return
	}
	second := int((int64(a.at) - r.open.Load()) / int64(time.Second))
	s := &r.shards[caller%len(r.shards)]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.verbs[v].add(a)
	s.counts.inSecond(second)
}

func (r *recorder) failed(caller int, v verb, at time.Duration, err error) {
	if !r.counts(at) {
		return
	}
	s := &r.shards[caller%len(r.shards)]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.verbs[v].failures++
	s.counts.errors[kind(err)]++
}

// gap takes note of a time without an answer for anybody.
func (r *recorder) gap(now time.Duration, last int64) { raise(&r.longestGap, int64(now)-last) }

func raise(to *atomic.Int64, value int64) {
	for old := to.Load(); value > old; old = to.Load() {
		if to.CompareAndSwap(old, value) {
			return
		}
	}
}

// collect moves what was counted since the last time into a sum and returns it
// by itself.
func (r *recorder) collect(into *tallies) (fresh tallies) {
	fresh = newTallies()
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		fresh.merge(&s.counts)
		s.counts.reset()
		s.mu.Unlock()
	}
	into.merge(&fresh)
	return fresh
}

func (t *tally) add(a answer) {
	_ = t.took.RecordValue(min(int64(a.took), int64(10*time.Minute))) // it is in range
	if a.yes {
		t.yes++
	} else {
		t.no++
	}
}

func (t *tally) merge(from *tally) {
	t.took.Merge(from.took)
	t.yes, t.no, t.failures = t.yes+from.yes, t.no+from.no, t.failures+from.failures
}

func (t *tallies) inSecond(second int) {
	for len(t.perSecond) <= second {
		t.perSecond = append(t.perSecond, 0)
	}
	t.perSecond[second]++
}

func (t *tallies) merge(from *tallies) {
	for v := range t.verbs {
		t.verbs[v].merge(&from.verbs[v])
	}
	for second, n := range from.perSecond {
		if n > 0 {
			t.inSecond(second)
			t.perSecond[second] += n - 1
		}
	}
	for kind, n := range from.errors {
		t.errors[kind] += n
	}
}

func (t *tallies) reset() {
	for v := range t.verbs {
		took := t.verbs[v].took
		took.Reset()
		t.verbs[v] = tally{took: took}
	}
	clear(t.perSecond)
	clear(t.errors)
}

// all is what was counted of all verbs together.
func (t *tallies) all() tally {
	sum := tally{took: newHistogram()}
	for v := range t.verbs {
		sum.merge(&t.verbs[v])
	}
	return sum
}
