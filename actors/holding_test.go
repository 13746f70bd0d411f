package actors

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// acquireCommand is what the tests acquire.
var acquireCommand = lock.Command{Verb: lock.Acquire, Name: "a"}

// clientWithClock starts a client in a bubble whose clock the test may move.
func clientWithClock(t *testing.T, s *stand) (c *Caller, jump func(replica.Instant), end func()) {
	t.Helper()
	var mu sync.Mutex
	var ahead replica.Instant
	clock := Monotonic()
	ticker := SpawnTicker(s, ClientTick)
	c = SpawnClient(s, ticker, 7, replica.ClientConfig{Nodes: []replica.NodeID{"node"}, Seed: 1}, WithClock(func() replica.Instant {
		mu.Lock()
		defer mu.Unlock()
		return clock() + ahead
	}))
	jump = func(by replica.Instant) {
		mu.Lock()
		defer mu.Unlock()
		ahead += by
	}
	return c, jump, func() { closeWithLeases(t, s, c, ticker) }
}

// closeWithLeases closes a client whose session is open.
func closeWithLeases(t *testing.T, s *stand, c *Caller, ticker *actor.PID) {
	t.Helper()
	s.taken()
	closed := make(chan error, 1)
	go func() { closed <- c.Close(context.Background()) }()
	answer(s, c, lock.Result{Outcome: lock.Closed})
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	s.Root().Stop(ticker)
	synctest.Wait()
}

// heldBy acquires and is granted.
func heldBy(t *testing.T, s *stand, c *Caller, token lock.Token) *Holding {
	t.Helper()
	got := make(chan *Holding, 1)
	go func() {
		h, _, err := c.Acquire(context.Background(), acquireCommand)
		if err != nil {
			t.Error(err)
		}
		got <- h
	}()
	synctest.Wait()
	if c.believed() == 0 {
		answer(s, c, lock.Result{Outcome: lock.Opened, Session: 5})
		synctest.Wait()
	}
	answer(s, c, lock.Result{Outcome: lock.Granted, Token: token})
	return <-got
}

func TestAGrantIsHeldAsLongAsItIsBelievedIn(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, jump, end := clientWithClock(t, s)
		h := heldBy(t, s, c, 9)
		if h.Token() != 9 || h.Session() != 5 || h.Err() != nil {
			t.Errorf("%+v", h)
		}
		// T4: 10 s less 2% both ways.
		if left := h.Remaining(); left < 9500*time.Millisecond || left > 9608*time.Millisecond {
			t.Errorf("%v remain", left)
		}
		ctx := h.Context(context.Background(), func(cause error) error { return cause })
		jump(9700)
		if left := h.Remaining(); left != 0 {
			t.Errorf("when the belief has ended %v remain", left)
		}
		time.Sleep(ClientTick)
		synctest.Wait()
		if context.Cause(ctx) != replica.ErrLost || h.Err() != replica.ErrLost {
			t.Errorf("the causes are %v and %v", context.Cause(ctx), h.Err())
		}
		if err := h.Release(context.Background()); err != replica.ErrLost {
			t.Errorf("releasing what is lost: %v", err)
		}
		end()
	})
}

// The owner's word that it has stopped comes before anybody is asked.
func TestAReleasedHoldingIsOverAtOnce(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, _, end := clientWithClock(t, s)
		h := heldBy(t, s, c, 9)
		ended := make(chan error, 1)
		go func() { ended <- h.Release(context.Background()) }()
		synctest.Wait()
		if h.Err() != replica.ErrReleased || h.Remaining() != 0 {
			t.Errorf("%v, %v remain", h.Err(), h.Remaining())
		}
		asked := answer(s, c, lock.Result{Outcome: lock.Released})
		if len(asked) != 1 || asked[0].Verb != lock.Release || asked[0].Token != 9 || asked[0].Name != "a" {
			t.Errorf("asked %+v", asked)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := h.Release(context.Background()); err != replica.ErrReleased {
			t.Errorf("a second release: %v", err)
		}
		end()
	})
}

// What the nodes do not know any more when it is released was lost before.
func TestAReleaseThatFindsNothingTellsOfALoss(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, _, end := clientWithClock(t, s)
		h := heldBy(t, s, c, 9)
		ended := make(chan error, 1)
		go func() { ended <- h.Release(context.Background()) }()
		synctest.Wait()
		answer(s, c, lock.Result{Outcome: lock.NotHeld})
		if err := <-ended; err != replica.ErrLost {
			t.Error(err)
		}
		end()
	})
}

// A caller may go in the moment in which the grant arrives: then nobody holds it.
func TestAGrantThatNobodyTakesIsGivenBack(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, _, end := clientWithClock(t, s)
		one := c.queue.newCall()
		one.Call = callFor(acquireCommand)
		c.enqueue(order{call: one})
		synctest.Wait()
		answer(s, c, lock.Result{Outcome: lock.Opened, Session: 5})
		synctest.Wait()
		answer(s, c, lock.Result{Outcome: lock.Granted, Token: 9})
		synctest.Wait()
		c.enqueue(order{call: one, cancel: true}) // the answer is on its way to a caller who has gone
		synctest.Wait()
		asked := answer(s, c, lock.Result{Outcome: lock.Released})
		if len(asked) != 1 || asked[0].Verb != lock.Release || asked[0].Token != 9 {
			t.Errorf("asked %+v", asked)
		}
		end()
	})
}

