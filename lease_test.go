package lockstep_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"lockstep"
	"lockstep/locktest"
)

// T4: a client that the nodes do not hear any more knows that its lease is lost
// before another can be granted the lock.
func TestALossIsToldBeforeAnotherGrant(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		holder, next := pair.Client(lockstep.WithTTL(2*time.Second)), pair.Client()
		lease := acquired(t, holder, "db")
		loss := lossOf(t, lease)
		waiting := waitFor(t.Context(), t, next, "db")
		time.Sleep(5 * time.Second) // it is kept alive for longer than a TTL
		if err := lease.Err(); err != nil {
			t.Fatalf("a lease that is kept alive: %v", err)
		}
		holder.CutOff(true)
		granted := waiting.got(t)
		lost, cause := loss()
		if cause != lockstep.ErrLost || !lost.Before(waiting.at) {
			t.Errorf("%v, told at %v; the next grant was at %v", cause, lost, waiting.at)
		}
		if lease.Remaining() != 0 || granted.Token() <= lease.Token() {
			t.Errorf("%v remain; tokens %v, then %v", lease.Remaining(), lease.Token(), granted.Token())
		}
		if early := waiting.at.Sub(lost); early > 500*time.Millisecond {
			t.Errorf("it was told %v early", early)
		}
		holder.CutOff(false)
		if err := lease.Release(t.Context()); !errors.Is(err, lockstep.ErrLost) {
			t.Errorf("releasing what was lost: %v", err)
		}
	})
}

// Nodes that stand still for longer than a TTL cost the leases, which nobody
// renews behind the holder's back. The lock comes back with a higher token.
func TestALeaseIsLostWhenNoNodeAnswers(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client := pair.Client(lockstep.WithTTL(2 * time.Second))
		lease := acquired(t, client, "db")
		began := time.Now()
		loss := lossOf(t, lease)
		pair.PauseBoth(10 * time.Second)
		lost, cause := loss()
		if cause != lockstep.ErrLost || lost.Sub(began) > 2*time.Second {
			t.Errorf("%v, told after %v", cause, lost.Sub(began))
		}
		again := acquired(t, client, "db")
		if again.Token() <= lease.Token() || again.Session() == lease.Session() || lease.Err() == nil {
			t.Errorf("token %v after %v, session %v after %v; the first: %v",
				again.Token(), lease.Token(), again.Session(), lease.Session(), lease.Err())
		}
	})
}

// T5: while a machine is suspended its monotonic clock stands still, and the
// nodes go on counting. What the clock says when it wakes decides.
func TestASuspendedClientGivesItsLeaseUp(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		clock := locktest.NewClock()
		lease := acquired(t, pair.Client(lockstep.WithClock(clock.Now)), "db")
		loss, before := lossOf(t, lease), time.Now()
		clock.Jump(time.Minute)
		if left := lease.Remaining(); left != 0 {
			t.Errorf("after a minute of sleep %v remain of 10 s", left)
		}
		lost, cause := loss()
		if took := lost.Sub(before); took > 25*time.Millisecond || cause != lockstep.ErrLost {
			t.Errorf("%v, told after %v: more than a tick", cause, took)
		}
	})
}

// A killed client's locks pass on when its TTL is over, and its waits vanish.
func TestAKilledClientLeavesNothing(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		doomed, other := pair.Client(lockstep.WithTTL(2*time.Second)), pair.Client()
		acquired(t, doomed, "held")
		kept := acquired(t, other, "wanted")
		waitFor(t.Context(), t, doomed, "wanted")
		doomed.Kill()
		killed := time.Now()
		acquired(t, other, "held")
		if took := time.Since(killed); took > 2*time.Second+30*time.Millisecond+time.Second {
			t.Errorf("the lock passed on after %v", took)
		}
		if info := show(t, other, "wanted"); info.Waiters != 0 || kept.Err() != nil {
			t.Errorf("%+v; its holder: %v", info, kept.Err())
		}
	})
}

