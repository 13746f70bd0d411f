package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
)

// explanation is why somebody cannot have a lock now. Its JSON form is stable.
type explanation struct {
	Name string `json:"name"`
	Free bool   `json:"free"` // anybody can have it at once
	// FreeShared says that those who share it can have it at once, and FreePermits
	// how many of its permits can be had so, if it is held by permits.
	FreeShared  bool              `json:"free_shared,omitempty"`
	FreePermits int               `json:"free_permits,omitempty"`
	Lock        lockstep.LockInfo `json:"lock"`
	Session     string            `json:"session,omitempty"` // of the one who asks, if it is known
	// Place is that of the one who asks in the queue, from 1; 0 if not in it.
	Place     int                   `json:"place"`
	Ahead     []lockstep.WaiterInfo `json:"ahead"` // who is served before
	Mine      []lockstep.LockInfo   `json:"mine"`  // what the one who asks holds and others wait for
	Frees     []way                 `json:"frees"` // what will free the lock
	Deadlocks []lockstep.Cycle      `json:"deadlocks"`
}

// way is one way in which a holder can come to its end.
type way struct {
	By      wayKind        `json:"by"`
	Session string         `json:"session,omitempty"` // the holder's
	Within  *lockstep.Span `json:"within_ms,omitempty"`
}

type wayKind string

const (
	byRelease   wayKind = "release"    // whenever the holder likes
	byExpiry    wayKind = "expiry"     // if the holder is not heard of any more
	byMaxHold   wayKind = "max_hold"   // at the latest
	byLockDelay wayKind = "lock_delay" // by itself
	byUnlock    wayKind = "unlock"     // by anybody
	byTurn      wayKind = "turn"       // nobody holds it: those ahead are served first
)

// explain says in one screen why a lock cannot be had.
func (p *program) explainLock(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	return p.look(func(ctx context.Context) error {
		found, err := answer(p, ctx, func(ctx context.Context) (explanation, error) { return p.findOut(ctx, name) })
		if err != nil {
			return err
		}
		return p.show(found, explainText(found, time.Now(), p.colourful()))
	})
}

// me is the session of the one who asks, from --session or the run around us.
func (p *program) me() string {
	if p.session != "" {
		return p.session
	}
	return p.Getenv(lockSession)
}

func (p *program) findOut(ctx context.Context, name string) (explanation, error) {
	lock, err := p.client.Show(ctx, name)
	if err != nil {
		return explanation{}, err
	}
	me, mine, err := p.whoAsks(ctx)
	if err != nil {
		return explanation{}, err
	}
	cycles, err := p.client.Deadlocks(ctx)
	if err != nil {
		return explanation{}, err
	}
	return explainWhy(lock, me, mine, cycles, time.Now()), nil
}

// whoAsks returns the session of the one who asks, if it is known, with the locks
// that it holds or waits for. One that was named must exist; one that was
// inherited may have ended.
func (p *program) whoAsks(ctx context.Context) (me string, mine []lockstep.LockInfo, err error) {
	if me = p.me(); me == "" {
		return "", nil, nil
	}
	_, mine, err = p.client.ShowSession(ctx, me)
	gone := errors.Is(err, lockstep.ErrSessionExpired) || errors.Is(err, lockstep.ErrInvalid)
	switch {
	case gone && p.session == "":
		p.notice("%s=%.40q in the environment is no session any more: this is as for anybody", lockSession, me)
		return "", nil, nil
	case gone:
		return "", nil, cli.Misuse("there is no session %.40q: lockc sessions lists those that there are", me)
	default:
		return me, mine, err
	}
}

// explainWhy draws the conclusions. The locks of session me are those that it
// holds or waits for.
func explainWhy(lock lockstep.LockInfo, me string, locks []lockstep.LockInfo, cycles []lockstep.Cycle, now time.Time) explanation {
	e := explanation{
		Name: lock.Name, Free: lock.Free(), Lock: lock, Session: me,
		Ahead: []lockstep.WaiterInfo{}, Mine: []lockstep.LockInfo{}, Frees: ways(lock, now), Deadlocks: []lockstep.Cycle{},
	}
	e.FreeShared, e.FreePermits = atOnce(lock)
	e.Ahead = append(e.Ahead, lock.Queue...)
	if at := slices.IndexFunc(lock.Queue, func(w lockstep.WaiterInfo) bool { return me != "" && w.Session == me }); at >= 0 {
		e.Place, e.Ahead = at+1, e.Ahead[:at]
	}
	for _, l := range locks {
		if l.Waiters > 0 && heldBy(l, me) {
			e.Mine = append(e.Mine, l)
		}
	}
	for _, cycle := range cycles {
		if slices.ContainsFunc(cycle, func(s lockstep.CycleStep) bool { return s.Holds == lock.Name || s.Waits == lock.Name }) {
			e.Deadlocks = append(e.Deadlocks, cycle)
		}
	}
	return e
}

// atOnce says who can have a lock without waiting: those who share it, or those
// who want so many of its permits. Nobody overtakes those who wait.
func atOnce(l lockstep.LockInfo) (shared bool, permits int) {
	switch {
	case l.Free():
		return true, 0
	case l.Waiters > 0 || l.Delayed || len(l.Holders) == 0:
		return false, 0
	default:
		return l.Holders[0].Mode == lockstep.ModeShared, max(0, l.Of-permitsOut(l))
	}
}

func heldBy(l lockstep.LockInfo, session string) bool {
	return slices.ContainsFunc(l.Holders, func(h lockstep.HolderInfo) bool { return h.Session == session })
}

// ways lists what will free the lock from each of its holders.
func ways(l lockstep.LockInfo, now time.Time) []way {
	all := []way{}
	switch {
	case l.Ownerless:
		return append(all, way{By: byUnlock})
	case l.Delayed && len(l.Holders) == 0:
		return append(all, way{By: byLockDelay})
	case len(l.Holders) == 0 && l.Waiters > 0:
		return append(all, way{By: byTurn})
	}
	for _, h := range l.Holders {
		all = append(all, way{By: byRelease, Session: h.Session}, within(byExpiry, h, h.Owner.TTL.Duration-h.Owner.Heard.Duration))
		if h.MaxHold.Duration > 0 && !h.Since.IsZero() {
			all = append(all, within(byMaxHold, h, h.Since.Add(h.MaxHold.Duration).Sub(now)))
		}
	}
	return all
}

func within(by wayKind, h lockstep.HolderInfo, d time.Duration) way {
	return way{By: by, Session: h.Session, Within: &lockstep.Span{Duration: max(0, d)}}
}
