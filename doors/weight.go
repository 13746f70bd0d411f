package doors

import (
	"context"
	"errors"
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
// own wait; and few of anybody's are written out at a time. So who asks for much and reads
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

// shows lets a report count against the rate of whoever gets it. To write out a long one
// keeps a processor busy, and waits for a turn at that.
func (g *guarded) shows(ctx context.Context, r lock.Report) error {
	weight, who := weightOf(r), guestOf(ctx)
	if v := visitOf(ctx); weight >= 1 && v != nil && v.long {
		turn, err := g.doors.writing.Take(ctx, who.name)
		if err != nil {
			return api.Denied(connect.CodeResourceExhausted, errors.New("too many long answers at once: ask later"))
		}
		v.turn = turn
	}
	g.doors.charge(who, weight)
	return nil
}

// afterWriting is the rest of those who have written a long answer.
var afterWriting = api.Rest{Times: 7, Longest: 50 * time.Millisecond}

// goesOn charges for what a watch tells, and ends it if whoever watches owes too much.
func (g *guarded) goesOn(ctx context.Context, r lock.Report) error {
	who := guestOf(ctx)
	if g.doors.charge(who, weightOf(r)) {
		return nil
	}
	return g.deny(TooFast, who, "a watch", connect.CodeResourceExhausted,
		errors.New("more happens than is due to you to be told: go on later, behind the last index"))
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

// rooms has one for each who is in it.
type rooms struct {
	mu  sync.Mutex
	all map[string]*room
}

type room struct {
	places chan struct{}
	users  int // who are in it or wait for it
}

// roomOf is where a long answer is under way. The numbers have a room of their own: they
// are wanted most when the nodes do not answer, and what asks those stays.
func roomOf(who guest, path string) string {
	if path == numbers {
		return numbers + " " + who.name
	}
	return who.name
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