// T6: a lock-delay keeps the lock closed after its holder was lost, and not after
// it was released.
func TestALockDelayFollowsALoss(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		doomed, other := pair.Client(lockstep.WithTTL(time.Second)), pair.Client()
		release(t, acquired(t, doomed, "db", lockstep.LockDelay(30*time.Second)))
		release(t, acquired(t, other, "db"))
		acquired(t, doomed, "db", lockstep.LockDelay(30*time.Second))
		doomed.Kill()
		killed := time.Now()
		acquired(t, other, "db")
		if took := time.Since(killed); took < 30*time.Second || took > 33*time.Second {
			t.Errorf("the lock opened after %v", took)
		}
	})
}

// A lease with a MaxHold is over in time, however alive its client is.
func TestALeaseEndsWithItsMaxHold(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client, other := pair.Client(), pair.Client()
		lease := acquired(t, client, "db", lockstep.MaxHold(30*time.Second))
		began := time.Now()
		loss := lossOf(t, lease)
		waiting := waitFor(t.Context(), t, other, "db")
		time.Sleep(25 * time.Second)
		if left := lease.Remaining(); left <= 0 || left > 5*time.Second {
			t.Errorf("%v remain", left)
		}
		waiting.got(t)
		lost, cause := loss()
		if cause != lockstep.ErrExpired || !lost.Before(waiting.at) || waiting.at.Sub(began) < 30*time.Second-time.Second {
			t.Errorf("%v, told after %v; granted after %v", cause, lost.Sub(began), waiting.at.Sub(began))
		}
		if err := lease.Release(t.Context()); !errors.Is(err, lockstep.ErrExpired) {
			t.Errorf("releasing what has expired: %v", err)
		}
		acquired(t, client, "another") // the session lives
	})
}

func TestARevokedHolderIsToldWhy(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client, operator := pair.Client(), pair.Client()
		lease, bystander := acquired(t, client, "db"), acquired(t, client, "other")
		loss := lossOf(t, lease)
		taken, err := operator.Revoke(t.Context(), "db", "the host is down for repair")
		if err != nil || !taken {
			t.Fatal(taken, err)
		}
		acquired(t, operator, "db")
		_, cause := loss()
		var revoked *lockstep.RevokedError
		if !errors.As(cause, &revoked) || !errors.Is(cause, lockstep.ErrRevoked) || revoked.Reason != "the host is down for repair" {
			t.Errorf("the cause is %v", cause)
		}
		if err := lease.Release(t.Context()); !errors.Is(err, lockstep.ErrRevoked) {
			t.Errorf("releasing what was revoked: %v", err)
		}
		if err := bystander.Err(); err != nil {
			t.Errorf("another lease of that client: %v", err)
		}
		if taken, err = operator.Revoke(t.Context(), "nobody's", "for nothing"); err != nil || taken {
			t.Errorf("revoking what nobody holds: %v, %v", taken, err)
		}
	})
}

func TestAnOperatorFreesAnOwnerlessLock(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client := pair.Client()
		if taken, err := client.Clerk().Lock(t.Context(), "lab"); err != nil || !taken {
			t.Fatal(taken, err)
		}
		if held := wantHeld(t, client, "lab"); !held.Lock.Ownerless {
			t.Errorf("%+v", held.Lock)
		}
		if taken, err := client.Revoke(t.Context(), "lab", "an orphan"); err != nil || !taken {
			t.Fatal(taken, err)
		}
		acquired(t, client, "lab")
	})
}

// Closing a client tells its leases first, and then frees its locks and waits.
func TestClosingAClientFreesAll(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client, other := pair.Client(), pair.Client()
		lease := acquired(t, client, "a")
		acquired(t, client, "b", lockstep.Shared())
		kept := acquired(t, other, "c")
		waiting := waitFor(t.Context(), t, client, "c")
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		if <-waiting.ended; !errors.Is(waiting.err, lockstep.ErrClosed) {
			t.Errorf("the wait ended with %v", waiting.err)
		}
		if lease.Err() != lockstep.ErrReleased || kept.Err() != nil {
			t.Errorf("its own lease: %v; another's: %v", lease.Err(), kept.Err())
		}
		for _, name := range []string{"a", "b"} {
			if _, err := other.TryAcquire(t.Context(), name); err != nil {
				t.Error(err)
			}
		}
		if info := show(t, other, "c"); info.Waiters != 0 {
			t.Errorf("%+v", info)
		}
	})
}

