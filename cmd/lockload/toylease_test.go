package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"lockstep/lock"
	"lockstep/replica"
)

// lessor is a service of leases in one map, with faults to be planted.
type lessor struct {
	mu      sync.Mutex
	held    map[string]map[*toyLease]bool
	queues  map[string][]*toyWait
	granted lock.Token

	// Faults. Each says what happens instead of the right thing to the grant with
	// a token, if it is not nil.
	doubles func(lock.Token) bool       // it is made, whoever holds the lock
	tokens  func(lock.Token) lock.Token // it gets another token
	forgets func(lock.Token) bool       // it is forgotten, and nobody told
	refuses func(lock.Token) bool       // it is not made
	lifo    bool                        // who came last is served first
	skips   *int                        // this tenant is not served
}

// toyWait is an acquire that waits.
type toyWait struct {
	want want
	by   *toyTenant
	got  chan *toyLease
}

type toyTenant struct {
	service *lessor
	number  int
}

type toyLease struct {
	tenant *toyTenant
	want   want
	number lock.Token

	mu    sync.Mutex
	cause error
}

func (l *lessor) members(n int) []member {
	members := make([]member, n)
	for i := range members {
		members[i].tenant = &toyTenant{l, i}
	}
	return members
}

func (t *toyTenant) acquire(ctx context.Context, w want) (lease, error) {
	l := t.service
	l.mu.Lock()
	if l.held == nil {
		l.held, l.queues = map[string]map[*toyLease]bool{}, map[string][]*toyWait{}
	}
	free := l.free(w) && len(l.served(w.name)) == 0 && !l.skipped(t)
	if free || l.doubles != nil && l.doubles(l.granted+1) {
		defer l.mu.Unlock()
		if l.refuses != nil && l.refuses(l.granted+1) {
			l.granted++
			return nil, nil
		}
		return l.grant(t, w), nil
	}
	if !w.wait {
		l.mu.Unlock()
		return nil, nil
	}
	waiting := &toyWait{w, t, make(chan *toyLease, 1)}
	l.queues[w.name] = append(l.queues[w.name], waiting)
	l.mu.Unlock()
	select {
	case got := <-waiting.got:
		return got, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (t *toyTenant) waiters(_ context.Context, name string) (int, error) {
	t.service.mu.Lock()
	defer t.service.mu.Unlock()
	return len(t.service.queues[name]), nil
}

// served are those of a queue who are served one day, in the order in which they are.
func (l *lessor) served(name string) []*toyWait {
	queue := slices.Clone(l.queues[name])
	if l.lifo {
		slices.Reverse(queue)
	}
	return slices.DeleteFunc(queue, func(w *toyWait) bool { return l.skipped(w.by) })
}

func (l *lessor) skipped(t *toyTenant) bool { return l.skips != nil && t.number == *l.skips }

// free reports whether nobody stands in the way of w.
func (l *lessor) free(w want) bool {
	for other := range l.held[w.name] {
		if !w.shared || !other.want.shared {
			return false
		}
	}
	return true
}

func (l *lessor) grant(t *toyTenant, w want) *toyLease {
	l.granted++
	got := &toyLease{tenant: t, want: w, number: l.granted}
	if l.tokens != nil {
		got.number = l.tokens(got.number)
	}
	if l.forgets != nil && l.forgets(got.number) {
		return got
	}
	if l.held[w.name] == nil {
		l.held[w.name] = map[*toyLease]bool{}
	}
	l.held[w.name][got] = true
	return got
}

func (l *lessor) serve(name string) {
	for {
		queue := l.served(name)
		if len(queue) == 0 || !l.free(queue[0].want) {
			return
		}
		next := queue[0]
		l.queues[name] = slices.DeleteFunc(l.queues[name], func(w *toyWait) bool { return w == next })
		next.got <- l.grant(next.by, next.want)
	}
}

func (l *toyLease) token() lock.Token { return l.number }

func (l *toyLease) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

func (l *toyLease) remaining() time.Duration {
	if l.err() != nil {
		return 0
	}
	return time.Minute
}

// lose is what a client does that has not heard from the nodes for too long.
func (l *toyLease) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cause = replica.ErrLost
}

// release takes a moment, so that others come in between.
func (l *toyLease) release(context.Context) error {
	time.Sleep(time.Millisecond)
	if l.err() != nil {
		return replica.ErrLost
	}
	s := l.tenant.service
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.held[l.want.name][l] {
		return replica.ErrLost
	}
	delete(s.held[l.want.name], l)
	s.serve(l.want.name)
	return nil
}
