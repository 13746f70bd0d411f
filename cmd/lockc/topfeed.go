package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
)

// feed brings a topModel its news. It asks for as much as is looked at, and no
// faster than the nodes can well bear.
type feed struct {
	p       *program
	prefix  string
	news    chan any
	failed  chan error    // what ends top: nobody will ever answer
	changed chan struct{} // the locks are to be listed again
	opened  chan struct{} // another lock is looked at

	mu     sync.Mutex
	order  order
	filter string
	open   string
}

func newFeed(p *program, prefix string) *feed {
	return &feed{
		p: p, prefix: prefix, news: make(chan any, 64), failed: make(chan error, 1),
		changed: make(chan struct{}, 1), opened: make(chan struct{}, 1),
	}
}

// want says what is looked at from now on.
func (f *feed) want(m *topModel) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.order != m.order || f.filter != m.filter {
		f.order, f.filter = m.order, m.filter
		note(f.changed)
	}
	if f.open != m.open {
		f.open = m.open
		note(f.opened)
	}
}

func (f *feed) wanted() (o order, filter, open string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.order, f.filter, f.open
}

// start begins to ask, until ctx ends.
func (f *feed) start(ctx context.Context) {
	note(f.changed)
	for _, follow := range []func(context.Context){f.followNodes, f.followLocks, f.followLock, f.followEvents} {
		go follow(ctx)
	}
}

// tell hands on news, and ends with ctx.
func (f *feed) tell(ctx context.Context, news any) {
	select {
	case f.news <- news:
	case <-ctx.Done():
	}
}

// sleep waits for a while, or for a note. It reports whether to go on.
func sleep(ctx context.Context, d time.Duration, early <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-early:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

func (f *feed) followNodes(ctx context.Context) {
	for {
		f.tell(ctx, f.p.newsOfNodes(ctx))
		if !sleep(ctx, f.p.interval, nil) {
			return
		}
	}
}

// patience is how long a node may take to say where it stands. Whoever looks at
// several is kept waiting by one that is dead.
func (p *program) patience() time.Duration {
	if p.Given("timeout") {
		return p.timeout
	}
	return statusWait
}

// newsOfNodes asks all nodes where they stand, and who reigned.
func (p *program) newsOfNodes(ctx context.Context) newsOfNodes {
	asking, cancel := context.WithTimeout(ctx, p.patience())
	defer cancel()
	var news newsOfNodes
	var both sync.WaitGroup
	both.Go(func() { news.nodes = newStanding(p.client.Status(asking)) })
	both.Go(func() { news.reigns, _ = p.client.Reigns(asking) }) // who does not answer is seen as that
	both.Wait()
	news.why = p.silences(news.nodes.nodes, p.patience())
	return news
}

// politeness is how much longer than an answer took nothing is asked after it: who
// looks on may take a fifth of a node's time for that, whatever there is to list.
const politeness = 4

// followLocks lists the locks whenever something has changed.
func (f *feed) followLocks(ctx context.Context) {
	for {
		select {
		case <-f.changed:
		case <-ctx.Done():
			return
		}
		began := time.Now()
		o, filter, _ := f.wanted()
		locks, cycles, err := f.p.census(ctx, f.prefix, o, filter)
		if err = f.p.silence(ctx, err); err == nil {
			f.tell(ctx, newsOfLocks{locks: locks, cycles: cycles})
		} else if !f.outlasts(ctx, err) {
			return
		} else {
			f.tell(ctx, newsOfLocks{trouble: err.Error()})
			note(f.changed)
		}
		if !sleep(ctx, max(f.p.interval, politeness*time.Since(began)), nil) {
			return
		}
	}
}

// outlasts reports whether to go on after an error: the nodes may come back, but
// who is not let in will not be.
func (f *feed) outlasts(ctx context.Context, err error) bool {
	var failure *cli.Failure
	if ctx.Err() != nil {
		return false
	}
	if errors.As(err, &failure) && failure.Code == cli.Unavailable {
		return true
	}
	select {
	case f.failed <- err:
	default:
	}
	return false
}

// census lists all locks below a prefix, and the deadlocks.
func (p *program) census(ctx context.Context, prefix string, o order, filter string) (*census, []lockstep.Cycle, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	all := newCensus(o, filter)
	for lock, err := range p.client.List(ctx, prefix) {
		if err != nil {
			return nil, nil, err
		}
		all.add(lock)
	}
	var cycles []lockstep.Cycle
	if all.waits > 0 {
		var err error
		if cycles, err = p.client.Deadlocks(ctx); err != nil {
			return nil, nil, err
		}
	}
	return all.done(), cycles, nil
}

// followLock asks for the lock that is looked at.
func (f *feed) followLock(ctx context.Context) {
	for {
		if _, _, name := f.wanted(); name != "" {
			f.tell(ctx, newsOfLock{name, f.p.newsOfLock(ctx, name)})
		}
		if !sleep(ctx, f.p.interval, f.opened) {
			return
		}
	}
}

func (p *program) newsOfLock(ctx context.Context, name string) topLock {
	one := topLock{known: true}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	var err error
	if one.lock, err = p.client.Show(ctx, name); err == nil {
		one.history, err = p.client.History(ctx, name)
	}
	if err = p.silence(ctx, err); err != nil {
		one.trouble = err.Error()
	}
	return one
}

// followEvents tells what happens. An outage ends nothing: the client looks for a
// node that knows how it went on.
func (f *feed) followEvents(ctx context.Context) {
	for {
		for event, err := range f.p.client.Watch(ctx, f.prefix) {
			if err != nil {
				if !f.outlasts(ctx, f.p.silence(ctx, err)) {
					return
				}
				break
			}
			f.tell(ctx, event)
			if event.Name != "" || event.Kind == lockstep.EventMissed || event.Kind == lockstep.EventBegan {
				note(f.changed)
			}
		}
		if !sleep(ctx, f.p.interval, nil) {
			return
		}
	}
}
