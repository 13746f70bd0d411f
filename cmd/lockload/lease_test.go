package main

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep/lock"
	"lockstep/replica"
)

// lessor is a service of leases: a few locks with queues. A nil channel in plan
// is a fault to be planted.
type lessor struct {
	mu      sync.Mutex
	held    map[string]map[*toyLease]bool
	queues  map[string][]*toyWait
	granted lock.Token

	// Faults. Each says what happens instead of the right thing.
	doubles  func(token lock.Token) bool                  // grants whatever the lock's holders are
	tokens   func(right lock.Token) lock.Token            // gives another token
	forgets  func(token lock.Token) bool                  // releases by itself, and says nothing
	refuses  func(w want) bool                            // although the lock is free
	lifo     bool                                         // serves who came last
	excludes func(waiting []*toyWait) (without []*toyWait) // passes somebody over
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

	mu   sync.Mutex
	over bool
	told bool // that it is over
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
	if refused := l.refuses != nil && l.refuses(w); refused || l.free(w) && len(l.queues[w.name]) == 0 || l.doubles != nil && l.doubles(l.granted+1) {
		defer l.mu.Unlock()
		if refused {
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
		queue := l.queues[name]
		if l.excludes != nil {
			queue = l.excludes(queue)
		}
		if len(queue) == 0 {
			return
		}
		next := queue[0]
		if l.lifo {
			next = queue[len(queue)-1]
		}
		if !l.free(next.want) {
			return
		}
		l.queues[name] = without(l.queues[name], next)
		next.got <- l.grant(next.by, next.want)
	}
}

func without(queue []*toyWait, gone *toyWait) (rest []*toyWait) {
	for _, w := range queue {
		if w != gone {
			rest = append(rest, w)
		}
	}
	return rest
}

func (l *toyLease) token() lock.Token { return l.number }

func (l *toyLease) remaining() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return 0
	}
	return time.Minute
}

func (l *toyLease) release(context.Context) error {
	time.Sleep(time.Millisecond) // in a bubble; others get their turn
	l.mu.Lock()
	over := l.over
	l.over = true
	l.mu.Unlock()
	s := l.tenant.service
	s.mu.Lock()
	defer s.mu.Unlock()
	if over || !s.held[l.want.name][l] {
		return replica.ErrLost
	}
	delete(s.held[l.want.name], l)
	s.serve(l.want.name)
	return nil
}

// leasePlans are the loads of leases.
var leasePlans = map[string]plan{
	"own names":           {workload: ownNames, leases: true, count: 4000},
	"one name":            {workload: oneName, leases: true, count: 4000},
	"mixed names":         {workload: mixed, leases: true, count: 4000},
	"hand-off":            {workload: oneName, leases: true, wait: true, lineUp: true, count: 4000},
	"readers and writers": {workload: oneName, leases: true, wait: true, readers: 70, count: 4000},
}
