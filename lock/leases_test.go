package lock

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// reignOf counts ticks of 50 ms in view 3 of a table with the sessions 1 to n,
// whose TTL is a second: 20 ticks.
func reignOf(n int) *Leases {
	l := NewLeases(50)
	var sessions []Timed
	for id := range n {
		sessions = append(sessions, Timed{Session: SessionID(id + 1), Span: 1000})
	}
	l.begin(3, slices.Values(sessions), none, none)
	return l
}

func none(func(Timed) bool) {}

// silent runs n ticks, which shall propose nothing.
func silent(t *testing.T, l *Leases, n int) {
	t.Helper()
	for i := range n {
		if c := l.Tick(); len(c) > 0 {
			t.Fatalf("tick %d of %d proposes %+v", i+1, n, c)
		}
	}
}

// over runs a tick, which shall propose just this.
func over(t *testing.T, l *Leases, want ...Command) {
	t.Helper()
	for i := range want {
		want[i].Number = Number(l.view)
	}
	if got := l.Tick(); !reflect.DeepEqual(got, want) {
		t.Fatalf("the tick proposes\n%+v, not\n%+v", got, want)
	}
}

func expire(id SessionID) Command { return Command{Verb: Expire, Session: id} }

// T2: the first tick may come at once after the keep-alive, so that 20 ticks
// might be 19 periods only.
func TestASilentSessionIsProposedOnItsTick(t *testing.T) {
	for _, c := range []struct{ ttl, tick Millis }{{1000, 50}, {1001, 50}, {999, 50}, {1000, 1000}, {1000, 3000}, {MaxTTL, 50}} {
		l := NewLeases(c.tick)
		l.begin(1, none, none, none)
		silent(t, l, 7)
		l.Observe(Event{Kind: SessionOpened, Session: 1, Span: c.ttl})
		ticks := int((c.ttl + c.tick - 1) / c.tick)
		silent(t, l, ticks)
		over(t, l, expire(1))
		silent(t, l, 2*ticks)
	}
}

func TestAKeepAliveBeginsTheTimeOutAnew(t *testing.T) {
	l := reignOf(2)
	silent(t, l, 15)
	l.Heard(1)
	silent(t, l, 5)
	over(t, l, expire(2))
	l.Heard(1)
	silent(t, l, 20)
	over(t, l, expire(1))
}

// T2: a client that was told that it lives would believe so for nearly a TTL,
// while the entry frees its locks.
func TestNoKeepAliveIsAcknowledgedAfterTheProposal(t *testing.T) {
	l := reignOf(1)
	silent(t, l, 20)
	if !l.Lives(1) {
		t.Fatal("given up too soon")
	}
	over(t, l, expire(1))
	l.Heard(1)
	if l.Lives(1) {
		t.Fatal("a keep-alive after the proposal is acknowledged")
	}
	silent(t, l, 100)
	l.Observe(Event{Kind: SessionEnded, Session: 1})
	if l.Lives(1) || l.Lives(2) {
		t.Fatal("a session that is not there lives")
	}
}

// T3: nobody knows what the last primary has heard. What it had proposed counts
// in its own view only.
func TestANewReignGivesTheFullTime(t *testing.T) {
	session, hold := Timed{Session: 1, Span: 1000}, Timed{Session: 1, Name: "a", Token: 5, Span: 2000}
	closed := Timed{Name: "b", Token: 4, Span: 3000}
	l := NewLeases(50)
	begin := func(view View) {
		l.begin(view, slices.Values([]Timed{session}), slices.Values([]Timed{hold}), slices.Values([]Timed{closed}))
	}
	begin(3)
	silent(t, l, 19)
	begin(4)
	silent(t, l, 20)
	over(t, l, expire(1))
	begin(6)
	if !l.Lives(1) {
		t.Fatal("the proposal of an earlier reign counts")
	}
	silent(t, l, 20)
	over(t, l, expire(1))
	silent(t, l, 19)
	over(t, l, Command{Verb: EndHold, Session: 1, Name: "a", Token: 5})
	silent(t, l, 19)
	over(t, l, Command{Verb: Reopen, Name: "b", Token: 4})
	silent(t, l, 100)
}

