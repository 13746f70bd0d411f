package doors

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"connectrpc.com/connect"

	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
)

// Not every request costs the node the same. One that shows a thousand locks is worth
// some dozens of others, so it counts as so many against the rate of whoever asks; and
// of those whose answers can be long each principal has few under way, while others of
// its own wait. So who asks for much and reads nothing keeps himself waiting.

// shownForOne is how many locks, waits, sessions or events cost as much to show as a
// request.
const shownForOne = 20

// weightOf is how many requests a report is worth, besides the one that asked for it.
func weightOf(r lock.Report) float64 {
	shown := len(r.Locks) + len(r.Sessions) + len(r.Events)
	for i := range r.Locks {
		shown += len(r.Locks[i].Queue)
	}
	for _, c := range r.Cycles {
		shown += len(c)
	}
	if r.Record != nil {
		shown += len(r.Record.Tenures)
	}
	return float64(shown) / shownForOne
}

// charge lets a report count against the rate of whoever gets it, and reports whether
// no more than a burst is owed.
func (g *guarded) charge(ctx context.Context, r lock.Report) bool {
	who := guestOf(ctx)
	return g.doors.meter.Charge(who.name, g.doors.limitsOf(g.doors.policy(), who), weightOf(r), time.Now())
}

// goesOn charges for what a watch tells, and ends it if whoever watches owes too much.
func (g *guarded) goesOn(ctx context.Context, r lock.Report) error {
	if g.charge(ctx, r) {
		return nil
	}
	return g.deny(TooFast, guestOf(ctx), "a watch", connect.CodeResourceExhausted,
		errors.New("more happens than is due to you to be told: go on later, behind the last index"))
}

// charged are pages that count. A list that has begun comes to its end.
func (g *guarded) charged(ctx context.Context, pages iter.Seq2[lock.Report, error]) iter.Seq2[lock.Report, error] {
	return func(yield func(lock.Report, error) bool) {
		for report, err := range pages {
			g.charge(ctx, report)
			if !yield(report, err) {
				return
			}
		}
	}
}

// numbers are asked of everything in the process that counts, which is worth so many
// requests more.
const (
	numbers      = "/metrics"
	numbersWeigh = 10
)

// longAnswers are what can be answered at length.
var longAnswers = map[string]bool{
	numbers:                          true,
	pb.LockServiceListLocksProcedure: true, pb.LockServiceListSessionsProcedure: true, pb.LockServiceListDeadlocksProcedure: true,
	pb.LockServiceShowLockProcedure: true, pb.LockServiceShowSessionProcedure: true, pb.LockServiceExplainProcedure: true,
	pb.LockServiceHistoryProcedure: true,
}

// longAtOnce is how many of those each principal has under way.
const longAtOnce = 2

// turns has a queue for each who is in one.
type turns struct {
	mu  sync.Mutex
	all map[string]*turnQueue
}

type turnQueue struct {
	room  chan struct{}
	users int // who are in it or wait for it
}

// take waits for a turn of somebody, and returns what gives it back, or an error if
// the context ended first.
func (t *turns) take(ctx context.Context, who string) (giveBack func(), err error) {
	t.mu.Lock()
	q := t.all[who]
	if q == nil {
		q = &turnQueue{room: make(chan struct{}, longAtOnce)}
		t.all[who] = q
	}
	q.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if q.users--; q.users == 0 {
			delete(t.all, who)
		}
	}
	select {
	case q.room <- struct{}{}:
		return func() { <-q.room; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, fmt.Errorf("nobody waits for it any more: %w", ctx.Err())
	}
}
