package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lockstep"
)

// The load of a drill is small: enough to see what becomes of every kind of
// request.
const (
	drillSessions = 6
	drillRivals   = 2 // locks that all sessions compete for
	drillBreath   = 5 * time.Millisecond
	drillAnswer   = 30 * time.Second // within which every request is answered
	drillProbe    = 8                // rounds between two tries at what another keeps
)

// drillLoad is sessions that take and release locks, and check what they get.
type drillLoad struct {
	verdict *judgement
	end     context.CancelFunc
	done    sync.WaitGroup
	clients []*lockstep.Client
	keeps   []*lockstep.Lease // one a session, from the beginning to the end

	mu      sync.Mutex
	rounds  []int // finished by each session, of those begun after the last mark
	marked  time.Time
	longest time.Duration // a request took, of those that ended after the last mark
	rivals  map[string]rival
}

// rival is who got a lock last.
type rival struct {
	lease *lockstep.Lease
	token lockstep.Token
}

// startLoad returns when every session holds what it is to keep.
func (d *drill) startLoad(ctx context.Context) (*drillLoad, error) {
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	l := &drillLoad{verdict: d.verdict, end: end, rounds: make([]int, drillSessions), rivals: map[string]rival{}}
	for i := range drillSessions {
		client, err := d.another(ctx, d.nodes)
		if err == nil {
			l.clients = append(l.clients, client)
			err = l.keep(ctx, i)
		}
		if err != nil {
			l.stop()
			return nil, err
		}
	}
	for i := range drillSessions {
		l.done.Go(func() { l.pulse(running, i) })
		l.done.Go(func() { l.compete(running, i) })
	}
	return l, nil
}

func (l *drillLoad) name(format string, args ...any) string {
	return l.verdict.prefix + fmt.Sprintf(format, args...)
}

// keep takes the lock that a session is to have when all is over.
func (l *drillLoad) keep(ctx context.Context, i int) error {
	ctx, cancel := context.WithTimeout(ctx, drillAnswer)
	defer cancel()
	lease, err := l.clients[i].Acquire(ctx, l.name("kept/%d", i))
	if err == nil {
		l.keeps = append(l.keeps, lease)
	}
	return err
}

// pulse takes and releases a lock that nobody else wants, so that only the nodes
// can make it wait.
func (l *drillLoad) pulse(ctx context.Context, i int) {
	name := l.name("own/%d", i)
	for round := 0; ctx.Err() == nil; round++ {
		began := time.Now()
		lease := l.acquire(l.clients[i], name)
		if lease == nil {
			return
		}
		l.granted(name, lease)
		l.release(lease, name)
		l.finished(i, began)
		if round%drillProbe == i {
			l.probe(i)
		}
		breathe(ctx)
	}
}

// compete waits in line for a lock that the others want too.
func (l *drillLoad) compete(ctx context.Context, i int) {
	for round := 0; ctx.Err() == nil; round++ {
		name := l.name("rival/%d", (i+round)%drillRivals)
		lease := l.acquire(l.clients[i], name)
		if lease == nil {
			return
		}
		l.granted(name, lease)
		breathe(ctx)
		l.release(lease, name)
	}
}

func breathe(ctx context.Context) {
	select {
	case <-time.After(drillBreath):
	case <-ctx.Done():
	}
}

// acquire gets a lock, or tells the verdict why not and returns nil. It does not
// end with the drill: what is under way is brought to its end.
func (l *drillLoad) acquire(client *lockstep.Client, name string) *lockstep.Lease {
	ctx, cancel := context.WithTimeout(context.Background(), drillAnswer)
	defer cancel()
	lease, err := client.Acquire(ctx, name)
	if err != nil {
		l.verdict.unable("acquire", name, err)
		return nil
	}
	l.verdict.request()
	return lease
}

// release gives a lock back, which must have been held until then.
func (l *drillLoad) release(lease *lockstep.Lease, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), drillAnswer)
	defer cancel()
	if err := lease.Release(ctx); err != nil {
		l.verdict.unable("release", name, err)
		return
	}
	l.verdict.request()
}

// granted checks a grant against the one before it: that is over, as its holder
// knows, and its token is lower.
func (l *drillLoad) granted(name string, lease *lockstep.Lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.rivals[name]
	l.judge(name, rival{lease, lease.Token()}, last.lease != nil && last.lease.Err() == nil && lease.Err() == nil)
}

// judge checks who got a lock against who got it before.
func (l *drillLoad) judge(name string, next rival, both bool) {
	last := l.rivals[name]
	switch {
	case both:
		l.verdict.wrong("%s was granted with token %v while another believes that it holds it with %v", name, next.token, last.token)
	case next.token <= last.token:
		l.verdict.wrong("%s was granted with token %v after %v", name, next.token, last.token)
	}
	l.rivals[name] = next
}

// probe tries to get what the next session keeps, and asks about its token.
func (l *drillLoad) probe(i int) {
	ctx, cancel := context.WithTimeout(context.Background(), drillAnswer)
	defer cancel()
	kept := l.keeps[(i+1)%drillSessions]
	name := kept.Names()[0]
	lease, err := l.clients[i].TryAcquire(ctx, name)
	switch {
	case err == nil && kept.Err() == nil:
		l.verdict.wrong("%s was granted with token %v while another believes that it holds it with %v", name, lease.Token(), kept.Token())
	case err != nil && !errors.Is(err, lockstep.ErrHeld):
		l.verdict.unable("try", name, err)
	default:
		l.verdict.request()
	}
	if err == nil {
		l.release(lease, name)
	}
	current, err := l.clients[i].Verify(ctx, name, kept.Token())
	switch {
	case err != nil:
		l.verdict.unable("verify", name, err)
	case !current && kept.Err() == nil:
		l.verdict.wrong("the token %v of %s was called stale while its holder believes that it holds it", kept.Token(), name)
	default:
		l.verdict.request()
	}
}

// finished counts a round of a session, and how long it took.
func (l *drillLoad) finished(i int, began time.Time) {
	took := time.Since(began)
	l.verdict.pause(took)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.longest = max(l.longest, took)
	if began.After(l.marked) {
		l.rounds[i]++
	}
}

// mark begins to count anew.
func (l *drillLoad) mark() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.marked, l.longest = time.Now(), 0
	clear(l.rounds)
}

// paused is the longest that a session was kept waiting since the last mark.
func (l *drillLoad) paused() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.longest
}

// settle returns when every session has been served by the nodes as they are now.
func (l *drillLoad) settle(ctx context.Context) error {
	l.mu.Lock()
	l.marked = time.Now()
	clear(l.rounds)
	l.mu.Unlock()
	for !l.served() {
		select {
		case <-time.After(drillBreath):
		case <-ctx.Done():
			return errors.New("not every session is served again")
		}
	}
	return nil
}

func (l *drillLoad) served() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, rounds := range l.rounds {
		if rounds == 0 {
			return false
		}
	}
	return true
}

// stop ends the load. What was to be kept must still be held.
func (l *drillLoad) stop() {
	l.end()
	l.done.Wait()
	for _, lease := range l.keeps {
		name := lease.Names()[0]
		if err := lease.Err(); err != nil {
			l.verdict.lost("%s, held from the beginning: %v", name, err)
			continue
		}
		l.release(lease, name)
	}
	var all sync.WaitGroup
	for _, client := range l.clients {
		all.Go(func() { _ = client.Close() }) // the sweep sees what is left
	}
	all.Wait()
}