// Grants by one token are released one by one, and lost together.
func TestHoldingsWithOneToken(t *testing.T) {
	three := func() (holdings, [3]*Holding) {
		all, list := holdings{}, [3]*Holding{{token: 1}, {token: 1}, {token: 1}}
		for _, h := range list {
			all.add(h)
		}
		return all, list
	}
	for i := range 3 {
		all, list := three()
		if !all.remove(list[i]) || all.remove(list[i]) {
			t.Fatalf("holding %d is removed once", i)
		}
		all.lose(1, replica.ErrRevoked)
		for j, h := range list {
			if lost := h.Err() != nil; lost == (i == j) {
				t.Errorf("holding %d was removed, and holding %d: %v", i, j, h.Err())
			}
		}
		if len(all) != 0 || all.remove(list[(i+1)%3]) {
			t.Errorf("%d are left", len(all))
		}
	}
	all, list := three()
	for _, h := range list {
		if !all.remove(h) {
			t.Error("it is there")
		}
	}
	if len(all) != 0 {
		t.Errorf("%d are left", len(all))
	}
}

// An operator's reason comes with the loss, unasked.
func TestARevocationIsToldWithItsReason(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, _, end := clientWithClock(t, s)
		h, other := heldBy(t, s, c, 9), heldBy(t, s, c, 10)
		s.Root().Send(c.pid, &NoticesFromNode{From: "node", Notices: []messages.Notice{{
			Client: 7, Session: 5, Revocation: lock.Revocation{Token: 9, Kind: lock.LockRevoked, Reason: "enough"},
		}}})
		synctest.Wait()
		var revoked *Revoked
		if err := h.Err(); !errors.As(err, &revoked) || revoked.Reason != "enough" || !errors.Is(err, replica.ErrRevoked) {
			t.Errorf("the cause is %v", err)
		}
		if err := other.Err(); err != nil {
			t.Errorf("another holding: %v", err)
		}
		end()
	})
}

func TestAnInquiryBringsAReport(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, ticker := clientOnStand(t, s)
		got := make(chan lock.Report, 1)
		go func() {
			report, err := c.Inquire(context.Background(), lock.Query{Kind: lock.QueryLock, Name: "a"})
			if err != nil {
				t.Error(err)
			}
			got <- report
		}()
		synctest.Wait()
		asked := s.taken()
		if len(asked) != 1 || len(asked[0].parcel.Queries) != 1 || asked[0].parcel.Queries[0].Client != 7 {
			t.Fatalf("asked %+v", asked)
		}
		q := asked[0].parcel.Queries[0]
		s.Root().Send(c.pid, &ReportsFromNode{From: "node", Reports: []replica.Reported{{
			ID: q.ID, Kind: replica.Executed, Report: lock.Report{Index: 3},
		}}})
		if report := <-got; q.Query.Name != "a" || report.Index != 3 {
			t.Errorf("asked %+v, got %+v", q, report)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := c.Inquire(ctx, lock.Query{Kind: lock.QueryLock, Name: "a"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an inquiry that nobody answers: %v", err)
		}
		closeQuietly(t, s, c, ticker)
	})
}

// Whatever goroutines do with a holding, it ends once, and its context with it.
func TestAHoldingEndsOnceUnderManyHands(t *testing.T) {
	h := &Holding{}
	var all sync.WaitGroup
	ends := make(chan error, 100)
	for range 100 {
		all.Go(func() {
			ctx := h.Context(context.Background(), func(cause error) error { return cause })
			ends <- h.end(replica.ErrLost)
			<-ctx.Done()
			if context.Cause(ctx) != replica.ErrLost || h.Err() != replica.ErrLost {
				t.Errorf("%v, %v", context.Cause(ctx), h.Err())
			}
		})
	}
	all.Wait()
	firsts := 0
	for range 100 {
		if <-ends == nil {
			firsts++
		}
	}
	if firsts != 1 {
		t.Errorf("it ended %d times", firsts)
	}
}

// A grant that was read after a suspend, but before the first tick, is believed in
// by nobody any more.
func TestAGrantThatComesAfterTheBeliefIsNoHolding(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, jump, end := clientWithClock(t, s)
		heldBy(t, s, c, 9)
		got := make(chan error, 1)
		go func() {
			h, _, err := c.Acquire(context.Background(), acquireCommand)
			if h != nil {
				t.Errorf("it is handed out: %v remain", h.Remaining())
			}
			got <- err
		}()
		synctest.Wait()
		jump(9700)
		answer(s, c, lock.Result{Outcome: lock.Granted, Token: 10})
		if err := <-got; err != replica.ErrSessionExpired {
			t.Error(err)
		}
		synctest.Wait()
		if undone := answer(s, c, lock.Result{Outcome: lock.Released}); len(undone) != 1 || undone[0].Verb != lock.Cancel {
			t.Errorf("then asked %+v", undone)
		}
		end()
	})
}
