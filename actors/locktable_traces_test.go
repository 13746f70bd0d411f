package actors

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/observe/traces"
	"lockstep/observe/traces/tracestest"
	"lockstep/replica"
)

// tracedOnStand is tableOnStand of a node that tells of traces.
func tracedOnStand(t *testing.T, s *stand) (*tableStand, *tracestest.Book) {
	t.Helper()
	b, book := tableOnStand(t, s), new(tracestest.Book)
	b.table.followed.tracer = book
	return b, book
}

// askUnder brings requests of a client that are below a span.
func (b *tableStand) askUnder(from asker, parent string, commands ...lock.Command) {
	m := &FromClients{From: from.node}
	for _, c := range commands {
		m.Requests = append(m.Requests, messages.Request{Client: from.client, Command: c})
		m.Traces = append(m.Traces, messages.Trace{Request: c.ID(), Parent: parent})
	}
	b.tell(m)
	if b.table.followed.tracer != nil {
		next[toBeNumbered](b.t, b.replicator)
	}
}

// These nodes are not told when a request gets its place.
const (
	orderly = "lockstep/serve\n  lockstep/queue\n  lockstep/apply\n"
	waited  = orderly + "  lockstep/wait\n"
)

func TestARequestIsToldOf(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b, book := tracedOnStand(t, s)
		c := waitFor(b.session, 3, "db")
		b.tell(&FromClients{
			From: client.node, Requests: []messages.Request{{Client: client.client, Command: c}},
			Traces: []messages.Trace{{Request: c.ID(), Parent: tracestest.Parent}},
		})
		followed := next[toBeNumbered](t, b.replicator)
		commands := b.submitted().Commands
		time.Sleep(3 * time.Millisecond)
		for range 2 { // once is enough
			b.tell(numbered(followed))
		}
		time.Sleep(5 * time.Millisecond)
		b.apply(commands...)
		b.answersTo(client)

		all := book.Spans()
		if book.Text() != "lockstep/serve\n  lockstep/queue\n  lockstep/order\n  lockstep/apply\n" {
			t.Fatalf("the spans are\n%s", book.Text())
		}
		serve, queue, order, apply := all[0], all[1], all[2], all[3]
		if serve.Parent.String() != tracestest.Parent || serve.Kind != traces.Server {
			t.Errorf("it is below %s", serve.Parent)
		}
		if queue.Ended.Sub(queue.Begun) != 3*time.Millisecond || order.Ended.Sub(order.Begun) != 5*time.Millisecond ||
			serve.Begun != queue.Begun || order.Begun != queue.Ended || apply.Begun != order.Ended || serve.Ended != apply.Ended {
			t.Errorf("the times are not those of the parts: %v", all)
		}
		for key, want := range map[string]any{
			"lockstep.verb": "acquire", "lockstep.lock": "db", "lockstep.session": hex(b.session), "lockstep.slot": int64(3),
			"lockstep.number": int64(1), "lockstep.outcome": "granted", "lockstep.view": int64(1), "lockstep.index": int64(2),
		} {
			if serve.Notes[key] != want {
				t.Errorf("%s is %v, want %v", key, serve.Notes[key], want)
			}
		}
		if len(b.table.followed.ways) > 0 {
			t.Error("it is remembered after its end")
		}
	})
}

// An Acquire that waits is told of until it is granted, or until its wait ends in
// another way; and that it is asked again changes nothing.
func TestAWaitIsToldOf(t *testing.T) {
	for name, c := range map[string]struct {
		end     func(b *tableStand, waiting lock.Command, token lock.Token)
		outcome string
	}{
		"granted": {func(b *tableStand, _ lock.Command, token lock.Token) { b.apply(release(b.session, "a", token)) }, "granted"},
		"given up": {func(b *tableStand, w lock.Command, _ lock.Token) {
			b.apply(lock.Command{Session: w.Session, Slot: w.Slot, Number: w.Number + 1, Verb: lock.Cancel})
		}, "canceled"},
		"the role has gone":  {func(b *tableStand, _ lock.Command, _ lock.Token) { b.tell(replica.Abandon{Hint: "peer"}) }, "moved"},
		"the table has gone": {func(b *tableStand, _ lock.Command, _ lock.Token) { b.tell(replica.Reset{}) }, "not_known_here"},
		"granted while it is asked again": {func(b *tableStand, w lock.Command, token lock.Token) {
			b.ask(client, w)
			b.apply(append([]lock.Command{release(b.session, "a", token)}, b.submitted().Commands...)...)
		}, "granted"},
	} {
		t.Run(name, func(t *testing.T) {
			onStand(t, func(t *testing.T, s *stand) {
				b, book := tracedOnStand(t, s)
				token := b.order(client, waitFor(b.session, 0, "a")).Token
				waiting := waitFor(b.session, 1, "a")
				for _, ask := range []func(asker, ...lock.Command){
					func(who asker, c ...lock.Command) { b.askUnder(who, tracestest.Parent, c...) }, b.ask,
				} {
					ask(client, waiting)
					b.apply(b.submitted().Commands...)
					if got := book.Text(); got != "lockstep/serve …\n  lockstep/queue\n  lockstep/apply\n  lockstep/wait …\n" {
						t.Fatalf("the spans are\n%s", got)
					}
				}
				c.end(b, waiting, token)
				if got := book.Text(); got != waited {
					t.Errorf("the spans are\n%s", got)
				}
				if got := book.Spans()[0].Notes["lockstep.outcome"]; got != c.outcome {
					t.Errorf("it ends with %v, want %s", got, c.outcome)
				}
				if len(b.table.followed.ways) > 0 {
					t.Error("it is remembered after its end")
				}
			})
		})
	}
}

