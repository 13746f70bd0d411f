package api

import (
	"context"
	"errors"
	"io"
	"net/http"
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

// readiness knows whether this node can grant now: what it knows is at most
// readyFor old, and one asks for all.
type readiness struct {
	ask  func(context.Context) error
	turn chan struct{} // held while asking
	at   time.Time
	last error
}

func newReadiness(ask func(context.Context) error) *readiness {
	return &readiness{ask: ask, turn: make(chan struct{}, 1)}
}

// now returns nil, or why the node cannot grant, or why ctx has ended before the
// turn of whoever asks.
func (r *readiness) now(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if !r.at.IsZero() && time.Since(r.at) < readyFor {
		return r.last
	}
	// It is asked for everybody, so nobody's going away ends it.
	asking, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	r.last = r.ask(asking)
	r.at = time.Now()
	return r.last
}

func (r *readiness) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if err := r.now(request.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ok\n")
}
