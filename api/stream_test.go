package api

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
)

// silent is a Backend whose questions get no answer, and whose grants come late.
type silent struct {
	Backend
	grants time.Duration // after the asking
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