// A request that gets no result here says why, and what comes with it goes on.
func TestARequestThatIsSentAwayIsToldOf(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b, book := tracedOnStand(t, s)
		away, stays := lockCommand(b.session, 1, "a"), lockCommand(b.session, 1, "b")
		stays.Slot = 1
		b.askUnder(client, tracestest.Parent, away, stays)
		commands := b.submitted().Commands
		b.tell(replica.Refuse{Requests: []lock.RequestID{away.ID()}, Kind: replica.NotPrimary, Hint: "peer"})
		b.apply(commands[1])
		if got := book.Text(); got != "lockstep/serve\n  lockstep/queue\n"+orderly {
			t.Errorf("the spans are\n%s", got)
		}
		all := book.Spans()
		if all[0].Notes["lockstep.outcome"] != "not_primary" || all[2].Notes["lockstep.outcome"] != "granted" {
			t.Errorf("they end with %v and %v", all[0].Notes, all[2].Notes)
		}
	})
}

// What is not to be told of is not remembered either: what nobody keeps, what is
// no trace, what is of no request here, and more than a node has room for. The
// requests are served alike.
func TestWhatIsNotToldOf(t *testing.T) {
	for name, m := range map[string][]messages.Trace{
		"nobody keeps it":    {{Request: lock.RequestID{Number: 1, Session: 1<<40 | 1}, Parent: tracestest.Unkept}},
		"it is none":         {{Request: lock.RequestID{Number: 1, Session: 1<<40 | 1}, Parent: "00-"}},
		"of another request": {{Request: lock.RequestID{Number: 7, Session: 1<<40 | 1}, Parent: tracestest.Parent}},
		"too much":           {{Request: lock.RequestID{Number: 1, Session: 1<<40 | 1}, Parent: tracestest.Parent}},
	} {
		t.Run(name, func(t *testing.T) {
			onStand(t, func(t *testing.T, s *stand) {
				b, book := tracedOnStand(t, s)
				if name == "too much" {
					b.table.followed.ways = map[lock.RequestID]*way{}
					for n := range maxFollowed {
						b.table.followed.ways[lock.RequestID{Number: lock.Number(n + 100)}] = &way{}
					}
				}
				before := len(b.table.followed.ways)
				c := lockCommand(b.session, 1, "a")
				b.tell(&FromClients{From: client.node, Requests: []messages.Request{{Client: client.client, Command: c}}, Traces: m})
				b.apply(b.submitted().Commands...)
				if answers := b.answersTo(client); len(answers) != 1 || answers[0].Result.Outcome != lock.Granted {
					t.Errorf("the answers are %+v", answers)
				}
				if n := len(b.table.followed.ways); n != before || book.Text() != "" {
					t.Errorf("%d are remembered, and told was\n%s", n, book.Text())
				}
			})
		})
	}
}

// The number of an opening lets whoever knows it into the session.
func TestTheNumberOfAnOpeningIsNotTold(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b, book := tracedOnStand(t, s)
		b.askUnder(client, tracestest.Parent, openSession(1234567890123))
		b.apply(b.submitted().Commands...)
		all := book.Spans()
		if len(all) != 3 || all[0].Notes["lockstep.verb"] != "open_session" {
			t.Fatalf("the spans are\n%s", book.Text())
		}
		for key, value := range all[0].Notes {
			if value == int64(1234567890123) || strings.Contains(key, "number") {
				t.Errorf("%s is %v", key, value)
			}
		}
	})
}

// A node that tells of nothing remembers nothing, whatever it is sent.
func TestWithoutATracerNothingIsRemembered(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.askUnder(client, tracestest.Parent, waitFor(b.session, 1, "a"))
		b.apply(b.submitted().Commands...)
		if b.table.followed.ways != nil {
			t.Errorf("remembered are %v", b.table.followed.ways)
		}
	})
}

// following is what a batch of entries costs in memory, of requests that nobody
// keeps a trace of.
func following(tracer traces.Tracer) func() {
	table := NewLockTable(nowhere{}, nodeTick, slog.New(slog.DiscardHandler))
	table.followed.tracer = tracer
	entries := make([]lock.Entry, benchBatch)
	var all parents
	return func() {
		for i := range entries {
			if trace := all.of(entries[i].Command.ID()); trace != "" {
				table.followed.came(trace, &entries[i].Command)
			}
		}
		table.followed.committed(entries)
		for i := range entries {
			table.followed.executed(&entries[i], lock.Result{})
		}
		table.followed.happened(nil)
		table.followed.told()
	}
}

// Whoever keeps no traces pays nothing, and whoever does pays for those alone.
func TestWhatNobodyFollowsCostsNothing(t *testing.T) {
	for name, tracer := range map[string]traces.Tracer{"without a tracer": nil, "with one": new(tracestest.Book)} {
		if n := testing.AllocsPerRun(100, following(tracer)); n > 0 {
			t.Errorf("%s: %v allocations for %d requests", name, n, benchBatch)
		}
	}
}

// BenchmarkFollowingNothing measures what looking for traces adds to a request.
func BenchmarkFollowingNothing(b *testing.B) {
	for name, tracer := range map[string]traces.Tracer{"off": nil, "unsampled": new(tracestest.Book)} {
		b.Run(name, func(b *testing.B) {
			turn := following(tracer)
			b.ReportAllocs()
			for b.Loop() {
				turn()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchBatch), "ns/request")
		})
	}
}
