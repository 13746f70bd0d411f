package actors

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/lock"
	"lockstep/replica"
)

// clientOnStand starts a client with one node, whose session is open.
func clientOnStand(t *testing.T, s *stand) (c *Caller, ticker *actor.PID) {
	t.Helper()
	ticker = SpawnTicker(s, ClientTick)
	c = SpawnClient(s, ticker, 7, replica.ClientConfig{Nodes: []replica.NodeID{"node"}, Seed: 1})
	return c, ticker
}

// answer replies to every request sent so far with the result.
func answer(s *stand, c *Caller, result lock.Result) (asked []lock.Command) {
	for _, p := range s.taken() {
		for _, r := range p.parcel.Requests {
			asked = append(asked, r.Command)
			s.Root().Send(c.pid, &FromNode{From: p.to, Answers: []replica.Answer{{
				Request: r.Command.ID(), Kind: replica.Executed, Result: result,
			}}})
		}
	}
	return asked
}

func TestClientPacksTheCallsOfATurn(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, ticker := clientOnStand(t, s)
		const callers = 100
		got := make(chan lock.Result, callers)
		for range callers {
			go func() {
				result, err := c.Call(context.Background(), c.NewClerk(), lock.Lock, "a")
				if err != nil {
					t.Error(err)
				}
				got <- result
			}()
		}
		synctest.Wait()
		if opening := answer(s, c, lock.Result{Outcome: lock.Opened, Session: 1}); len(opening) != 1 {
			t.Fatalf("asked %+v before there was a session", opening)
		}
		synctest.Wait()
		if parcels := len(s.sent); parcels != 1 {
			t.Errorf("%d calls left in %d parcels", callers, parcels)
		}
		if asked := answer(s, c, lock.Result{Outcome: lock.Held}); len(asked) != callers {
			t.Fatalf("asked %d times for %d calls", len(asked), callers)
		}
		for range callers {
			if r := <-got; r.Outcome != lock.Held {
				t.Fatalf("result %+v", r)
			}
		}
		closeQuietly(t, s, c, ticker)
	})
}

// The caller's context ends the wait, whatever the nodes do.
func TestClientObeysTheContext(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, ticker := clientOnStand(t, s)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.Call(ctx, c.NewClerk(), lock.Lock, "a")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Fatalf("%v after %v", err, time.Since(began))
		}
		closeQuietly(t, s, c, ticker)
	})
}

// A call that is outstanding when the client closes comes back, and so does one
// that is made afterwards.
func TestClientClosesUnderCalls(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, ticker := clientOnStand(t, s)
		ended := make(chan error, 1)
		go func() {
			_, err := c.Call(context.Background(), c.NewClerk(), lock.Lock, "a")
			ended <- err
		}()
		synctest.Wait()
		closeQuietly(t, s, c, ticker)
		if err := <-ended; !errors.Is(err, replica.ErrClosed) {
			t.Fatalf("the call ended with %v", err)
		}
		if _, err := c.Call(context.Background(), c.NewClerk(), lock.Lock, "a"); !errors.Is(err, replica.ErrClosed) {
			t.Fatalf("a call after the end: %v", err)
		}
	})
}

func closeQuietly(t *testing.T, s *stand, c *Caller, ticker *actor.PID) {
	t.Helper()
	if err := c.Close(context.Background()); err != nil {
		t.Errorf("close: %v", err)
	}
	s.Root().Stop(ticker)
	synctest.Wait()
}

// A clerk's next call fences what the clerk gave up, even if the actor sees both
// at once: the same slot, a higher number (S4).
func TestNextCallFencesTheCancelledOne(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, ticker := clientOnStand(t, s)
		clerk := c.NewClerk()
		newCall := func(verb lock.Verb) *call {
			one := c.queue.newCall()
			one.Call = replica.Call{Clerk: clerk, Verb: verb, Name: "x"}
			return one
		}
		given, next := newCall(lock.Lock), newCall(lock.Unlock)
		c.enqueue(order{call: given})
		synctest.Wait()
		answer(s, c, lock.Result{Outcome: lock.Opened, Session: 1})
		synctest.Wait()
		first := s.taken()[0].parcel.Requests[0].Command
		c.queue.add(order{call: given, cancel: true}) // the actor is busy: it is not told yet
		c.queue.add(order{call: next})
		s.Root().Send(c.pid, callsWaiting{})
		synctest.Wait()
		sent := s.taken()
		second := sent[len(sent)-1].parcel.Requests[0].Command
		if second.Verb != lock.Unlock || second.Slot != first.Slot || second.Number <= first.Number {
			t.Fatalf("the next call is %+v, after %+v", second, first)
		}
		closeQuietly(t, s, c, ticker)
	})
}

// The machine slept for longer than a session lives, and the first call comes
// before the tick that would tell: it is asked under a session of its own.
func TestAClerksFirstCallAfterASleepOpensANewSession(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, jump, end := clientWithClock(t, s)
		clerk, ended := c.NewClerk(), make(chan error, 1)
		lockOne := func() {
			_, err := c.Call(context.Background(), clerk, lock.Lock, "a")
			ended <- err
		}
		for session := lock.SessionID(5); session < 7; session++ {
			jump(60_000)
			go lockOne()
			synctest.Wait()
			asked := answer(s, c, lock.Result{Outcome: lock.Opened, Session: session})
			if len(asked) != 1 || asked[0].Verb != lock.OpenSession {
				t.Fatalf("asked %+v first", asked)
			}
			synctest.Wait()
			answer(s, c, lock.Result{Outcome: lock.Held})
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
		}
		end()
	})
}
