package main

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"lockstep"
)

// moment is one step of an ending: what it sees, and what it must send.
type moment struct {
	now, remaining time.Duration
	cause          error
	want           syscall.Signal
}

const (
	sec   = time.Second
	ms    = time.Millisecond
	quiet = syscall.Signal(0)
)

// Who was stopped, or suspended, finds the lease over: nobody may say then that the
// command was ended in time.
func TestACommandThatWasKilledTooLateWasNotEndedInTime(t *testing.T) {
	for name, c := range map[string]struct {
		story []moment
		late  bool
	}{
		"in time":              {[]moment{{now: 0, remaining: 3 * sec}, {now: 3 * sec, remaining: ms}, {now: 4 * sec, remaining: 0}}, false},
		"woken too late":       {[]moment{{now: 0, remaining: 10 * sec}, {now: sec, remaining: 0}}, true},
		"told, and then woken": {[]moment{{now: 0, remaining: 3 * sec}, {now: sec, remaining: 0}}, true},
		"taken away by force":  {[]moment{{now: 0, cause: &lockstep.RevokedError{}}, {now: 2 * sec, cause: &lockstep.RevokedError{}}}, false},
	} {
		e := newEnding(10*sec, 5*sec)
		for _, m := range c.story {
			e.step(m.now, m.remaining, m.cause)
		}
		if !e.lost || e.late != c.late {
			t.Errorf("%s: lost is %t and late is %t, want true and %t", name, e.lost, e.late, c.late)
		}
	}
}

func TestACommandIsToldAndThenKilledBeforeItsLeaseEnds(t *testing.T) {
	revoked := &lockstep.RevokedError{Reason: "stuck"}
	for name, story := range map[string][]moment{
		"a lease that is kept alive": {
			{0, 10 * sec, nil, quiet}, {3 * sec, 7 * sec, nil, quiet}, {6 * sec, 3334 * ms, nil, quiet},
		},
		"told at a third of the TTL, killed half a second before the end": {
			{0, 3334 * ms, nil, quiet}, {sec, 3333 * ms, nil, syscall.SIGTERM}, {2 * sec, 2333 * ms, nil, quiet},
			{3833*ms - 1, 500*ms + 1, nil, quiet}, {3833 * ms, 500 * ms, nil, syscall.SIGKILL}, {3900 * ms, 430 * ms, nil, syscall.SIGKILL},
		},
		"who was told is killed although the nodes are back": {
			{0, 3300 * ms, nil, syscall.SIGTERM}, {2799 * ms, 9 * sec, nil, quiet}, {2800 * ms, 9 * sec, nil, syscall.SIGKILL},
		},
		"the clock that runs through suspend decides": {
			{0, 3300 * ms, nil, syscall.SIGTERM}, {ms, 0, nil, syscall.SIGKILL},
		},
		"woken too late": {{0, 10 * sec, nil, quiet}, {sec, 0, nil, syscall.SIGKILL}},
		"the nodes say that the session is over": {
			{0, 10 * sec, nil, quiet}, {sec, 0, lockstep.ErrLost, syscall.SIGKILL},
		},
		"lost while it was stopping": {
			{0, 3 * sec, nil, syscall.SIGTERM}, {sec, 2 * sec, lockstep.ErrExpired, syscall.SIGKILL},
		},
		"taken away by force: a second to clean up": {
			{0, 10 * sec, nil, quiet}, {sec, 0, revoked, syscall.SIGTERM}, {2*sec - 1, 0, revoked, quiet}, {2 * sec, 0, revoked, syscall.SIGKILL},
		},
	} {
		e := newEnding(10*sec, 5*sec)
		for i, m := range story {
			if got := e.step(m.now, m.remaining, m.cause); got != m.want {
				t.Errorf("%s, step %d: sent %v, want %v", name, i, got, m.want)
			}
		}
		if want := story[len(story)-1].want != quiet; e.lost != want {
			t.Errorf("%s: lost is %t, want %t", name, e.lost, want)
		}
	}
}

func TestGraceIsCutToAThirdOfTheTTL(t *testing.T) {
	for _, test := range []struct{ ttl, grace, want, margin time.Duration }{
		{30 * sec, 5 * sec, 5 * sec, 500 * ms},
		{10 * sec, 5 * sec, 10 * sec / 3, 500 * ms},
		{sec, 5 * sec, sec / 3, 100 * ms},
		{10 * sec, 0, 0, 500 * ms},
	} {
		if e := newEnding(test.ttl, test.grace); e.grace != test.want || e.margin != test.margin {
			t.Errorf("TTL %v, grace %v: cut to %v with margin %v, want %v and %v", test.ttl, test.grace, e.grace, e.margin, test.want, test.margin)
		}
	}
}

func TestWithoutGraceACommandIsKilledInTime(t *testing.T) {
	e := newEnding(10*sec, 0)
	if got := e.step(0, 501*ms, nil); got != quiet {
		t.Errorf("sent %v before the margin", got)
	}
	if got := e.step(ms, 500*ms, nil); got != syscall.SIGKILL {
		t.Errorf("sent %v at the margin, want a kill", got)
	}
}

func TestWhatACommandLeavesBehindIsTakenDownWithoutALoss(t *testing.T) {
	e := newEnding(10*sec, 2*sec)
	if got := e.finish(sec); got != syscall.SIGTERM {
		t.Errorf("sent %v, want a request to stop", got)
	}
	if got := e.step(3*sec-1, 9*sec, nil); got != quiet {
		t.Errorf("sent %v within the grace", got)
	}
	if got := e.step(3*sec, 9*sec, nil); got != syscall.SIGKILL || e.lost {
		t.Errorf("sent %v, lost %t; want a kill and no loss", got, e.lost)
	}
	e = newEnding(10*sec, 2*sec)
	e.step(0, sec, errors.New("over"))
	if got := e.finish(sec); got != quiet || !e.lost {
		t.Errorf("sent %v after the kill had begun, lost %t", got, e.lost)
	}
}