func TestNothingIsCountedWithoutAReign(t *testing.T) {
	l := reignOf(1)
	l.End()
	l.End()
	l.Observe(Event{Kind: SessionOpened, Session: 2, Span: 1000})
	l.Heard(1)
	if l.Lives(1) || l.Silent(1) != 0 {
		t.Fatal("a session lives without a reign")
	}
	silent(t, l, 100)
}

func TestASessionThatHasGoneIsNotProposed(t *testing.T) {
	l := reignOf(3)
	l.Observe(Event{Kind: SessionClosed, Session: 1})
	l.Observe(Event{Kind: SessionEnded, Session: 3})
	silent(t, l, 20)
	over(t, l, expire(2))
}

func TestHowLongASessionIsSilent(t *testing.T) {
	l := reignOf(1)
	silent(t, l, 3)
	if got := l.Silent(1); got != 150 {
		t.Fatalf("silent for %d ms", got)
	}
	l.Heard(1)
	silent(t, l, 2)
	if got := l.Silent(1); got != 100 {
		t.Fatalf("silent for %d ms", got)
	}
}

// A grant lasts for its MaxHold from its first moment: taken again under the
// same token, it lasts no longer.
func TestAGrantEndsWithItsMaxHold(t *testing.T) {
	acquired := Event{Kind: LockAcquired, Session: 1, Name: "a", Token: 7, Span: 500}
	endHold := Command{Verb: EndHold, Session: 1, Name: "a", Token: 7}
	l := reignOf(0)
	l.Observe(acquired)
	l.Observe(Event{Kind: LockAcquired, Session: 1, Name: "b", Token: 7, Span: 500}) // of the same grant
	silent(t, l, 5)
	l.Observe(acquired)
	silent(t, l, 5)
	over(t, l, endHold)
	l.Observe(Event{Kind: LockOverheld, Session: 1, Name: "a", Token: 7})
	silent(t, l, 100)
	for _, end := range []EventKind{LockReleased, LockExpired, LockRevoked, LockOverheld} {
		l.Observe(acquired)
		l.Observe(Event{Kind: end, Session: 1, Name: "a", Token: 7})
		silent(t, l, 100)
	}
	l.Observe(Event{Kind: LockAcquired, Session: 1, Name: "c", Token: 8}) // without a MaxHold
	silent(t, l, 100)
}

// T6: each lock of a grant that is lost stays closed on its own.
func TestALockReopensAfterItsDelay(t *testing.T) {
	for _, kind := range []EventKind{LockExpired, LockRevoked, LockOverheld} {
		l := reignOf(0)
		l.Observe(Event{Kind: kind, Session: 1, Name: "b", Token: 7, Span: 500})
		l.Observe(Event{Kind: kind, Session: 1, Name: "a", Token: 7, Span: 500})
		l.Observe(Event{Kind: kind, Session: 1, Name: "c", Token: 7})
		l.Observe(Event{Kind: kind, Session: 1, Name: "d", Token: 7, Span: 500})
		l.Observe(Event{Kind: LockReopened, Name: "d", Token: 7})
		silent(t, l, 10)
		over(t, l, Command{Verb: Reopen, Name: "a", Token: 7}, Command{Verb: Reopen, Name: "b", Token: 7})
		silent(t, l, 100)
	}
}

