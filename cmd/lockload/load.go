package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"lockstep"
	"lockstep/replica"
)

// plan is what one run does.
type plan struct {
	workload workload
	leases   bool          // instead of locks without an owner
	wait     bool          // for a lease, instead of being refused it
	readers  int           // percent of the grants of the common lease that are shared
	lineUp   bool          // see whether the common lease is handed on in the order of asking
	pace     time.Duration // from one round of a caller to the next; zero: as soon as it can
	duration time.Duration // of what is measured
	warmUp   time.Duration
	count    int64         // operations in all, instead of a duration; zero is none
	timeout  time.Duration // of one request
}

// load is one run of many callers.
type load struct {
	plan     plan
	started  time.Time
	names    *names
	callers  []*caller
	recorder *recorder
	total    tallies
	common   lockTally // of the common lease, while it was measured
	inOrder  int       // callers that lined up, and were served in that order

	over atomic.Bool
	left atomic.Int64 // operations that may still begin, if they are counted

	mu     sync.Mutex
	wrongs []wrongAnswer
	more   int // wrong answers that were not kept
}

// wrongAnswer is one that no correct service gives.
type wrongAnswer struct {
	Caller int     `json:"caller"` // -1 is none in particular
	At     float64 `json:"at_seconds"`
	What   string  `json:"what"`
}

// keptWrongs bounds how many wrong answers are printed: after the first few the
// rest say the same.
const keptWrongs = 20

func newLoad(p plan, members []member) *load {
	l := &load{plan: p, started: time.Now(), names: newNames(p, len(members)), recorder: newRecorder(), total: newTallies()}
	l.left.Store(p.count)
	for i, m := range members {
		l.callers = append(l.callers, &caller{load: l, index: i, turns: l.names.turns(i, m)})
	}
	return l
}

func runName() string {
	var b [4]byte
	rand.Read(b[:]) // it never fails: the runtime ends the process instead
	return hex.EncodeToString(b[:])
}

// now is the time since the run's beginning.
func (l *load) now() time.Duration { return time.Since(l.started) }

// another reports whether a caller should begin one more round.
func (l *load) another() bool {
	if l.over.Load() {
		return false
	}
	// A round takes as many operations as there are verbs, and one that has
	// begun is finished: an odd count is exceeded by one.
	return l.plan.count == 0 || l.left.Add(-int64(verbs)) > -int64(verbs)
}

func (l *load) wrong(caller int, at time.Duration, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.wrongs) == keptWrongs {
		l.more++
		return
	}
	l.wrongs = append(l.wrongs, wrongAnswer{Caller: caller, At: at.Seconds(), What: what})
}

// run lets the callers loose and returns what they saw. It ends by itself, or
// early when stop is closed; a second stop gives up what is outstanding.
func (l *load) run(stop, abandon <-chan struct{}, show func(string), cpu func() cpuTimes) outcome {
	swept := make(chan struct{})
	finished := make(chan struct{})
	go l.sweep(abandon, finished, swept)
	if l.plan.lineUp {
		l.lineUp(stop)
	}
	before, began := cpu(), l.now()
	if l.plan.warmUp == 0 {
		l.begin(began) // before anybody asks, or the first answers are missed
	}
	done := l.start()
	if l.plan.warmUp > 0 {
		l.pause(l.plan.warmUp, stop, done)
		before, began = cpu(), l.now()
		l.begin(began)
	}
	l.measure(stop, done, show)
	ended := l.now()
	l.end(ended)
	used := cpu().since(before)

	l.over.Store(true)
	<-done
	l.recorder.finish(l.now())
	l.recorder.collect(&l.total)
	l.audit()
	close(finished)
	<-swept
	return outcome{load: l, took: ended - began, cpu: used}
}

// begin makes what ends from now on count.
func (l *load) begin(now time.Duration) {
	l.recorder.begin(now)
	l.names.holders.count()
}

func (l *load) end(now time.Duration) {
	l.recorder.end(now)
	l.common = l.names.holders.count()
}

// start runs every caller; the channel is closed when all have finished.
func (l *load) start() <-chan struct{} {
	var group sync.WaitGroup
	for _, c := range l.callers {
		group.Go(c.run)
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	return done
}

// pause waits for a while, or until there is nothing to wait for.
func (l *load) pause(d time.Duration, stop, done <-chan struct{}) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-stop:
	case <-done:
	}
}

// measure lets time go by and shows once a second how it goes.
func (l *load) measure(stop, done <-chan struct{}, show func(string)) {
	deadline := make(<-chan time.Time)
	if l.plan.count == 0 {
		deadline = time.After(l.plan.duration)
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-second.C:
			show(l.progress())
		case <-deadline:
			return
		case <-stop:
			return
		case <-done:
			return
		}
	}
}

// sweep gives up requests that are late, until the callers have finished.
func (l *load) sweep(abandon, finished <-chan struct{}, swept chan<- struct{}) {
	defer close(swept)
	allowed := l.plan.timeout
	every := time.NewTicker(max(time.Millisecond, min(50*time.Millisecond, allowed/10)))
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-abandon:
			allowed, abandon = 0, nil
		case <-finished:
			return
		}
		now := l.now()
		for _, c := range l.callers {
			c.outstanding.giveUp(now, allowed)
		}
	}
}

// longestWaitNow is that of the request that has waited longest so far.
func (l *load) longestWaitNow() (longest time.Duration) {
	now := l.now()
	for _, c := range l.callers {
		longest = max(longest, c.outstanding.waiting(now))
	}
	return longest
}

// stuck is how many callers got no answer to what they asked last. Every caller
// finishes its round after the end of the run: one that got an answer then is
// going again, whatever there was before.
func (l *load) stuck() (n int) {
	for _, c := range l.callers {
		if c.waits {
			n++
		}
	}
	return n
}

// audit looks at all the answers about the common lock together. Those about a
// lease were checked one by one, but for who was left out.
func (l *load) audit() {
	switch {
	case l.plan.workload == ownNames || len(l.callers) == 0:
	case !l.plan.leases:
		l.auditCommon()
	case l.plan.wait:
		if wrong := l.common.starved(); wrong != "" {
			l.wrong(-1, l.now(), wrong)
		}
	}
}

// auditCommon asks for the common lock once more. Whether it is held now tells
// whether one more lock than unlock must have been true, or as many.
func (l *load) auditCommon() {
	common, auditor := l.names.common, l.callers[0]
	t := auditor.turns[0] // the first caller begins with the common lock
	free, err := auditor.call(lockVerb, t, l.now())
	if wrong := common.verdict(free, err == nil); wrong != "" {
		l.wrong(-1, l.now(), wrong)
	}
	_, _ = auditor.call(unlockVerb, t, l.now()) // so that nothing stays behind, if it can be helped
}

// kind sorts errors: their full text names the lock, and there are thousands.
func kind(err error) string {
	kinds := []struct {
		is   error
		text string
	}{
		{lockstep.ErrUnknown, "no answer in time"},
		{lockstep.ErrLost, "lease lost"}, {replica.ErrLost, "lease lost"},
		{replica.ErrSessionExpired, "session expired"}, {lockstep.ErrSessionExpired, "session expired"},
		{replica.ErrClosed, "client closed"}, {lockstep.ErrClosed, "client closed"},
		{replica.ErrBusy, "too many calls wait"}, {lockstep.ErrOverloaded, "too many calls wait"},
		{context.Canceled, "no answer in time"},
	}
	for _, k := range kinds {
		if errors.Is(err, k.is) {
			return k.text
		}
	}
	return fmt.Sprintf("%.200s", err)
}
