package locktest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockstep"
	"lockstep/locktest"
)

// inBubble runs a test with a pair in a bubble, where waiting costs nothing.
func inBubble(t *testing.T, test func(t *testing.T, pair *locktest.Pair)) {
	synctest.Test(t, func(t *testing.T) { test(t, locktest.StartPair(t)) })
}

// want asks and fails unless the answer is the one wanted.
func want(t *testing.T, ask func(context.Context, string) (bool, error), name string, answer bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if got, err := ask(ctx, name); err != nil || got != answer {
		t.Fatalf("%q: got %v, %v; want %v", name, got, err, answer)
	}
}

func TestBackupDiesBeforeAck(t *testing.T) {
	inBubble(t, func(t *testing.T, pair *locktest.Pair) {
		clerk := pair.Clerk()
		want(t, clerk.Lock, "a", true)
		dead := pair.BackupDiesBeforeAck()
		want(t, clerk.Lock, "b", true)
		<-dead
		want(t, clerk.Lock, "b", false)
	})
}

// Either node may stand still for any time: its locks are not lost, nobody else
// gets them, and the pair forms again.
func TestPauses(t *testing.T) {
	for name, pause := range map[string]func(*locktest.Pair, time.Duration){
		"primary": (*locktest.Pair).PausePrimary,
		"backup":  (*locktest.Pair).PauseBackup,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, pair *locktest.Pair) {
				clerk := pair.Clerk()
				want(t, clerk.Lock, "a", true)
				var during sync.WaitGroup
				during.Go(func() {
					other := pair.Clerk()
					want(t, other.Lock, "a", false)
					want(t, other.Lock, "b", true)
				})
				pause(pair, 5*time.Second)
				during.Wait()
				pair.AwaitPaired()
				want(t, clerk.Lock, "a", false)
				want(t, clerk.Unlock, "b", true)
			})
		})
	}
}

// One node after the other is killed and comes back, again and again.
func TestRestartsInTurn(t *testing.T) {
	inBubble(t, func(t *testing.T, pair *locktest.Pair) {
		clerk := pair.Clerk()
		for i := range 6 {
			want(t, clerk.Lock, fmt.Sprint("round ", i), true)
			if i%2 == 0 {
				pair.RestartPrimary()
			} else {
				pair.RestartBackup()
			}
			pair.AwaitPaired()
			for j := range i + 1 {
				want(t, clerk.Lock, fmt.Sprint("round ", j), false)
			}
		}
	})
}

// When both memories are lost the locks are, and the client is told that its
// session is.
func TestBothRestarted(t *testing.T) {
	inBubble(t, func(t *testing.T, pair *locktest.Pair) {
		clerk := pair.Clerk()
		want(t, clerk.Lock, "a", true)
		pair.KillPrimary()
		pair.KillBackup()
		pair.RestartPrimary()
		pair.RestartBackup()
		pair.AwaitPaired()
		if _, err := clerk.Lock(t.Context(), "a"); !errors.Is(err, lockstep.ErrSessionExpired) {
			t.Fatalf("want ErrSessionExpired, got %v", err)
		}
		want(t, clerk.Lock, "a", true)
	})
}

// With a log on disk the locks are there after a loss of power of both nodes,
// whichever comes first, and the lease goes on.
func TestBothRestartedWithLogs(t *testing.T) {
	for name, restart := range map[string][2]func(*locktest.Pair){
		"primary first": {(*locktest.Pair).RestartPrimary, (*locktest.Pair).RestartBackup},
		"backup first":  {(*locktest.Pair).RestartBackup, (*locktest.Pair).RestartPrimary},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pair := locktest.StartPair(t, locktest.Durable())
				client := pair.Client()
				want(t, client.Clerk().Lock, "a", true)
				lease, err := client.Acquire(t.Context(), "lease")
				if err != nil {
					t.Fatal(err)
				}
				pair.KillPrimary()
				pair.KillBackup()
				restart[0](pair)
				restart[1](pair)
				pair.AwaitPaired()
				want(t, client.Clerk().Lock, "a", false)
				if err := lease.Err(); err != nil {
					t.Error(err)
				}
				if err := lease.Release(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A client's context ends its call even if no node lives.
func TestNobodyAnswers(t *testing.T) {
	inBubble(t, func(t *testing.T, pair *locktest.Pair) {
		clerk := pair.Clerk()
		pair.KillPrimary()
		pair.KillBackup()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := clerk.Lock(ctx, "a")
		if !errors.Is(err, lockstep.ErrUnknown) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("want ErrUnknown by DeadlineExceeded, got %v", err)
		}
	})
}

// A thousand goroutines share one client, through the death of the primary.
func TestManyGoroutinesOneClient(t *testing.T) {
	inBubble(t, func(t *testing.T, pair *locktest.Pair) {
		client := pair.Client()
		var half, all sync.WaitGroup
		half.Add(1000)
		for i := range 1000 {
			all.Go(func() {
				clerk, name := client.Clerk(), fmt.Sprint("own ", i)
				want(t, clerk.Lock, name, true)
				half.Done()
				want(t, clerk.Unlock, name, true)
				want(t, clerk.Lock, name, true)
			})
		}
		half.Wait()
		pair.KillPrimary()
		all.Wait()
	})
}

func TestStatus(t *testing.T) {
	inBubble(t, func(t *testing.T, pair *locktest.Pair) {
		client := pair.Client()
		want(t, client.Clerk().Lock, "a", true)
		pair.KillBackup()
		want(t, client.Clerk().Unlock, "a", true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		nodes := client.Status(ctx)
		if len(nodes) != 2 || nodes[0].Role != "solo" || nodes[0].View != 2 || nodes[0].Paired || nodes[0].Index != 3 {
			t.Fatalf("the survivor: %+v", nodes)
		}
		if !errors.Is(nodes[1].Err, lockstep.ErrNoAnswer) {
			t.Fatalf("the dead node: %+v", nodes[1])
		}
	})
}

// A test's clock moves when the test says so.
func TestAClockJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := locktest.NewClock()
		time.Sleep(time.Second)
		clock.Jump(time.Hour)
		if now := clock.Now(); now != time.Hour+time.Second {
			t.Errorf("the clock shows %v", now)
		}
	})
}

// While both nodes stand still a lease is lost; when they go on there are others.
func TestPauseBoth(t *testing.T) {
	inBubble(t, func(t *testing.T, pair *locktest.Pair) {
		client := pair.Client()
		lease, err := client.Acquire(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		pair.PauseBoth(time.Minute)
		if cause := context.Cause(lease.Context()); cause != lockstep.ErrLost {
			t.Fatalf("the lease: %v", cause)
		}
		if _, err := client.Acquire(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRemoting(t *testing.T) {
	if raceEnabled {
		t.Skip("two proto.actor remotes in one process race on gRPC's global logger; the processes' tests cover this")
	}
	pair := locktest.StartPair(t, locktest.Remoting(), locktest.TrustRefused())
	clerk := pair.Clerk()
	want(t, clerk.Lock, "a", true)
	pair.KillPrimary()
	want(t, clerk.Lock, "a", false)
	pair.RestartPrimary()
	pair.AwaitPaired()
	want(t, clerk.Unlock, "a", true)
}
