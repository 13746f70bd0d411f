package actors

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/observe/metrics"
	"lockstep/replica"
)

// counted asks a LockTable for its numbers.
func (b *tableStand) counted() metrics.Table {
	to := make(chan metrics.Table, 1)
	b.tell(tellTable{to})
	return <-to
}

func TestLockTableCountsWhatItAnswers(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.tell(replica.Began{View: 1})
		b.order(client, lockCommand(b.session, 1, "a"))
		b.order(client, lockCommand(b.session, 2, "a"))
		b.order(client, lockCommand(b.session, 2, "a")) // a repeat is answered too
		b.ask(client, lockCommand(b.session, 3, ""))
		b.apply(lockCommand(b.session, 3, "b")) // nobody asked for it here
		b.alive(client, b.session, 1)
		b.alive(client, 77, 1)
		b.ask(client, lockCommand(b.session, 4, "c"), lockCommand(b.session, 5, "d"))
		b.tell(replica.Refuse{Requests: []lock.RequestID{lockCommand(b.session, 4, "c").ID()}, Kind: replica.NoQuorum})
		b.tell(replica.Abandon{})
		b.ask(client, keepAlive(b.session, 2))
		b.tell(replica.Barred{ID: 3})
		b.tell(&QueriesFromClients{From: "client", Queries: []messages.Query{{Client: 7, ID: 1, Query: lock.Query{Kind: lock.QuerySessions}}}})
		n := b.counted()
		got := map[string]uint64{
			"opened": n.Requests[lock.OpenSession][lock.Opened], "granted": n.Requests[lock.Lock][lock.Granted],
			"held": n.Requests[lock.Lock][lock.Held], "invalid": n.Requests[lock.Lock][lock.Invalid],
			"alive": n.Requests[lock.KeepAlive][lock.Alive], "gone": n.Requests[lock.KeepAlive][lock.SessionExpired],
			"no quorum": n.SentAway[replica.NoQuorum], "moved": n.SentAway[replica.Moved], "not primary": n.SentAway[replica.NotPrimary],
			"asked for sessions": n.Queries[lock.QuerySessions], "grants": n.Grants[metrics.Ownerless],
			"locks": uint64(n.Locks), "sessions": uint64(n.Sessions), "waits": uint64(n.Waiting),
		}
		want := map[string]uint64{
			"opened": 1, "granted": 1, "held": 2, "invalid": 1, "alive": 1, "gone": 1, "no quorum": 1, "moved": 1, "not primary": 1,
			"asked for sessions": 1, "grants": 2, "locks": 2, "sessions": 1, "waits": 0,
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("counted %v,\nnot %v", got, want)
		}
	})
}

// What happens to locks counts for the node that reigns, and so once.
func TestLockTableCountsEventsOfItsReign(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		take := func(number lock.Number, name string) { b.apply(lockCommand(b.session, number, name)) }
		take(1, "before")
		b.tell(replica.Began{View: 1})
		take(2, "during")
		b.tell(replica.Ended{})
		take(3, "after")
		if n := b.counted(); n.Grants[metrics.Ownerless] != 1 || n.Locks != 3 {
			t.Errorf("%d grants, %d locks", n.Grants[metrics.Ownerless], n.Locks)
		}
	})
}

// One request at a time is timed, from its coming to its execution. One that is
// sent away is not, and makes room for the next.
func TestLockTableTimesOneRequestAtATime(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		began := b.counted().Commit
		first, second := lockCommand(b.session, 1, "a"), waitFor(b.session, 1, "b")
		b.ask(client, first)
		time.Sleep(30 * time.Millisecond)
		b.ask(client, second)
		time.Sleep(10 * time.Millisecond)
		b.apply(second, first)
		third := lockCommand(b.session, 2, "c")
		b.ask(client, third)
		b.tell(replica.Refuse{Requests: []lock.RequestID{third.ID()}, Kind: replica.NotPrimary})
		b.ask(client, third)
		time.Sleep(5 * time.Millisecond)
		b.apply(third)
		took := b.counted().Commit
		if n, sum := took.Count()-began.Count(), took.Sum()-began.Sum(); n != 2 || sum != 45_000 {
			t.Errorf("%d requests took %d µs, not 2 and 45000", n, sum)
		}
	})
}

// Who waited, and who waits: what nobody gets hurts most.
func TestLockTableTellsWhatIsWaitedFor(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.tell(replica.Began{View: 1})
		token := b.order(client, waitFor(b.session, 1, "a")).Token
		b.order(client, waitFor(b.session, 2, "a"))
		time.Sleep(2 * time.Second)
		b.order(client, waitFor(b.session, 3, "a"))
		b.ask(client, release(b.session, "a", token))
		b.apply(b.submitted().Commands...)
		time.Sleep(3 * time.Second)
		told := func() string {
			to := make(chan metrics.Waits, 1)
			b.tell(tellWaits{to})
			return fmt.Sprint(<-to)
		}
		if got, want := told(), "{[{a 1 2000}] [{a 1 3000}]}"; got != want {
			t.Errorf("told %s, not %s", got, want)
		}
		b.tell(replica.Ended{})
		if got, want := told(), "{[{a 1 2000}] []}"; got != want {
			t.Errorf("without a reign: told %s, not %s", got, want)
		}
		b.taken()
	})
}

// A log line about a request says which it is, if anybody wants to know of each.
func TestRefusalsAreLoggedWithTheirRequest(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		for level, want := range map[slog.Level]int{slog.LevelInfo: 0, slog.LevelDebug: 2} {
			log, text := logLines(level)
			b.table.log = log
			malformed, refused := lockCommand(b.session, 3, ""), lockCommand(b.session, lock.Number(5+want), "a")
			b.ask(client, malformed, refused)
			b.tell(replica.Refuse{Requests: []lock.RequestID{refused.ID()}, Kind: replica.NotPrimary})
			lines := strings.Count(text.String(), "session="+hex(b.session)+" slot=0 number=")
			if lines != want || level == slog.LevelDebug && !strings.Contains(text.String(), "reason=not_primary") {
				t.Errorf("at %v %d requests are told of:\n%s", level, lines, text)
			}
		}
		b.taken()
	})
}

// A node tells its numbers, those of its log too, and what does not answer in
// time is missing.
func TestANodeTellsItsNumbers(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		node := nodeAlone(t, s)
		var all metrics.Node
		node.Numbers(t.Context(), &all)
		if all.Table == nil || all.Standing == nil || all.Syncs != nil || all.Standing.Reigns.Begun != 1 {
			t.Errorf("told %+v", all)
		}
		if _, err := node.Waits(t.Context()); err != nil {
			t.Error(err)
		}
		node.Stop()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		all = metrics.Node{}
		node.Numbers(ctx, &all)
		if _, err := node.Waits(ctx); err == nil || all.Table != nil || all.Standing != nil {
			t.Errorf("a node that has stopped told %+v", all)
		}
	})
}

// BenchmarkCounting measures what is added to an entry that takes a lock, or gives
// it back, by counting it.
func BenchmarkCounting(b *testing.B) {
	n := numbers{reigns: true}
	taken := []lock.Event{{Kind: lock.LockAcquired, Session: 1, Name: "a", At: 100}}
	given := []lock.Event{{Kind: lock.LockReleased, Session: 1, Name: "a", At: 100, Since: 70}}
	b.ReportAllocs()
	for b.Loop() {
		id := lock.RequestID{Session: 1, Number: 7}
		n.executed(id, lock.Acquire, lock.Granted)
		n.happened(taken)
		n.executed(id, lock.Release, lock.Released)
		n.happened(given)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(2*b.N), "ns/entry")
}
