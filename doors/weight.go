package doors

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"connectrpc.com/connect"

	"lockstep/api"
	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
)

// Not every request costs the node the same. One that shows a thousand locks is worth
// some dozens of others, so it counts as so many against the rate of whoever asks; of
// those whose answers can be long each principal has few under way, while others of its
// own wait; and few of anybody's are worked on at a time. So who asks for much and reads
// nothing keeps himself waiting, and nobody else.

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

// charge lets so many requests more count against somebody's rate, and reports whether
// no more than a burst is owed.
func (d *Doors) charge(who guest, requests float64) bool {
	return d.meter.Charge(who.name, d.limitsOf(d.policy(), who), requests, time.Now())
}

// charge lets a report count against the rate of whoever gets it.
func (g *guarded) charge(ctx context.Context, r lock.Report) (within bool) {
	return g.doors.charge(guestOf(ctx), weightOf(r))
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

// nonsenseWeighs is how many requests more somebody is held to have made with one that
// nobody can mean: whoever makes mistakes makes few, and each is told what is wrong.
const nonsenseWeighs = 4

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

// atLength lets somebody begin an answer that can be long, and returns what ends its
// work, after which it is only written, and what ends all of it. It waits while others
// of his own have not been read, and while those of anybody keep the processors busy.
// An error says that nobody waits any more.
func (d *Doors) atLength(ctx context.Context, who string) (worked, ended func(), err error) {
	leave, err := d.rooms.enter(ctx, who)
	if err != nil {
		return nil, nil, err
	}
	turn, err := d.working.Take(ctx, who)
	if err != nil {
		leave()
		return nil, nil, err
	}
	worked = sync.OnceFunc(turn.End)
	return worked, func() { worked(); leave() }, nil
}

// afterWork is the rest of those who have made a long answer.
var afterWork = api.Rest{Times: 3, Longest: 50 * time.Millisecond}

// rooms has one for each who is in it.
type rooms struct {
	mu  sync.Mutex
	all map[string]*room
}

type room struct {
	places chan struct{}
	users  int // who are in it or wait for it
}

// enter waits for a place of somebody's, and returns what gives it back, or the
// context's error if that ended first.
func (r *rooms) enter(ctx context.Context, who string) (leave func(), err error) {
	r.mu.Lock()
	his := r.all[who]
	if his == nil {
		his = &room{places: make(chan struct{}, longAtOnce)}
		r.all[who] = his
	}
	his.users++
	r.mu.Unlock()
	goAway := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if his.users--; his.users == 0 {
			delete(r.all, who)
		}
	}
	select {
	case his.places <- struct{}{}:
		return func() { <-his.places; goAway() }, nil
	case <-ctx.Done():
		goAway()
		return nil, ctx.Err()
	}
}
