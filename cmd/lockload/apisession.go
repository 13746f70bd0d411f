package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"lockstep"
	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
)

// apiTTL is that of a session of the API, and how much of it its client believes in
// is the proto's to say.
const (
	apiTTL      = 10 * time.Second
	apiBelieved = apiTTL * 98 / 102
)

// apiSession is a session of the public API. Its callers share it, as the goroutines
// of a client of Go do, and it is kept alive as the proto asks.
type apiSession struct {
	speaker
	id   string
	sure atomic.Int64 // until when it is believed in, since began; zero when it is over

	began time.Time
	leave context.CancelFunc
	alive sync.WaitGroup
}

// openSession opens one, within some time.
func openSession(s speaker, within time.Duration) (*apiSession, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	a := &apiSession{speaker: s, began: time.Now()}
	var opened pb.OpenSessionResponse
	ask := &pb.OpenSessionRequest{Ttl: durationpb.New(apiTTL), Info: map[string]string{"command": "lockload"}}
	if err := s.call(ctx, "OpenSession", ask, &opened); err != nil {
		return nil, fmt.Errorf("the API opens no session: %w", err)
	}
	a.id = opened.GetSession()
	a.sure.Store(int64(apiBelieved))
	ctx, a.leave = context.WithCancel(context.Background())
	a.alive.Go(func() { a.keepAlive(ctx) })
	return a, nil
}

// keepAlive gives signs of life until the context ends, or the session.
func (a *apiSession) keepAlive(ctx context.Context) {
	beat := time.NewTicker(apiTTL / 3)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
		}
		sent := time.Since(a.began)
		within, cancel := context.WithTimeout(ctx, apiTTL/3)
		err := a.call(within, "KeepAlive", &pb.KeepAliveRequest{Session: a.id}, new(pb.KeepAliveResponse))
		cancel()
		if err == lockstep.ErrSessionExpired {
			a.sure.Store(0)
			return
		}
		if err == nil {
			a.sure.Store(int64(sent + apiBelieved))
		}
	}
}

// remaining is for how long the session is certain to live.
func (a *apiSession) remaining() time.Duration {
	return max(0, time.Duration(a.sure.Load())-time.Since(a.began))
}

func (a *apiSession) close(log *slog.Logger) {
	a.leave()
	a.alive.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := a.call(ctx, "CloseSession", &pb.CloseSessionRequest{Session: a.id}, new(pb.CloseSessionResponse)); err != nil {
		log.Warn("a session of the API expires", "error", err) // its locks are this run's own
	}
	a.hangUp()
}

// apiTenant is one caller with a session of the API. It never waits: what it is
// measured beside does not either.
type apiTenant struct{ session *apiSession }

func (t apiTenant) acquire(ctx context.Context, w want) (lease, error) {
	ask := &pb.TryAcquireRequest{Session: t.session.id, Name: w.name}
	if w.shared {
		ask.Mode = pb.Mode_MODE_SHARED
	}
	var answer pb.TryAcquireResponse
	if err := t.session.call(ctx, "TryAcquire", ask, &answer); err != nil {
		return nil, err
	}
	if answer.GetToken() == 0 {
		return nil, nil
	}
	return &apiLease{t.session, w.name, answer.GetToken()}, nil
}

// apiLease is what was granted through the API.
type apiLease struct {
	session *apiSession
	name    string
	granted uint64
}

func (l *apiLease) token() lock.Token        { return lock.Token(l.granted) }
func (l *apiLease) remaining() time.Duration { return l.session.remaining() }

func (l *apiLease) err() error {
	if l.remaining() == 0 {
		return lockstep.ErrLost
	}
	return nil
}

func (l *apiLease) release(ctx context.Context) error {
	var answer pb.ReleaseResponse
	ask := &pb.ReleaseRequest{Session: l.session.id, Name: l.name, Token: l.granted}
	if err := l.session.call(ctx, "Release", ask, &answer); err != nil {
		return err
	}
	if !answer.GetReleased() {
		return lockstep.ErrLost
	}
	return nil
}

// apiFleet is a program of many callers, all of which use one session.
func apiFleet(speak func(entry) (speaker, error), e entry, callers int, within time.Duration, log *slog.Logger) (*fleet, error) {
	s, err := speak(e)
	if err != nil {
		return nil, err
	}
	session, err := openSession(s, within)
	if err != nil {
		s.hangUp()
		return nil, err
	}
	f := &fleet{close: func() { session.close(log) }}
	for range callers {
		f.members = append(f.members, member{tenant: apiTenant{session}})
	}
	return f, nil
}
