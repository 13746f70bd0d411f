package lockstep_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockstep"
	"lockstep/locktest"
)

func TestDialRefuses(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, dial := range map[string]func() (*lockstep.Client, error){
		"no nodes": func() (*lockstep.Client, error) { return lockstep.Dial(t.Context(), nil) },
		"no port":  func() (*lockstep.Client, error) { return lockstep.Dial(t.Context(), []string{"127.0.0.1"}) },
		"bad port": func() (*lockstep.Client, error) { return lockstep.Dial(t.Context(), []string{"127.0.0.1:70000"}) },
		"reachable": func() (*lockstep.Client, error) {
			return lockstep.Dial(t.Context(), []string{"127.0.0.1:1"}, lockstep.WithListen("0.0.0.0:0"))
		},
		"no time to repeat": func() (*lockstep.Client, error) {
			return lockstep.Dial(t.Context(), []string{"127.0.0.1:1"}, lockstep.WithTTL(6*time.Second), lockstep.WithAttempt(1001*time.Millisecond))
		},
		"context ended": func() (*lockstep.Client, error) { return lockstep.Dial(canceled, []string{"127.0.0.1:1"}) },
	} {
		t.Run(name, func(t *testing.T) {
			client, err := dial()
			if err == nil {
				client.Close()
				t.Fatal("no error")
			}
			t.Log(err)
		})
	}
}

// A name that no lock can have is refused, and the clerk goes on.
func TestInvalidNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clerk := locktest.StartPair(t).Clerk()
		for _, name := range []string{"", strings.Repeat("x", 257), "a\nb", "\xff"} {
			if _, err := clerk.Lock(t.Context(), name); !errors.Is(err, lockstep.ErrInvalid) {
				t.Errorf("%.20q: %v", name, err)
			}
		}
		if taken, err := clerk.Lock(t.Context(), strings.Repeat("x", 256)); err != nil || !taken {
			t.Errorf("the longest name: %v, %v", taken, err)
		}
	})
}

// A clerk's calls wait for each other, and one that never had its turn was
// certainly not executed: its error is not ErrUnknown.
func TestClerkTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pair := locktest.StartPair(t)
		clerk := pair.Clerk()
		pair.KillPrimary()
		pair.KillBackup()
		first, cancelFirst := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancelFirst()
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := clerk.Lock(first, "a"); !errors.Is(err, lockstep.ErrUnknown) {
				t.Errorf("the first call: %v", err)
			}
		})
		synctest.Wait()
		second, cancelSecond := context.WithTimeout(t.Context(), time.Second)
		defer cancelSecond()
		_, err := clerk.Lock(second, "a")
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, lockstep.ErrUnknown) {
			t.Errorf("the call that had no turn: %v", err)
		}
		both.Wait()
	})
}

// What a call was given up on does not happen after the clerk's next answer.
func TestAbandonedCallIsFenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pair := locktest.StartPair(t)
		clerk, other := pair.Clerk(), pair.Clerk()
		if taken, err := clerk.Lock(t.Context(), "a"); err != nil || !taken {
			t.Fatal(taken, err)
		}
		var paused sync.WaitGroup
		paused.Go(func() { pair.PausePrimary(50 * time.Millisecond) }) // too short to be suspected
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := clerk.Unlock(short, "a"); !errors.Is(err, lockstep.ErrUnknown) {
			t.Fatalf("the abandoned call: %v", err)
		}
		freed, err := clerk.Unlock(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		paused.Wait()
		if taken, err := other.Lock(t.Context(), "a"); err != nil || !taken {
			t.Fatal("another takes the lock:", taken, err)
		}
		time.Sleep(10 * time.Second) // whatever was on its way has arrived
		if taken, err := other.Lock(t.Context(), "a"); err != nil || taken {
			t.Fatalf("the abandoned Unlock came late (the next one answered %v): %v, %v", freed, taken, err)
		}
	})
}

func TestCloseEndsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pair := locktest.StartPair(t)
		client := pair.Client()
		pair.KillPrimary()
		pair.KillBackup()
		var waits sync.WaitGroup
		waits.Go(func() {
			if _, err := client.Clerk().Lock(t.Context(), "a"); !errors.Is(err, lockstep.ErrClosed) {
				t.Errorf("the call that was outstanding: %v", err)
			}
		})
		synctest.Wait()
		began := time.Now()
		_ = client.Close() // nobody is there to say goodbye to
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("Close took %v", took)
		}
		waits.Wait()
		if _, err := client.Clerk().Lock(t.Context(), "a"); !errors.Is(err, lockstep.ErrClosed) {
			t.Errorf("a call after the end: %v", err)
		}
	})
}

// The shortest TTL has room for attempts without anybody saying so.
func TestTheDefaultAttemptSuitsTheTTL(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		acquired(t, pair.Client(lockstep.WithTTL(time.Second)), "x")
	})
}
