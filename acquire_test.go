package lockstep_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"lockstep"
	"lockstep/locktest"
)

func TestALockIsHeldUntilItIsReleased(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		one, other := pair.Client(), pair.Client()
		first := acquired(t, one, "db")
		if err := first.Err(); err != nil {
			t.Fatalf("it is held, and yet: %v", err)
		}
		wantHeld(t, other, "db")
		release(t, first)
		second := acquired(t, other, "db")
		if second.Token() <= first.Token() {
			t.Errorf("token %v came after %v", second.Token(), first.Token())
		}
	})
}

// A lease is used once: after its release every method says so.
func TestAReleasedLeaseIsOver(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		lease := acquired(t, pair.Client(), "db")
		if left := lease.Remaining(); left < 9*time.Second || left > 10*time.Second {
			t.Errorf("of a TTL of 10 s %v remain", left)
		}
		if until := time.Until(lease.Deadline()); until != lease.Remaining() {
			t.Errorf("the deadline is in %v, and %v remain", until, lease.Remaining())
		}
		ctx := lease.Context()
		release(t, lease)
		if cause := context.Cause(ctx); cause != lockstep.ErrReleased {
			t.Errorf("the context's cause is %v", cause)
		}
		if lease.Err() != lockstep.ErrReleased || lease.Remaining() != 0 || !lease.Deadline().IsZero() {
			t.Errorf("%v, %v remain, until %v", lease.Err(), lease.Remaining(), lease.Deadline())
		}
		if err := lease.Release(t.Context()); !errors.Is(err, lockstep.ErrReleased) {
			t.Errorf("a second release: %v", err)
		}
		if lease.Context().Err() == nil {
			t.Error("a context that was taken after the end goes on")
		}
	})
}

// Whoever is refused learns who holds the lock.
func TestARefusedTryShowsTheHolder(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		holder := pair.Client(lockstep.WithInfo(map[string]string{"command": "backup.sh"}))
		lease := acquired(t, holder, "db", lockstep.Info(map[string]string{"step": "3"}))
		held := wantHeld(t, pair.Client(), "db")
		if held.Name != "db" || len(held.Lock.Holders) != 1 {
			t.Fatalf("%+v", held)
		}
		card := held.Lock.Holders[0]
		if card.Token != lease.Token() || card.Session != lease.Session() || card.Info["step"] != "3" {
			t.Errorf("the holder's card is %+v", card)
		}
		info := card.Owner.Info
		if info["command"] != "backup.sh" || info["pid"] != strconv.Itoa(os.Getpid()) || info["host"] == "" {
			t.Errorf("the session's card is %+v", card.Owner)
		}
	})
}

func TestSharedHoldersAreTogetherAndPassNobody(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		readers, writer := pair.Client(), pair.Client()
		first := acquired(t, readers, "db", lockstep.Shared())
		second := acquired(t, pair.Client(), "db", lockstep.Shared())
		wants := waitFor(t.Context(), t, writer, "db")
		wantHeld(t, readers, "db", lockstep.Shared()) // it would pass the writer
		release(t, first)
		if wants.isOver() {
			t.Fatal("the writer came in beside a reader")
		}
		release(t, second)
		wants.got(t)
		wantHeld(t, readers, "db", lockstep.Shared())
	})
}

func TestPermitsAreAsManyAsThereAre(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client := pair.Client()
		two := acquired(t, client, "pool", lockstep.Permits(2, 3))
		acquired(t, client, "pool", lockstep.Permits(1, 3))
		held := wantHeld(t, client, "pool", lockstep.Permits(1, 3))
		if held.Lock.Of != 3 || len(held.Lock.Holders) != 2 {
			t.Errorf("%+v", held.Lock)
		}
		release(t, two)
		acquired(t, client, "pool", lockstep.Permits(2, 3))
	})
}

func TestSeveralLocksAreAcquiredTogetherOrNotAtAll(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		one, other := pair.Client(), pair.Client()
		b := acquired(t, one, "b")
		_, err := other.TryAcquireAll(t.Context(), []string{"a", "b"})
		var held *lockstep.HeldError
		if !errors.As(err, &held) || held.Name != "b" {
			t.Fatalf("want b to be held, got %v", err)
		}
		release(t, acquired(t, one, "a")) // nothing was taken
		release(t, b)
		all, err := other.AcquireAll(t.Context(), []string{"a", "b"}, lockstep.And("c", lockstep.Shared()))
		if err != nil || strings.Join(all.Names(), " ") != "a b c" {
			t.Fatal(all, err)
		}
		wantHeld(t, one, "a")
		acquired(t, one, "c", lockstep.Shared())
		release(t, all)
		acquired(t, one, "b")
	})
}

// What a re-entrant caller holds twice is free after the second release.
func TestReentrantGrantsAreReleasedOneByOne(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client, other := pair.Client(), pair.Client()
		outer := acquired(t, client, "db")
		inner := acquired(t, client, "db", lockstep.Reentrant())
		if inner.Token() != outer.Token() {
			t.Errorf("tokens %v and %v", outer.Token(), inner.Token())
		}
		release(t, outer)
		if inner.Err() != nil || inner.Remaining() == 0 {
			t.Fatal("the inner one ended with the outer one")
		}
		wantHeld(t, other, "db")
		release(t, inner)
		acquired(t, other, "db")
	})
}

