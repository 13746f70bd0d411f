package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"lockstep/lock"
)

// How long an answer to "can you grant now" is good for all who ask, and how long
// finding it out may take. Who asks often costs the nodes no more.
const (
	readyFor    = 250 * time.Millisecond
	readyWithin = time.Second
)

// live says that the process answers, and nothing more.
func live(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") }

// CanGrant returns nil if a lock could be granted through the node now, or why not:
// its primary has confirmed that it is one.
func CanGrant(ctx context.Context, ask Questions) error {
	_, err := ask.Inquire(ctx, lock.Query{Kind: lock.QueryToken, Name: "ready"})
	if err != nil {
		return errors.New(plain(err))
	}
	return nil
}

// mostAwait is how many wait until that is found out. Strangers may ask, and nothing
// counts them: more are told what was known last.
const mostAwait = 1000

// readiness knows whether this node can grant now: what it tells is at most readyFor
// old, but to a crowd, and one asks for all.
type readiness struct {
	ask   func(context.Context) error
	turn  chan struct{}           // held while asking
	await atomic.Int32            // who have or want it
	known atomic.Pointer[finding] // the last one
}

// finding is whether the node could grant, and when that was.
type finding struct {
	at  time.Time // zero: not known yet
	err error
}

func newReadiness(ask func(context.Context) error) *readiness {
	r := &readiness{ask: ask, turn: make(chan struct{}, 1)}
	r.known.Store(&finding{err: errors.New("it is not known yet whether this node can grant")})
	return r
}

// now returns nil, or why the node cannot grant, or why ctx has ended before the
// turn of whoever asks.
func (r *readiness) now(ctx context.Context) error {
	defer r.await.Add(-1)
	if r.await.Add(1) > mostAwait {
		return r.known.Load().err
	}
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if known := r.known.Load(); !known.at.IsZero() && time.Since(known.at) < readyFor {
		return known.err
	}
	// It is asked for everybody, so nobody's going away ends it.
	asking, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	err := r.ask(asking)
	r.known.Store(&finding{time.Now(), err})
	return err
}

func (r *readiness) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if err := r.now(request.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ok\n")
}