// What falls due together comes in an order of its own, whatever was heard in
// between.
func TestProposalsAreInOrder(t *testing.T) {
	l := reignOf(4)
	l.Observe(Event{Kind: LockExpired, Name: "z", Token: 9, Span: 1000})
	l.Observe(Event{Kind: LockAcquired, Session: 2, Name: "y", Token: 8, Span: 1000})
	l.Heard(3)
	l.Heard(1)
	silent(t, l, 20)
	over(t, l, expire(1), expire(2), expire(3), expire(4),
		Command{Verb: EndHold, Session: 2, Name: "y", Token: 8}, Command{Verb: Reopen, Name: "z", Token: 9})
}

// What has gone leaves nothing behind, although it would be due in a month.
func TestWhatHasGoneIsForgotten(t *testing.T) {
	l := reignOf(0)
	for i := range 1000 {
		id, token := SessionID(i+1), Token(i+1)
		l.Observe(Event{Kind: SessionOpened, Session: id, Span: MaxTTL})
		l.Observe(Event{Kind: LockAcquired, Session: id, Name: "a", Token: token, Span: MaxMaxHold})
		l.Observe(Event{Kind: LockExpired, Session: id, Name: "a", Token: token, Span: MaxLockDelay})
		l.Observe(Event{Kind: LockReopened, Name: "a", Token: token})
		l.Observe(Event{Kind: SessionEnded, Session: id})
		l.Tick()
	}
	if len(l.wheel)+len(l.sessions)+len(l.holds)+len(l.delays) > 0 {
		t.Fatalf("left: %d ticks, %d sessions, %d holds, %d delays", len(l.wheel), len(l.sessions), len(l.holds), len(l.delays))
	}
}

// reigning is a table with the clock of the node that reigns. What the clock
// proposes is ordered at once.
type reigning struct {
	t      *testing.T
	table  *Table
	leases *Leases
}

func (r *reigning) apply(c Command) Result {
	result := r.table.Apply(Entry{View: 1, Index: r.table.Index() + 1, Command: c})
	for _, e := range r.table.Events() {
		r.leases.Observe(e)
	}
	return result
}

// ticks lets n go by, of which only the last proposes anything: just this.
func (r *reigning) ticks(n int, want ...Verb) {
	r.t.Helper()
	silent(r.t, r.leases, n-1)
	var verbs []Verb
	for _, c := range r.leases.Tick() {
		r.apply(c)
		verbs = append(verbs, c.Verb)
	}
	if !slices.Equal(verbs, want) {
		r.t.Fatalf("tick %d proposes %v, not %v", n, verbs, want)
	}
}

// The table tells its clock what begins and ends, and a clock that begins later
// finds the same in the table: a grant is taken back after its MaxHold, its locks
// are closed for their lock-delay, and the session dies of silence.
func TestTheTableAndItsClock(t *testing.T) {
	for name, afresh := range map[string]bool{"by events": false, "by a new beginning": true} {
		t.Run(name, func(t *testing.T) {
			r := &reigning{t: t, table: NewTable(), leases: NewLeases(50)}
			begin := func() { r.leases.Begin(1, r.table) }
			begin()
			id := r.apply(Command{Verb: OpenSession, Number: 1, Terms: &Terms{TTL: 3000}}).Session
			r.apply(Command{Verb: Acquire, Session: id, Number: 1, Name: "a", Terms: &Terms{
				MaxHold: 2000, LockDelay: 500, And: []Want{{Name: "b"}},
			}})
			steps := []struct {
				ticks int
				want  []Verb
			}{{41, []Verb{EndHold}}, {11, []Verb{Reopen, Reopen}}, {61, []Verb{Expire}}}
			for _, s := range steps {
				if afresh {
					begin()
				}
				r.leases.Heard(id)
				r.ticks(s.ticks, s.want...)
			}
			if _, sessions := r.table.Size(); sessions != 0 || r.leases.Lives(id) {
				t.Fatal("the session is still there")
			}
		})
	}
}

