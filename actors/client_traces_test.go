package actors

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/observe/traces"
	"lockstep/observe/traces/tracestest"
	"lockstep/replica"
)

// under is a context below a caller's span.
func under(ctx context.Context) context.Context {
	in, _ := traces.Parse(tracestest.Parent)
	return traces.With(ctx, in)
}

// toldOf returns what nodes were told of traces, and which requests they got.
func toldOf(s *stand) (told []messages.Trace, asked []lock.Command) {
	for _, p := range s.taken() {
		told = append(told, p.parcel.Traces...)
		for _, r := range p.parcel.Requests {
			asked = append(asked, r.Command)
		}
	}
	return told, asked
}

// tracingClient is clientOnStand with two nodes, whose calls are told of.
func tracingClient(s *stand, opts ...ClientOption) (c *Caller, end func(t *testing.T)) {
	ticker := SpawnTicker(s, ClientTick)
	c = SpawnClient(s, ticker, 7, replica.ClientConfig{Nodes: []replica.NodeID{"node", "other"}, Seed: 1}, opts...)
	return c, func(t *testing.T) { closeQuietly(t, s, c, ticker) }
}

// Of many calls that ask for the same the one is told of whose trace is kept,
// though it had to wait for a session; and only it.
func TestTheNodesAreToldWhichRequestIsFollowed(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, end := tracingClient(s, WithTraces())
		done := make(chan error, 9)
		for i := range 9 {
			ctx, terms := t.Context(), &lock.Terms{Info: "call=plain"}
			if i == 4 {
				ctx, terms = under(ctx), &lock.Terms{Info: "call=followed"}
			}
			go func() {
				_, _, err := c.Acquire(ctx, lock.Command{Verb: lock.Acquire, Name: "db", Terms: terms})
				done <- err
			}()
		}
		synctest.Wait()
		answer(s, c, lock.Result{Outcome: lock.Opened, Session: 5})
		synctest.Wait()
		traces, asked := toldOf(s)
		at := slices.IndexFunc(asked, func(c lock.Command) bool { return c.Terms.Info == "call=followed" })
		if len(asked) != 9 || len(traces) != 1 || traces[0].Request != asked[at].ID() || traces[0].Parent != tracestest.Parent {
			t.Fatalf("told %+v, and asked %+v", traces, asked)
		}
		for _, one := range asked {
			s.Root().Send(c.pid, &FromNode{From: "node", Answers: []replica.Answer{{
				Request: one.ID(), Kind: replica.Executed, Result: lock.Result{Outcome: lock.Held},
			}}})
		}
		for range 9 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		end(t)
	})
}

// A node is told once, however often it is asked; another that is asked in its
// place is told too. And what ended is not told of again.
func TestEachNodeThatIsAskedIsToldOnce(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, end := tracingClient(s, WithTraces())
		done := make(chan error, 1)
		go func() {
			_, err := c.Call(under(t.Context()), c.NewClerk(), lock.Lock, "db")
			done <- err
		}()
		synctest.Wait()
		answer(s, c, lock.Result{Outcome: lock.Opened, Session: 5})
		synctest.Wait()
		byNode := map[replica.NodeID][2]int{}
		var one lock.Command
		for range 100 { // nobody answers: it is asked in turns, ever more rarely
			for _, p := range s.taken() {
				for _, r := range p.parcel.Requests {
					if r.Command.Verb != lock.Lock {
						continue
					}
					n := byNode[p.to]
					byNode[p.to] = [2]int{n[0] + 1, n[1] + len(p.parcel.Traces)}
					one = r.Command
				}
			}
			time.Sleep(100 * time.Millisecond)
			s.Root().Send(c.pid, &FromNode{From: "node", Answers: []replica.Answer{{Request: one.ID(), Kind: replica.NotPrimary, Hint: "node"}}})
			synctest.Wait()
		}
		if n := byNode["node"]; n[0] < 2 || n[1] == 0 {
			t.Errorf("the first node was asked %d times, and told %d times", n[0], n[1])
		}
		if n := byNode["other"]; n[0] == 0 || n[1] == 0 {
			t.Errorf("the other node was asked %d times, and told %d times", n[0], n[1])
		}
		s.Root().Send(c.pid, &FromNode{From: "other", Answers: []replica.Answer{{
			Request: one.ID(), Kind: replica.Executed, Result: lock.Result{Outcome: lock.Held},
		}}})
		if err := <-done; err != nil {
			t.Error(err)
		}
		end(t)
	})
}

func TestAWaitIsToldOfOnce(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, end := tracingClient(s, WithTraces())
		ctx, cancel := context.WithCancel(under(t.Context()))
		done := make(chan error, 1)
		go func() {
			_, _, err := c.Acquire(ctx, lock.Command{Verb: lock.Acquire, Name: "db", Wait: true})
			done <- err
		}()
		synctest.Wait()
		answer(s, c, lock.Result{Outcome: lock.Opened, Session: 5})
		synctest.Wait()
		var all []messages.Trace
		times := 0
		for range 40 {
			for _, p := range s.taken() {
				all = append(all, p.parcel.Traces...)
				for _, r := range p.parcel.Requests {
					outcome := lock.Result{Outcome: lock.Alive}
					if r.Command.Verb == lock.Acquire {
						times++
						outcome.Outcome = lock.Waiting
					}
					s.Root().Send(c.pid, &FromNode{From: p.to, Answers: []replica.Answer{{Request: r.Command.ID(), Kind: replica.Executed, Result: outcome}}})
				}
			}
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
		}
		if times < 2 || len(all) != 1 {
			t.Errorf("it was asked %d times, and told of %d times", times, len(all))
		}
		cancel()
		<-done
		end(t)
	})
}

