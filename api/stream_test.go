package api

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"

	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
	"lockstep/replica"
)

// silent is a Backend whose questions get no answer, and whose grants come late.
type silent struct {
	Backend
	grants  time.Duration     // after the asking
	because func(error) error // what it says when its caller has waited enough
}

func (s *silent) Inquire(ctx context.Context, _ lock.Query) (lock.Report, error) {
	<-ctx.Done()
	return lock.Report{}, ctx.Err()
}

func (s *silent) Ask(context.Context, lock.Command, time.Duration) (lock.Result, error) {
	time.Sleep(s.grants)
	return lock.Result{Outcome: lock.Granted, Token: 9}, nil
}

// TestNewsKeepNoGrantWaiting: a grant is told when it comes, and that a request
// waits is told soon, though nothing is known of the queue.
func TestNewsKeepNoGrantWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			grants time.Duration
			news   int
		}{{firstNews + time.Millisecond, 0}, {firstNews + newsWithin + time.Second, 1}} {
			a := &asking{service: &service{backend: &silent{grants: test.grants}}}
			news, began := 0, time.Now()
			result, err := a.await(t.Context(), func(update *pb.AcquireResponse) error {
				news++
				return nil
			})
			if err != nil || result.Token != 9 || time.Since(began) != test.grants {
				t.Errorf("%+v, %v after %v instead of %v", result, err, time.Since(began), test.grants)
			}
			if news != test.news {
				t.Errorf("a grant after %v: %d news", test.grants, news)
			}
		}
	})
}

func (s *silent) Open(ctx context.Context, _ lock.Number, _ lock.Terms) (lock.SessionCard, error) {
	<-ctx.Done()
	return lock.SessionCard{}, s.because(ctx.Err())
}

func (s *silent) Watch(ctx context.Context, _ string, _ lock.Index) iter.Seq2[lock.Report, error] {
	return func(yield func(lock.Report, error) bool) {
		<-ctx.Done()
		yield(lock.Report{}, s.because(ctx.Err()))
	}
}

// TestStreamsThatDoNotBegin: they end as other requests without an answer do.
func TestStreamsThatDoNotBegin(t *testing.T) {
	for _, test := range []struct {
		because func(error) error
		code    connect.Code
		reason  pb.Failure_Reason
	}{
		{func(err error) error { return err }, connect.CodeDeadlineExceeded, pb.Failure_REASON_NO_ANSWER},
		{func(err error) error { return fmt.Errorf("%w: %w", replica.ErrNoQuorum, err) }, connect.CodeUnavailable, pb.Failure_REASON_NO_QUORUM},
	} {
		synctest.Test(t, func(t *testing.T) {
			stopping, stop := context.WithTimeout(t.Context(), time.Hour)
			defer stop()
			s := &service{backend: &silent{because: test.because}, stopping: stopping}
			for name, begin := range map[string]func(context.Context) error{
				"Acquire": func(ctx context.Context) error { return s.Acquire(ctx, &pb.AcquireRequest{Name: "x"}, nil) },
				"Watch":   func(ctx context.Context) error { return s.Watch(ctx, &pb.WatchRequest{}, nil) },
			} {
				began := time.Now()
				err := begin(t.Context())
				if lasted := time.Since(began); lasted != answerWithin {
					t.Errorf("%s: %v after %v", name, err, lasted)
				}
				if got := reasonOf(t, err); connect.CodeOf(err) != test.code || got.GetReason() != test.reason {
					t.Errorf("%s: %v", name, err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				began = time.Now()
				if err := begin(ctx); connect.CodeOf(err) != test.code || time.Since(began) >= time.Second {
					t.Errorf("%s with a deadline: %v after %v", name, err, time.Since(began))
				}
				cancel()
			}
		})
	}
}
