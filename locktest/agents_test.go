package locktest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/actors"
	"lockstep/lock"
	"lockstep/locktest"
	"lockstep/replica"
)

// agentsInBubble runs a test with three nodes that serve the sessions of others.
func agentsInBubble(t *testing.T, test func(t *testing.T, c *locktest.Cluster, at []*actors.Agents)) {
	clusterInBubble(t, 3, func(t *testing.T, c *locktest.Cluster) {
		var at []*actors.Agents
		for i := range 3 {
			at = append(at, c.StartAgents(i))
		}
		test(t, c, at)
	})
}

// open opens a session with a TTL in seconds.
func open(t *testing.T, at *actors.Agents, ttl lock.Millis) lock.SessionID {
	t.Helper()
	card, err := at.Open(t.Context(), 0, lock.Terms{TTL: ttl * 1000})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return card.ID
}

func acquire(id lock.SessionID, name string, slot lock.Slot, number lock.Number) lock.Command {
	return lock.Command{Session: id, Verb: lock.Acquire, Name: name, Slot: slot, Number: number}
}

func waiting(c lock.Command) lock.Command {
	c.Wait = true
	return c
}

func release(id lock.SessionID, name string, token lock.Token) lock.Command {
	return lock.Command{Session: id, Verb: lock.Release, Name: name, Token: token}
}

// ask demands an outcome.
func ask(t *testing.T, at *actors.Agents, c lock.Command, want lock.Outcome) lock.Result {
	t.Helper()
	result, err := at.Ask(t.Context(), c, 0)
	if err != nil || result.Outcome != want {
		t.Fatalf("%+v: %+v, %v", c, result, err)
	}
	return result
}

// asking asks from another goroutine.
func asking(ctx context.Context, at *actors.Agents, c lock.Command) <-chan answer {
	done := make(chan answer, 1)
	go func() {
		result, err := at.Ask(ctx, c, 0)
		done <- answer{result, err}
	}()
	synctest.Wait()
	return done
}

type answer struct {
	lock.Result
	err error
}

func keepAlive(t *testing.T, at *actors.Agents, id lock.SessionID) {
	t.Helper()
	if ttl, err := at.KeepAlive(t.Context(), id); err != nil || ttl == 0 {
		t.Fatalf("keep-alive: %v, %v", ttl, err)
	}
}

// kill ends a node with what serves sessions there.
func kill(c *locktest.Cluster, at []*actors.Agents, i int) {
	c.Kill(i)
	at[i].Kill()
}

// The node that a session came to is killed, be it the primary or not: any other
// goes on with it.
func TestASessionMovesToAnotherNode(t *testing.T) {
	for _, which := range []string{"the primary", "a backup"} {
		t.Run(which, func(t *testing.T) {
			agentsInBubble(t, func(t *testing.T, c *locktest.Cluster, at []*actors.Agents) {
				a := c.Primary()
				if which == "a backup" {
					a = (a + 1) % 3
				}
				b := (a + 1) % 3
				id := open(t, at[a], 10)
				token := ask(t, at[a], acquire(id, "x", 5, 1), lock.Granted).Token
				ask(t, at[a], acquire(id, "y", 0, 0), lock.Granted)
				kill(c, at, a)

				keepAlive(t, at[b], id)
				if again := ask(t, at[b], acquire(id, "x", 5, 1), lock.Granted).Token; again != token {
					t.Errorf("the same pair got the tokens %d and %d", token, again)
				}
				ask(t, at[b], acquire(id, "x", 5, 2), lock.Held)
				ask(t, at[b], release(id, "x", token), lock.Released)
				other := open(t, at[b], 10)
				ask(t, at[b], acquire(other, "x", 0, 0), lock.Granted)
				ask(t, at[b], acquire(other, "y", 0, 0), lock.Held)
				if err := at[b].CloseSession(t.Context(), id); err != nil {
					t.Fatal(err)
				}
				ask(t, at[b], acquire(other, "y", 0, 0), lock.Granted)
			})
		})
	}
}