// T2 in real time, however ticks and keep-alives interleave: ticks come in any
// phase and late, never before their time; no session is proposed within its TTL
// of the last keep-alive, and every silent one by the promised tick.
func TestNeverSoonerThanTheTTL(t *testing.T) {
	type lease struct {
		ttl      Millis
		heard    Millis // real time
		ticks    int    // since then
		proposed bool
	}
	rapid.Check(t, func(t *rapid.T) {
		tick := Millis(rapid.IntRange(1, 500).Draw(t, "tick"))
		l := NewLeases(tick)
		l.begin(1, none, none, none)
		var now Millis
		nextTick := Millis(rapid.IntRange(0, int(tick)).Draw(t, "phase"))
		leases := map[SessionID]*lease{}
		var ids []SessionID
		which := func() SessionID {
			if len(ids) == 0 {
				return 0
			}
			return rapid.SampledFrom(ids).Draw(t, "session")
		}
		ticked := func() {
			for _, s := range leases {
				s.ticks++
			}
			for _, c := range l.Tick() {
				s := leases[c.Session]
				if c.Verb != Expire || c.Number != 1 || s == nil || s.proposed {
					t.Fatalf("proposes %+v", c)
				}
				if now-s.heard < s.ttl {
					t.Fatalf("session %d, TTL %d: proposed %d after it was heard", c.Session, s.ttl, now-s.heard)
				}
				s.proposed = true
			}
			for id, s := range leases {
				promised := int((s.ttl+tick-1)/tick) + 1
				if s.proposed != (s.ticks >= promised) || l.Lives(id) == s.proposed {
					t.Fatalf("session %d after %d of %d ticks: proposed %t, lives %t", id, s.ticks, promised, s.proposed, l.Lives(id))
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(t *rapid.T) {
				for range rapid.IntRange(1, 4).Draw(t, "times") {
					now += Millis(rapid.IntRange(0, 3*int(tick)).Draw(t, "how long"))
					if now < nextTick {
						continue
					}
					// One that is late by whole periods counts once, and the next
					// may follow at once.
					nextTick += tick * ((now-nextTick)/tick + 1)
					ticked()
				}
			},
			"open": func(t *rapid.T) {
				id, ttl := SessionID(len(ids)+1), Millis(rapid.IntRange(1, 5*int(tick)).Draw(t, "ttl"))
				ids = append(ids, id)
				leases[id] = &lease{ttl: ttl, heard: now}
				l.Observe(Event{Kind: SessionOpened, Session: id, Span: ttl})
			},
			"keep alive": func(t *rapid.T) {
				id := which()
				l.Heard(id)
				if s := leases[id]; s != nil && !s.proposed {
					s.heard, s.ticks = now, 0
				}
			},
			"close": func(t *rapid.T) {
				id := which()
				delete(leases, id)
				l.Observe(Event{Kind: SessionClosed, Session: id})
			},
			"begin": func(*rapid.T) {
				var open []Timed
				for _, id := range ids {
					if s := leases[id]; s != nil {
						*s = lease{ttl: s.ttl, heard: now}
						open = append(open, Timed{Session: id, Span: s.ttl})
					}
				}
				l.begin(1, slices.Values(open), none, none)
			},
		})
	})
}

// BenchmarkIdleSessions is one tick of 50 ms with the keep-alives that sessions
// of 10 s send in it, each every third of its TTL.
func BenchmarkIdleSessions(b *testing.B) {
	for _, sessions := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(sessions), func(b *testing.B) {
			open := make([]Timed, sessions)
			for i := range open {
				open[i] = Timed{Session: SessionID(1<<40 + i), Span: DefaultTTL}
			}
			l := NewLeases(50)
			l.begin(1, slices.Values(open), none, none)
			perTick, next := sessions*50*3/int(DefaultTTL), 0
			b.ReportAllocs()
			for b.Loop() {
				for range perTick {
					l.Heard(open[next].Session)
					next = (next + 1) % sessions
				}
				if over := l.Tick(); len(over) > 0 {
					b.Fatalf("proposes %+v", over[0])
				}
			}
		})
	}
}
