package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// longestLine is how many callers line up at most: each waits for the one before
// to be in the queue.
const longestLine = 200

// line is callers that ask for one lock one after the other, while somebody holds
// it. That each is in the queue before the next one asks is seen at the nodes, so
// there is one right order in which to serve them.
type line struct {
	seats []*seat

	mu     sync.Mutex
	served []int
	wrongs []string
}

// lineUp sees whether the common lock is handed on in the order of asking.
func (l *load) lineUp(stop <-chan struct{}) {
	var seats []*seat
	for _, c := range l.callers[:min(len(l.callers), longestLine)] {
		seats = append(seats, c.turns[0].clerk.(*seat))
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.plan.timeout)
	defer cancel()
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	q := &line{seats: seats}
	err := q.run(ctx)
	for _, wrong := range q.verdict() {
		l.wrong(-1, l.now(), wrong)
	}
	if err != nil {
		l.total.errors["lining up: "+kind(err)]++
		return
	}
	l.inOrder = len(q.served)
}

// run returns when all have had the lock, or an error when that was not to be
// seen.
func (q *line) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	first := q.seats[0]
	if err := q.take(ctx, first); err != nil {
		return err
	}
	var group sync.WaitGroup
	for i, s := range q.seats[1:] {
		group.Go(func() {
			if err := q.pass(ctx, s); err != nil {
				cancel(err)
			}
		})
		if err := awaitWaiters(ctx, s, i+1); err != nil {
			cancel(err)
			break
		}
	}
	if err := q.give(ctx, first); err != nil {
		cancel(err)
	}
	group.Wait()
	return context.Cause(ctx)
}

// awaitWaiters returns when so many wait.
func awaitWaiters(ctx context.Context, s *seat, n int) error {
	for {
		waiting, err := s.tenant.(usher).waiters(ctx, s.want.name)
		if err != nil || waiting >= n {
			return err
		}
		time.Sleep(time.Millisecond) // a question for each is enough
	}
}

var errRefused = errors.New("refused")

func (q *line) pass(ctx context.Context, s *seat) error {
	if err := q.take(ctx, s); err != nil {
		return err
	}
	return q.give(ctx, s)
}

// take notes the order of the grants while the lock is held, so that it cannot
// be another.
func (q *line) take(ctx context.Context, s *seat) error {
	yes, err := s.Lock(ctx, s.want.name)
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wrong(s.answered(lockVerb, yes))
	if !yes {
		return errRefused
	}
	q.served = append(q.served, s.caller)
	return nil
}

func (q *line) give(ctx context.Context, s *seat) error {
	yes, err := s.Unlock(ctx, s.want.name)
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wrong(s.answered(unlockVerb, yes))
	return nil
}

func (q *line) wrong(what string) {
	if what != "" {
		q.wrongs = append(q.wrongs, what)
	}
}

func (q *line) verdict() []string {
	if slices.IsSorted(q.served) {
		return q.wrongs
	}
	return append(q.wrongs, fmt.Sprintf("callers queued one after the other, and were served in the order %v: not first come, first served", q.served))
}