// A wait goes on while its client moves, in its place of the queue.
func TestAWaitMovesToAnotherNode(t *testing.T) {
	agentsInBubble(t, func(t *testing.T, c *locktest.Cluster, at []*actors.Agents) {
		a := c.Primary()
		b, d := (a+1)%3, (a+2)%3
		holder, id, late := open(t, at[d], 60), open(t, at[a], 60), open(t, at[d], 60)
		token := ask(t, at[d], acquire(holder, "x", 0, 0), lock.Granted).Token
		asking(t.Context(), at[a], waiting(acquire(id, "x", 3, 7)))
		second := asking(t.Context(), at[d], waiting(acquire(late, "x", 0, 0)))
		kill(c, at, a)

		if result, err := at[b].Ask(t.Context(), waiting(acquire(id, "x", 3, 7)), time.Second); err != nil || result.Outcome != lock.Waiting {
			t.Fatalf("%+v, %v", result, err)
		}
		first := asking(t.Context(), at[b], waiting(acquire(id, "x", 3, 7)))
		ask(t, at[d], release(holder, "x", token), lock.Released)
		got := <-first
		if got.err != nil || got.Outcome != lock.Granted || got.Token <= token {
			t.Fatalf("%+v", got)
		}
		ask(t, at[b], release(id, "x", got.Token), lock.Released)
		if next := <-second; next.Outcome != lock.Granted {
			t.Fatalf("%+v", next)
		}
	})
}

// A node is cut off with requests under way, and its client goes on at another. When
// it is back, its callers get the answers that there are by then, and nothing has
// been done twice.
func TestAClientLeavesANodeThatIsCutOff(t *testing.T) {
	agentsInBubble(t, func(t *testing.T, c *locktest.Cluster, at []*actors.Agents) {
		a := c.Primary()
		b := (a + 1) % 3
		holder, id := open(t, at[b], 600), open(t, at[a], 600)
		token := ask(t, at[b], acquire(holder, "x", 0, 0), lock.Granted).Token
		left := asking(t.Context(), at[a], waiting(acquire(id, "x", 3, 7)))
		c.Isolate(a)
		drawn := asking(t.Context(), at[a], acquire(id, "y", 0, 0))
		pair := asking(t.Context(), at[a], acquire(id, "z", 4, 1))

		goneOn := asking(t.Context(), at[b], waiting(acquire(id, "x", 3, 7)))
		ask(t, at[b], release(holder, "x", token), lock.Released)
		got := <-goneOn
		if got.err != nil || got.Outcome != lock.Granted {
			t.Fatalf("%+v", got)
		}
		z := ask(t, at[b], acquire(id, "z", 4, 1), lock.Granted).Token
		c.Heal()
		if late := <-left; late.err != nil || late.Token != got.Token {
			t.Errorf("the node that was left got %+v, not %+v", late, got)
		}
		if late := <-pair; late.err != nil || late.Token != z {
			t.Errorf("the node that was left got %+v, not the token %d", late, z)
		}
		if late := <-drawn; late.err != nil || late.Outcome != lock.Granted {
			t.Errorf("what was asked at the node that was left: %+v", late)
		}
		if card, err := at[b].Session(t.Context(), id); err != nil || card.Holds != 3 || card.Waits != 0 {
			t.Errorf("%+v, %v", card, err)
		}
	})
}

// Several nodes serve a session at once. One pair is one request, and pairs that the
// nodes draw never meet.
func TestASessionIsServedByAllNodesAtOnce(t *testing.T) {
	agentsInBubble(t, func(t *testing.T, c *locktest.Cluster, at []*actors.Agents) {
		id := open(t, at[0], 60)
		const each = 40
		var mu sync.Mutex
		tokens := map[string]map[lock.Token]bool{}
		var all sync.WaitGroup
		try := func(node int, name string, command lock.Command) {
			all.Go(func() {
				result, err := at[node].Ask(t.Context(), command, 0)
				mu.Lock()
				defer mu.Unlock()
				if err != nil || result.Outcome != lock.Granted {
					t.Errorf("%s at %d: %+v, %v", name, node, result, err)
				}
				if tokens[name] == nil {
					tokens[name] = map[lock.Token]bool{}
				}
				tokens[name][result.Token] = true
			})
		}
		for i := range each {
			for node := range 3 {
				pair, drawn := fmt.Sprint("pair ", i), fmt.Sprintf("drawn at %d: %d", node, i)
				try(node, pair, acquire(id, pair, lock.Slot(i), 1))
				try(node, drawn, acquire(id, drawn, 0, 0))
			}
		}
		all.Wait()
		for name, got := range tokens {
			if len(got) != 1 {
				t.Errorf("%s was granted %d times", name, len(got))
			}
		}
		card, err := at[1].Session(t.Context(), id)
		if err != nil || card.Holds != 4*each {
			t.Errorf("the session has %d grants, not %d: %v", card.Holds, 4*each, err)
		}
	})
}