// A wait whose context ends is over at the nodes too, and its error does not say
// that anything is unknown.
func TestAWaitEndsWithItsContext(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client, other := pair.Client(), pair.Client()
		lease := acquired(t, client, "db")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := other.Acquire(ctx, "db")
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, lockstep.ErrUnknown) {
			t.Errorf("the error is %v", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %v", took)
		}
		for show(t, client, "db").Waiters > 0 {
			time.Sleep(time.Millisecond)
		}
		release(t, lease)
		acquired(t, client, "db")
	})
}

// A wait that is given up in the very moment of its grant holds nothing.
func TestAWaitThatEndsWithItsGrantHoldsNothing(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client, other := pair.Client(), pair.Client()
		for range 50 {
			lease := acquired(t, client, "db")
			ctx, cancel := context.WithCancel(t.Context())
			waiting := waitFor(ctx, t, other, "db")
			go cancel()
			release(t, lease)
			<-waiting.ended
			if waiting.err == nil {
				release(t, waiting.lease)
			}
			release(t, acquired(t, client, "db"))
		}
	})
}

func TestAnAcquireThatCannotBeMeantIsRefused(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client := pair.Client()
		for name, opt := range map[string]lockstep.LockOption{
			"no permits":        lockstep.Permits(0, 3),
			"too many permits":  lockstep.Permits(4, 3),
			"negative permits":  lockstep.Permits(-1, 3),
			"a negative hold":   lockstep.MaxHold(-time.Second),
			"a short hold":      lockstep.MaxHold(time.Millisecond),
			"a long delay":      lockstep.LockDelay(2 * time.Hour),
			"a key with =":      lockstep.Info(map[string]string{"a=b": "c"}),
			"a broken line":     lockstep.Info(map[string]string{"a": "b\nc"}),
			"too much info":     lockstep.Info(map[string]string{"a": strings.Repeat("b", 5000)}),
			"options in And":    lockstep.And("x", lockstep.MaxHold(time.Minute)),
			"the same name":     lockstep.And("db"),
			"a nameless second": lockstep.And(""),
		} {
			if lease, err := client.TryAcquire(t.Context(), "db", opt); !errors.Is(err, lockstep.ErrInvalid) {
				t.Errorf("%s: %v, %v", name, lease, err)
			}
		}
		if _, err := client.AcquireAll(t.Context(), nil); !errors.Is(err, lockstep.ErrInvalid) {
			t.Errorf("no names: %v", err)
		}
		if _, err := client.Elect(t.Context(), "db", lockstep.Shared()); !errors.Is(err, lockstep.ErrInvalid) {
			t.Errorf("a leader that is not alone: %v", err)
		}
		acquired(t, client, "db")
	})
}

// Two that hold what the other wants: the second wait would never end.
func TestAWaitThatClosesACycleIsRefused(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		one, other := pair.Client(), pair.Client()
		a, b := acquired(t, one, "a"), acquired(t, other, "b")
		first := waitFor(a.Context(), t, one, "b")
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		_, err := other.Acquire(ctx, "a")
		var deadlock *lockstep.DeadlockError
		if !errors.As(err, &deadlock) || !errors.Is(err, lockstep.ErrDeadlock) || deadlock.Cycle == "" {
			t.Fatalf("want ErrDeadlock, got %v", err)
		}
		stuck := waitFor(b.Context(), t, other, "a", lockstep.AllowDeadlock())
		cycles, err := one.Deadlocks(t.Context())
		if err != nil || len(cycles) != 1 || len(cycles[0]) != 2 {
			t.Fatalf("the cycles are %v, %v", cycles, err)
		}
		release(t, a) // which also ends the wait under its context
		stuck.got(t)
		if <-first.ended; !errors.Is(first.err, context.Canceled) {
			t.Errorf("the wait under a lease that was released: %v", first.err)
		}
	})
}

// What plain requests keep is not known: their cycle is told, and refused only to
// a client that says what it does.
func TestACycleOfPlainRequestsIsPossible(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		one, other := pair.Client(), pair.Client()
		acquired(t, one, "a")
		b := acquired(t, other, "b")
		first := waitFor(t.Context(), t, one, "b", lockstep.Sequential())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := other.Acquire(ctx, "a", lockstep.Sequential()); !errors.Is(err, lockstep.ErrDeadlock) {
			t.Fatalf("want ErrDeadlock, got %v", err)
		}
		plain := waitFor(ctx, t, other, "a")
		cycles, err := one.Deadlocks(ctx)
		if err != nil || len(cycles) != 1 || cycles[0][0].Possible || !cycles[0][1].Possible {
			t.Errorf("the cycles are %+v, %v", cycles, err)
		}
		release(t, b)
		first.got(t)
		cancel()
		<-plain.ended
	})
}

func TestAnElectedLeaderIsAlone(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		leader, err := pair.Client().Elect(t.Context(), "scheduler")
		if err != nil {
			t.Fatal(err)
		}
		next := waitFor(t.Context(), t, pair.Client(), "scheduler")
		release(t, leader)
		next.got(t)
	})
}