// Without the option no context is looked at, and with it an unkept trace goes
// nowhere.
func TestWhatTheNodesAreNotTold(t *testing.T) {
	unkept, _ := traces.Parse(tracestest.Unkept)
	for name, test := range map[string]struct {
		opts []ClientOption
		ctx  context.Context
	}{
		"without the option": {nil, under(context.Background())},
		"nobody keeps it":    {[]ClientOption{WithTraces()}, traces.With(context.Background(), unkept)},
		"there is none":      {[]ClientOption{WithTraces()}, context.Background()},
	} {
		t.Run(name, func(t *testing.T) {
			onStand(t, func(t *testing.T, s *stand) {
				c, end := tracingClient(s, test.opts...)
				done := make(chan error, 1)
				go func() {
					_, err := c.Call(test.ctx, c.NewClerk(), lock.Lock, "db")
					done <- err
				}()
				synctest.Wait()
				answer(s, c, lock.Result{Outcome: lock.Opened, Session: 5})
				synctest.Wait()
				traces, asked := toldOf(s)
				if len(traces) > 0 || len(asked) != 1 {
					t.Errorf("told %+v, and asked %+v", traces, asked)
				}
				s.Root().Send(c.pid, &FromNode{From: "node", Answers: []replica.Answer{{
					Request: asked[0].ID(), Kind: replica.Executed, Result: lock.Result{Outcome: lock.Held},
				}}})
				<-done
				end(t)
			})
		})
	}
}

// Nothing stays of a call that has ended, in whatever way.
func TestMarksGoWithTheirCalls(t *testing.T) {
	var m marks
	named := &call{Call: replica.Call{Name: "db"}, mark: &mark{parent: "p"}}
	of := func(session lock.SessionID) *call {
		return &call{carry: &carriage{carry: replica.Carry{Command: lock.Command{Session: session, Number: 1, Verb: lock.Acquire, Name: "db"}}}, mark: &mark{parent: "q"}}
	}
	first, second := of(5), of(5)
	for _, one := range []*call{named, first, second} { // the last two are the same request
		m.add(one)
	}
	m.remove(first)
	if got := m.tell("node", []lock.Command{second.carry.carry.Command}); len(got) != 1 {
		t.Errorf("told %+v of a request that somebody still carries", got)
	}
	m.remove(second)
	m.remove(named)
	if len(m.named)+len(m.carried) > 0 {
		t.Errorf("left are %v and %v", m.named, m.carried)
	}
}

// Requests of a session of the API are told of by whatever pair they go, and its
// opening too.
func TestAgentsTellWhichRequestIsFollowed(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		var last atomic.Uint64
		nonce := func() uint64 { return last.Add(1) }
		a := StartAgents(s, AgentsConfig{Nodes: []replica.NodeID{"node"}, Nonce: nonce, Clock: Monotonic(), Traces: true})
		drawn, followed := lock.Command{Verb: lock.Acquire, Name: "x"}, &lock.Terms{Info: "call=followed"}
		drawnToo, own := drawn, lock.Command{Verb: lock.Acquire, Name: "x", Slot: 3, Number: 7}
		drawnToo.Terms = followed
		ends := []<-chan asked{
			a.asking(t.Context(), drawn), a.asking(under(t.Context()), drawnToo), a.asking(t.Context(), drawn), a.asking(under(t.Context()), own),
		}
		opened := make(chan error, 1)
		go func() {
			_, err := a.Open(under(t.Context()), 0, lock.Terms{})
			opened <- err
		}()
		synctest.Wait()
		var traces []messages.Trace
		var commands []lock.Command
		for _, p := range s.taken() {
			traces = append(traces, p.parcel.Traces...)
			for _, r := range p.parcel.Requests {
				commands = append(commands, r.Command)
				result := lock.Result{Outcome: lock.Held}
				switch r.Command.Verb {
				case lock.OpenSession:
					result = lock.Result{Outcome: lock.Opened, Session: 9}
				case lock.KeepAlive:
					result = lock.Result{Outcome: lock.Alive}
				}
				s.Root().Send(a.caller.pid, &FromNode{From: p.to, Answers: []replica.Answer{{Request: r.Command.ID(), Kind: replica.Executed, Result: result}}})
			}
		}
		counts := map[string]int{}
		for _, trace := range traces {
			at := slices.IndexFunc(commands, func(c lock.Command) bool { return c.ID() == trace.Request })
			switch {
			case at < 0 || trace.Parent != tracestest.Parent:
				t.Errorf("told %+v", trace)
			case commands[at].Verb == lock.OpenSession:
				counts["opening"]++
			case commands[at].Slot == 3:
				counts["own"]++
			case commands[at].Terms == followed:
				counts["drawn"]++
			}
		}
		if len(traces) != 3 || counts["opening"] != 1 || counts["own"] != 1 || counts["drawn"] != 1 {
			t.Errorf("told %+v of %+v", traces, commands)
		}
		for _, end := range ends {
			if got := <-end; got.err != nil || got.Outcome != lock.Held {
				t.Errorf("%+v", got)
			}
		}
		if err := <-opened; err != nil {
			t.Error(err)
		}
		a.Kill()
		synctest.Wait()
	})
}