// Nodes that live do not keep a session alive whose client does not, not even while
// they wait for a lock on its behalf.
func TestASilentSessionExpires(t *testing.T) {
	agentsInBubble(t, func(t *testing.T, c *locktest.Cluster, at []*actors.Agents) {
		holder, id := open(t, at[0], 3600), open(t, at[0], 10)
		ask(t, at[0], acquire(holder, "x", 0, 0), lock.Granted)
		for range 6 { // as long as it speaks
			time.Sleep(8 * time.Second)
			keepAlive(t, at[1], id)
		}
		for range 6 { // any request will do
			time.Sleep(8 * time.Second)
			ask(t, at[2], acquire(id, "x", 0, 0), lock.Held)
		}
		began := time.Now()
		_, err := at[1].Ask(t.Context(), waiting(acquire(id, "x", 0, 0)), 0)
		if !errors.Is(err, replica.ErrSessionExpired) {
			t.Fatalf("a session whose client is silent: %v", err)
		}
		// The node finds out when it asks for the wait again.
		if silent := time.Since(began); silent < 10*time.Second || silent > 30*time.Second {
			t.Errorf("it expired after %v", silent)
		}
		for i := range at {
			if _, err := at[i].KeepAlive(t.Context(), id); !errors.Is(err, replica.ErrSessionExpired) {
				t.Errorf("a keep-alive at %d: %v", i, err)
			}
		}
		if err := at[0].CloseSession(t.Context(), id); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

// What ctx ends is undone if nobody could ask for it again, and left otherwise.
func TestWhatTheContextEnds(t *testing.T) {
	agentsInBubble(t, func(t *testing.T, c *locktest.Cluster, at []*actors.Agents) {
		holder, id := open(t, at[0], 3600), open(t, at[0], 3600)
		ask(t, at[0], acquire(holder, "x", 0, 0), lock.Granted)
		queued := func() uint32 {
			t.Helper()
			synctest.Wait()
			time.Sleep(time.Second)
			cards := at[0].Blockers(t.Context(), acquire(id, "x", 0, 0))
			if len(cards) != 1 || len(cards[0].Holders) != 1 {
				t.Fatalf("%+v", cards)
			}
			return cards[0].Waiters
		}
		ctx, cancel := context.WithCancel(t.Context())
		drawn := asking(ctx, at[1], waiting(acquire(id, "x", 0, 0)))
		paired := asking(ctx, at[1], waiting(acquire(id, "x", 1, 1)))
		if n := queued(); n != 2 {
			t.Fatalf("%d wait", n)
		}
		cancel()
		for _, done := range []<-chan answer{drawn, paired} {
			if got := <-done; !errors.Is(got.err, context.Canceled) {
				t.Fatalf("%+v", got)
			}
		}
		if n := queued(); n != 1 {
			t.Fatalf("%d wait", n)
		}
		again := asking(t.Context(), at[2], waiting(acquire(id, "x", 1, 1)))
		ask(t, at[2], lock.Command{Session: id, Verb: lock.Cancel, Slot: 1, Number: 1}, lock.Canceled)
		if got := <-again; !errors.Is(got.err, replica.ErrStale) {
			t.Fatalf("%+v", got)
		}
		if n := queued(); n != 0 {
			t.Fatalf("%d wait", n)
		}
	})
}

// All that is opened with one nonce is one session, which counts from the last
// asking.
func TestAnOpeningIsRepeatedAtAnotherNode(t *testing.T) {
	agentsInBubble(t, func(t *testing.T, c *locktest.Cluster, at []*actors.Agents) {
		first, err := at[0].Open(t.Context(), 4711, lock.Terms{TTL: 10_000, Info: "who=me"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(9 * time.Second)
		again, err := at[1].Open(t.Context(), 4711, lock.Terms{TTL: 60_000})
		if err != nil || again.ID != first.ID || again.TTL != 10_000 || again.Info != "who=me" {
			t.Fatalf("%+v, %v", again, err)
		}
		time.Sleep(9 * time.Second)
		keepAlive(t, at[2], first.ID)
		_, err = at[0].Open(t.Context(), 0, lock.Terms{TTL: 1})
		var limit *replica.LimitError
		if !errors.As(err, &limit) || limit.Limit != lock.LimitTTL {
			t.Errorf("a TTL of a millisecond: %v", err)
		}
	})
}

// A primary that the others have left behind acknowledges nobody's life (T1), and
// says why.
func TestNobodyAcknowledgesALifeAlone(t *testing.T) {
	agentsInBubble(t, func(t *testing.T, c *locktest.Cluster, at []*actors.Agents) {
		p := c.Primary()
		id := open(t, at[p], 60)
		keepAlive(t, at[p], id)
		c.Isolate(p)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if _, err := at[p].KeepAlive(ctx, id); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, replica.ErrNoQuorum) {
			t.Fatalf("the life was acknowledged by a node alone, or nothing is said of it: %v", err)
		}
		keepAlive(t, at[(p+1)%3], id)
		c.Heal()
		keepAlive(t, at[p], id)
	})
}

// What needs no session of the client's is asked in the node's own.
func TestOwnerlessWithoutASession(t *testing.T) {
	agentsInBubble(t, func(t *testing.T, c *locktest.Cluster, at []*actors.Agents) {
		id := open(t, at[0], 60)
		token := ask(t, at[0], acquire(id, "x", 0, 0), lock.Granted).Token
		ask(t, at[1], lock.Command{Verb: lock.Lock, Name: "y"}, lock.Granted)
		ask(t, at[2], lock.Command{Session: id, Verb: lock.Lock, Name: "y"}, lock.Held)
		ask(t, at[2], lock.Command{Session: id, Verb: lock.Unlock, Name: "y", Slot: 1, Number: 1}, lock.Released)
		ask(t, at[1], lock.Command{Verb: lock.Revoke, Name: "x", Terms: &lock.Terms{Info: "it is late"}}, lock.Released)
		ask(t, at[0], release(id, "x", token), lock.NotHeld)
		for _, c := range []lock.Command{acquire(0, "x", 0, 0), release(0, "x", 3)} {
			if _, err := at[0].Ask(t.Context(), c, 0); !errors.Is(err, replica.ErrSessionExpired) {
				t.Errorf("%+v: %v", c, err)
			}
		}
	})
}

func TestQuestionsOfNobody(t *testing.T) {
	agentsInBubble(t, func(t *testing.T, c *locktest.Cluster, at []*actors.Agents) {
		id := open(t, at[0], 60)
		ctx, cancel := context.WithCancel(t.Context())
		seen := make(chan lock.Event)
		go func() {
			defer close(seen)
			for report, err := range at[1].Watch(ctx, "job/", 0) {
				if err != nil {
					return
				}
				if len(report.Events) == 0 {
					seen <- lock.Event{Index: report.Index}
				}
				for _, e := range report.Events {
					seen <- e
				}
			}
		}()
		<-seen
		for i := range 3 {
			ask(t, at[0], acquire(id, fmt.Sprint("job/", i), 0, 0), lock.Granted)
			if e := <-seen; e.Kind != lock.LockAcquired || e.Name != fmt.Sprint("job/", i) {
				t.Errorf("%+v", e)
			}
		}
		cancel()
		for range seen {
		}
		if list, err := at[2].Inquire(t.Context(), lock.Query{Kind: lock.QueryLocks}); err != nil || len(list.Locks) != 3 {
			t.Errorf("%d locks, %v", len(list.Locks), err)
		}
		if told, ok := at[0].Members(t.Context()); !ok || len(told.Members) != 3 {
			t.Errorf("%+v, %v", told, ok)
		}
		if reports := at[0].Status(t.Context()); len(reports) != 3 || reports[2].Status == nil {
			t.Errorf("%+v", reports)
		}
	})
}

// Without a primary nothing is told, and whoever watches hears that, wherever its
// watch is to begin.
func TestAWatchThatCannotBegin(t *testing.T) {
	agentsInBubble(t, func(t *testing.T, c *locktest.Cluster, at []*actors.Agents) {
		open(t, at[2], 60)
		kill(c, at, 0)
		kill(c, at, 1)
		for _, behind := range []lock.Index{0, 1} {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			for report, err := range at[2].Watch(ctx, "", behind) {
				if !errors.Is(err, replica.ErrNoQuorum) {
					t.Errorf("behind %d: %+v, %v", behind, report, err)
				}
				break
			}
			cancel()
		}
	})
}

// Who asks at a node that ends is told, and the session lives on elsewhere.
func TestAgentsThatCloseTellTheirCallers(t *testing.T) {
	agentsInBubble(t, func(t *testing.T, c *locktest.Cluster, at []*actors.Agents) {
		holder, id := open(t, at[0], 60), open(t, at[0], 60)
		ask(t, at[0], acquire(holder, "x", 0, 0), lock.Granted)
		wait := asking(t.Context(), at[0], waiting(acquire(id, "x", 1, 1)))
		if err := at[0].Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := <-wait; !errors.Is(got.err, replica.ErrClosed) {
			t.Errorf("%+v", got)
		}
		if _, err := at[0].KeepAlive(t.Context(), id); !errors.Is(err, replica.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
		if result, err := at[1].Ask(t.Context(), waiting(acquire(id, "x", 1, 1)), time.Second); err != nil || result.Outcome != lock.Waiting {
			t.Errorf("%+v, %v", result, err)
		}
	})
}

// What nobody else would undo is undone before a node's agents are gone, if that
// can be; else they go when their time is over.
func TestAgentsThatCloseUndo(t *testing.T) {
	agentsInBubble(t, func(t *testing.T, c *locktest.Cluster, at []*actors.Agents) {
		holder, id := open(t, at[1], 3600), open(t, at[0], 3600)
		ask(t, at[1], acquire(holder, "x", 0, 0), lock.Granted)
		var waits []<-chan answer
		for range 3 {
			waits = append(waits, asking(t.Context(), at[0], waiting(acquire(id, "x", 0, 0))))
		}
		within, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := at[0].Close(within); err != nil {
			t.Fatal(err)
		}
		if cards := at[1].Blockers(t.Context(), acquire(id, "x", 0, 0)); len(cards) != 1 || cards[0].Waiters != 0 {
			t.Errorf("who has gone waits: %+v", cards)
		}
		for _, wait := range waits {
			if got := <-wait; !errors.Is(got.err, replica.ErrClosed) {
				t.Errorf("%+v", got)
			}
		}
		// Without a primary nothing can be undone, and nobody waits for longer than he wants.
		other := open(t, at[2], 3600)
		lost := asking(t.Context(), at[2], waiting(acquire(other, "x", 0, 0)))
		kill(c, at, 0)
		kill(c, at, 1)
		began := time.Now()
		within, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_ = at[2].Close(within)
		if took := time.Since(began); took > 300*time.Millisecond {
			t.Errorf("closing took %v", took)
		}
		if got := <-lost; !errors.Is(got.err, replica.ErrClosed) {
			t.Errorf("%+v", got)
		}
	})
}

// A pair serves the sessions of others as well, and through its backup.
func TestAPairServesSessionsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := locktest.StartPair(t)
		a, b := p.StartAgents(0), p.StartAgents(1)
		id := open(t, b, 10)
		token := ask(t, b, acquire(id, "x", 1, 1), lock.Granted).Token
		p.KillPrimary()
		a.Kill()
		keepAlive(t, b, id)
		if again := ask(t, b, acquire(id, "x", 1, 1), lock.Granted).Token; again != token {
			t.Errorf("the same pair got the tokens %d and %d", token, again)
		}
		ask(t, b, release(id, "x", token), lock.Released)
	})
}
