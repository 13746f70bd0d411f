package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"lockstep"
	"lockstep/replica"
)

// seat is one caller's place at a lock that is held by leases. To the load it is
// the clerk and the checker of that lock.
type seat struct {
	caller  int
	tenant  tenant
	want    want
	holders *holders // of the lock, all callers of which share them

	held lease // nil between the rounds
	// certain is until when leases of the tenant last for certain, unless they are
	// over.
	certain time.Time
	// doubt says that a request of this caller got no answer, or that a lease of
	// its own was lost: until it is granted the lock again, it may stand in its
	// own way.
	doubt bool
}

// Lock acquires the lock.
func (s *seat) Lock(ctx context.Context, _ string) (bool, error) {
	held, err := s.tenant.acquire(ctx, s.want)
	s.held = held
	return held != nil, err
}

// Unlock releases it. What is over is left before the nodes are told, as a
// program must.
func (s *seat) Unlock(ctx context.Context, _ string) (bool, error) {
	held := s.held
	if !s.holders.alone {
		runtime.Gosched() // whoever was granted it, too, comes while it is held
	}
	s.holders.leave(s)
	s.held = nil
	// That what lasts is extended is seen soon enough.
	if now := time.Now(); now.Add(time.Second).After(s.certain) {
		s.certain = now.Add(held.remaining())
	}
	return release(ctx, held, s.certain)
}

// release gives a lease back. It is false if the nodes knew nothing of the lease
// although it was certain to last until they said so: nobody had told its holder
// that it was lost. A lease that was lost as it may be is an error.
func release(ctx context.Context, held lease, certain time.Time) (bool, error) {
	told := held.err() != nil
	err := held.release(ctx)
	if !told && lost(err) && time.Now().Before(certain) {
		return false, nil
	}
	return err == nil, err
}

func lost(err error) bool {
	return errors.Is(err, lockstep.ErrLost) || errors.Is(err, replica.ErrLost)
}

func (s *seat) answered(v verb, yes bool) (wrong string) {
	switch {
	case v == lockVerb && yes:
		s.doubt = false
		wrong = s.holders.enter(s)
	case v == lockVerb && s.want.wait:
		wrong = "was refused although it asked to wait"
	case v == lockVerb && s.holders.alone && !s.doubt:
		wrong = "was refused although nobody else asks for it: not freed, or granted to nobody"
	case v == unlockVerb && !yes:
		s.doubt = true
		wrong = "was not held although its holder had not been told: the lock was lost"
	}
	if wrong == "" {
		return ""
	}
	return fmt.Sprintf("%q, caller %d: %s", s.want.name, s.caller, wrong)
}

func (s *seat) unknown(verb) { s.doubt = true }