// Do releases after its function has returned, whatever that returned.
func TestDoReleasesAfterTheWork(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client, other := pair.Client(), pair.Client()
		failure := errors.New("no space left")
		err := client.Do(t.Context(), "db", func(ctx context.Context, lease *lockstep.Lease) error {
			wantHeld(t, other, "db")
			if ctx.Err() != nil || lease.Err() != nil {
				t.Errorf("%v, %v", ctx.Err(), lease.Err())
			}
			return failure
		})
		if err != failure && (!errors.Is(err, failure) || err.Error() != failure.Error()) {
			t.Errorf("Do returned %v", err)
		}
		acquired(t, other, "db")
	})
}

// The end of Do's context does not free the lock under the feet of its function,
// and Do has released it when it returns.
func TestDoHoldsTheLockUntilItsWorkHasEnded(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client, other := pair.Client(), pair.Client()
		ctx, cancel := context.WithCancel(t.Context())
		err := client.Do(ctx, "db", func(ctx context.Context, _ *lockstep.Lease) error {
			cancel()
			<-ctx.Done()
			time.Sleep(30 * time.Second) // cleaning up
			wantHeld(t, other, "db")
			client.CutOff(true) // the release takes a second
			time.AfterFunc(time.Second, func() { client.CutOff(false) })
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if _, err := other.TryAcquire(t.Context(), "db"); err != nil {
			t.Errorf("when Do has returned: %v", err)
		}
	})
}

// Work whose lease is lost hears of it, and so does the caller of Do.
func TestDoTellsOfALoss(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client, operator := pair.Client(), pair.Client()
		stopped := errors.New("stopped")
		err := client.Do(t.Context(), "db", func(ctx context.Context, _ *lockstep.Lease) error {
			if _, err := operator.Revoke(t.Context(), "db", "enough"); err != nil {
				t.Error(err)
			}
			<-ctx.Done()
			if cause := context.Cause(ctx); !errors.Is(cause, lockstep.ErrRevoked) {
				t.Errorf("the work's context ended for %v", cause)
			}
			return stopped
		})
		if !errors.Is(err, stopped) || !errors.Is(err, lockstep.ErrRevoked) || !strings.Contains(err.Error(), "enough") {
			t.Errorf("Do returned %v", err)
		}
	})
}

func TestDoReleasesAfterAPanic(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client := pair.Client()
		func() {
			defer func() { _ = recover() }()
			_ = client.Do(t.Context(), "db", func(context.Context, *lockstep.Lease) error { panic("a bug") })
		}()
		acquired(t, pair.Client(), "db")
	})
}

// The values of the caller's context come along; its end does not.
func TestALeaseOutlivesTheContextOfItsAcquire(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		type key struct{}
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "trace"))
		lease, err := pair.Client().Acquire(ctx, "db")
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if lease.Context().Err() != nil || lease.Context().Value(key{}) != "trace" {
			t.Errorf("%v, %v", lease.Context().Err(), lease.Context().Value(key{}))
		}
	})
}

func TestATokenIsVerified(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client, resource := pair.Client(), pair.Client()
		lease := acquired(t, client, "db")
		verify := func(token lockstep.Token, want bool) {
			t.Helper()
			if current, err := resource.Verify(t.Context(), "db", token); err != nil || current != want {
				t.Errorf("token %v: %v, %v", token, current, err)
			}
		}
		verify(lease.Token(), true)
		verify(lease.Token()+1, false)
		release(t, lease)
		verify(lease.Token(), false)
	})
}
