package lock

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// refused demands that a command in a fresh slot is refused as a deadlock,
// without any effect.
func (s *script) refused(c Command, want string) {
	s.Helper()
	locks, waits, digest := s.used(), s.waits, s.Digest()
	got := s.apply(c)
	if got != (Result{Outcome: Deadlock, Cycle: want}) {
		s.Fatalf("%+v:\n got %+v\nwant a deadlock, %s", c, got, want)
	}
	s.told()
	if s.used() != locks || s.waits != waits {
		s.Error("the refused wait is there")
	}
	s.then(c, got) // S4
	if digest.add(ofSlot(s.sessions[c.Session], c.Slot)); s.Digest() != digest {
		s.Error("the refusal changed more than the slot")
	}
}

func TestTwoWhoWaitForEachOtherAreADeadlock(t *testing.T) {
	s := begin(t)
	a := s.apply(Command{Verb: OpenSession, Number: 1, Terms: &Terms{Info: "host=h\npid=1"}}).Session
	b := s.open(2)
	s.then(wanting(a, 0, 1, "x"), granted(at(1, 3)))
	s.then(wanting(b, 0, 1, "y"), granted(at(1, 4)))
	s.then(under(wanting(a, 1, 1, "y"), "x", at(1, 3)), is(Waiting))
	s.refused(under(wanting(b, 1, 1, "x"), "y", at(1, 4)), fmt.Sprintf(
		`session %016x waits for "x", behind session %016x (host=h pid=1), who waits for "y", behind session %016x`, b, a, b))
	s.then(under(wanting(b, 2, 1, "z"), "y", at(1, 4)), granted(at(1, 5))) // the slot and the session go on
	s.then(wanting(b, 1, 2, "x"), is(Waiting))                             // and so may who keeps nothing meanwhile
	s.then(releasing(b, 9, 1, "y", at(1, 4)), is(Released))
	s.told("released 2 y", "acquired 1 y")
}

func TestWhoWaitsForWhatItKeepsItselfIsADeadlock(t *testing.T) {
	s := begin(t)
	id := s.open(1)
	s.then(wanting(id, 0, 1, "x"), granted(at(1, 2)))
	s.then(under(trying(id, 1, 1, "x"), "x", at(1, 2)), is(Held))
	s.refused(under(wanting(id, 2, 1, "x"), "x", at(1, 2)),
		fmt.Sprintf(`session %016x waits for "x", behind session %016x`, id, id))
	s.then(under(wanting(id, 1, 3, "x"), "x", at(1, 1)), is(Waiting)) // that grant is not held: it keeps nothing
}

func TestACycleGoesThroughOtherSessionsGrants(t *testing.T) {
	s := begin(t)
	id := s.opened(3)
	s.then(wanting(id[0], 0, 1, "x"), granted(at(1, 4)))
	s.then(under(wanting(id[1], 0, 1, "y"), "x", at(1, 4)), granted(at(1, 5))) // a child of the first
	s.then(under(wanting(id[1], 1, 1, "z"), "y", at(1, 5)), granted(at(1, 6)))
	s.then(wanting(id[2], 0, 1, "w"), granted(at(1, 7)))
	s.then(under(wanting(id[2], 1, 1, "x"), "w", at(1, 7)), is(Waiting))
	s.refused(under(wanting(id[1], 2, 1, "w"), "z", at(1, 6)), fmt.Sprintf(
		`session %016x waits for "w", behind session %016x, who waits for "x", behind session %016x`, id[1], id[2], id[1]))
}

// Two callers under one grant compete for a lock: each gets it in turn.
func TestSiblingsUnderOneGrantAreNoDeadlock(t *testing.T) {
	s := begin(t)
	id := s.open(1)
	s.then(wanting(id, 0, 1, "x"), granted(at(1, 2)))
	s.then(under(wanting(id, 1, 1, "y"), "x", at(1, 2)), granted(at(1, 3)))
	s.then(under(wanting(id, 2, 1, "y"), "x", at(1, 2)), is(Waiting))
	s.then(under(wanting(id, 3, 1, "y"), "x", at(1, 2)), is(Waiting))
	s.then(releasing(id, 1, 2, "y", at(1, 3)), is(Released))
	s.told("released 1 y", "acquired 1 y")
}

// Of the holders of permits it is enough that one can let go.
func TestItIsNoDeadlockWhileOnePermitCanComeBack(t *testing.T) {
	s := begin(t)
	id := s.opened(3)
	s.then(counted(wanting(id[0], 0, 1, "p"), 1, 2), granted(at(1, 4)))
	s.then(counted(wanting(id[1], 0, 1, "p"), 1, 2), granted(at(1, 5)))
	s.then(wanting(id[2], 0, 1, "x"), granted(at(1, 6)))
	s.then(under(wanting(id[0], 1, 1, "x"), "p", at(1, 4)), is(Waiting))
	one := under(counted(wanting(id[2], 1, 1, "p"), 1, 2), "x", at(1, 6))
	s.then(one, is(Waiting)) // the second holder keeps nobody
	s.then(canceling(id[2], 1, 2), is(Canceled))
	both := under(counted(wanting(id[2], 2, 1, "p"), 2, 2), "x", at(1, 6))
	s.refused(both, fmt.Sprintf(`session %016x waits for "p", behind session %016x, who waits for "x", behind session %016x`,
		id[2], id[0], id[2]))
	s.then(under(wanting(id[1], 1, 1, "x"), "p", at(1, 5)), is(Waiting))
	one.Number = 3
	if got := s.apply(one); got.Outcome != Deadlock { // now both wait for x
		t.Errorf("%+v", got)
	}
}

// Who waits for something that will be there lets go in the end, so that it is no
// deadlock although all wait.
func TestItIsNoDeadlockWhileOneWaitCanEnd(t *testing.T) {
	s := begin(t)
	id := s.opened(3)
	s.then(counted(wanting(id[0], 0, 1, "p"), 1, 2), granted(at(1, 4)))
	s.then(counted(wanting(id[1], 0, 1, "p"), 1, 2), granted(at(1, 5)))
	s.then(wanting(id[2], 0, 1, "x"), granted(at(1, 6)))
	s.then(wanting(id[2], 1, 1, "free"), granted(at(1, 7)))
	s.then(under(wanting(id[0], 1, 1, "x"), "p", at(1, 4)), is(Waiting))
	s.then(under(wanting(id[1], 1, 1, "free"), "p", at(1, 5)), is(Waiting))
	s.then(under(counted(wanting(id[2], 2, 1, "p"), 1, 2), "x", at(1, 6)), is(Waiting))
}

func TestASharedHolderIsNotInTheWayOfAnother(t *testing.T) {
	s := begin(t)
	id := s.opened(3)
	s.then(shared(wanting(id[0], 0, 1, "r")), granted(at(1, 4)))
	s.then(wanting(id[1], 0, 1, "x"), granted(at(1, 5)))
	s.then(under(wanting(id[0], 1, 1, "x"), "r", at(1, 4)), is(Waiting))
	reader := under(shared(wanting(id[1], 1, 1, "r")), "x", at(1, 5))
	s.then(reader, granted(at(1, 6)))
	s.then(wanting(id[2], 0, 1, "r"), is(Waiting)) // a writer, behind whom readers queue
	reader.Slot = 2
	s.refused(reader, fmt.Sprintf(
		`session %016x waits for "r", behind session %016x, who waits for "r", behind session %016x, who waits for "x", behind session %016x`,
		id[1], id[2], id[0], id[1]))
}

func TestLocksThatEndByThemselvesAreNoDeadlock(t *testing.T) {
	s := begin(t)
	id := s.opened(2)
	s.then(wanting(id[0], 0, 1, "x"), granted(at(1, 3)))
	s.then(locking(id[1], 0, 1, "o"), granted(at(1, 4)))
	s.then(under(wanting(id[0], 1, 1, "o"), "x", at(1, 3)), is(Waiting))
	s.then(with(wanting(id[1], 1, 1, "d"), func(t *Terms) { t.LockDelay = 1000 }), granted(at(1, 5)))
	s.then(revoking(id[1], 1, "d", 0), is(Released))
	s.then(under(wanting(id[0], 2, 1, "d"), "x", at(1, 3)), is(Waiting))
	// Who waits behind those does not matter to one who waits for x.
	s.then(wanting(id[1], 2, 1, "o"), is(Waiting))
	s.then(wanting(id[1], 3, 1, "k"), granted(at(1, 6)))
	s.then(under(wanting(id[1], 4, 1, "x"), "k", at(1, 6)), is(Waiting))
}

func TestAnAllowedDeadlockIsReportedUntilItIsBroken(t *testing.T) {
	s := begin(t)
	id := s.opened(3)
	allowed := func(c Command) Command { return with(c, func(t *Terms) { t.AllowDeadlock = true }) }
	s.then(wanting(id[0], 0, 1, "x"), granted(at(1, 4)))
	s.then(wanting(id[1], 0, 1, "y"), granted(at(1, 5)))
	s.then(under(wanting(id[0], 1, 1, "y"), "x", at(1, 4)), is(Waiting))
	ask := Query{Kind: QueryDeadlocks}
	if r := s.Report(ask, 1<<16); len(r.Cycles) != 0 {
		t.Errorf("too early: %+v", r.Cycles)
	}
	s.then(allowed(under(wanting(id[1], 1, 1, "x"), "y", at(1, 5))), is(Waiting))
	s.then(wanting(id[2], 0, 1, "x"), is(Waiting)) // behind it, but no part of it
	s.then(wanting(id[2], 1, 1, "z"), granted(at(1, 6)))
	s.then(under(wanting(id[2], 2, 1, "y"), "z", at(1, 6)), is(Waiting)) // nor is this, which keeps a lock
	want := []Cycle{{
		{Session: id[0], Holds: "x", Waits: "y"},
		{Session: id[1], Holds: "y", Waits: "x"},
	}}
	if r := s.Report(ask, 1<<16); !reflect.DeepEqual(r.Cycles, want) || r.More {
		t.Errorf("the report is %+v", r)
	}
	s.then(allowed(under(wanting(id[2], 3, 1, "z"), "z", at(1, 6))), is(Waiting)) // a second one, of its own
	if r := s.Report(ask, 1<<16); len(r.Cycles) != 2 || r.Cycles[1].String() == "" {
		t.Errorf("the report is %+v", r)
	}
	if r := s.Report(ask, 100); len(r.Cycles) != 1 || !r.More {
		t.Errorf("the small report is %+v", r)
	}
	s.then(revoking(id[2], 1, "x", 0), is(Released))
	s.told("revoked 1 x", "acquired 2 x")
	if r := s.Report(ask, 1<<16); len(r.Cycles) != 1 {
		t.Errorf("the report is %+v", r)
	}
}

// A wait of several locks that comes late is ahead of others in one queue and
// behind them in another.
func TestACycleGoesThroughPlacesInQueues(t *testing.T) {
	s := begin(t)
	id := s.opened(4)
	s.then(wanting(id[0], 0, 1, "a"), granted(at(1, 5)))
	s.then(wanting(id[1], 0, 1, "b"), granted(at(1, 6)))
	s.then(and(wanting(id[2], 0, 1, "a"), Want{Name: "c"}), is(Waiting)) // keeps c from others
	s.then(under(wanting(id[1], 1, 1, "c"), "b", at(1, 6)), is(Waiting))
	s.refused(under(wanting(id[0], 1, 1, "b"), "a", at(1, 5)), fmt.Sprintf(
		`session %016x waits for "b", behind session %016x, who waits for "c", behind session %016x, who waits for "a", behind session %016x`,
		id[0], id[1], id[2], id[0]))
}

func TestGrantsFarOutAreForgotten(t *testing.T) {
	s := begin(t)
	id := s.open(1)
	token := s.apply(wanting(id, 0, 1, "0")).Token
	outermost := token
	for i := range MaxUnder + 1 {
		next := s.apply(under(wanting(id, 0, Number(i+2), fmt.Sprint(i+1)), fmt.Sprint(i), token))
		token = next.Token
	}
	chain := s.find(fmt.Sprint(MaxUnder+1), token).rest().under
	if len(chain) != MaxUnder || chain[0].token != outermost+1 {
		t.Errorf("it is under %v", chain)
	}
}

// A wait keeps no room for what its session holds beyond that.
func TestASequentialWaitRemembersTheLastGrantsAlone(t *testing.T) {
	s := begin(t)
	id := s.opened(2)
	s.then(wanting(id[1], 0, 1, "hot"), granted(at(1, 3)))
	for i := range 10 * MaxUnder {
		s.then(wanting(id[0], 0, Number(i+1), fmt.Sprint(i)), granted(at(1, Token(4+i))))
	}
	last := at(1, 3+10*MaxUnder)
	c := sequential(wanting(id[0], 1, 1, "hot"))
	c.Terms.Under = Holding{"hot", at(1, 3)} // another's, which counts first
	c.Terms.AllowDeadlock = true
	s.then(c, is(Waiting))
	got := s.sessions[id[0]].waits.first.more.under
	if len(got) != MaxUnder || cap(got) != MaxUnder || got[0].token != at(1, 3) || got[1].token != last-MaxUnder+2 || got[MaxUnder-1].token != last {
		t.Errorf("%d of %d: %v", len(got), cap(got), got)
	}
}

func TestALongCycleIsCutShort(t *testing.T) {
	s := begin(t)
	const n = 20
	name := func(i int) string { return strings.Repeat("é", 30) + fmt.Sprint(i%n) }
	info := Info("host=" + strings.Repeat("é", 100))
	var id [n]SessionID
	var token [n]Token
	for i := range n {
		id[i] = s.apply(Command{Verb: OpenSession, Number: Number(i + 1), Terms: &Terms{Info: info}}).Session
		token[i] = s.apply(wanting(id[i], 0, 1, name(i))).Token
	}
	for i := range n - 1 {
		s.then(under(wanting(id[i], 1, 1, name(i+1)), name(i), token[i]), is(Waiting))
	}
	got := s.apply(under(wanting(id[n-1], 1, 1, name(n)), name(n-1), token[n-1]))
	if got.Outcome != Deadlock || len(got.Cycle) > MaxCycleBytes || !strings.HasSuffix(got.Cycle, ", and so on") {
		t.Errorf("%d bytes: %s", len(got.Cycle), got.Cycle)
	}
	if !strings.Contains(got.Cycle, "é…)") || strings.ToValidUTF8(got.Cycle, "") != got.Cycle {
		t.Errorf("an info is cut in a rune: %s", got.Cycle)
	}
}

// A long queue costs its length, not its square.
func TestADeadlockBehindALongQueueIsFoundQuickly(t *testing.T) {
	s := begin(t)
	id := s.opened(101)
	s.then(wanting(id[0], 0, 1, "x"), granted(at(1, 102)))
	s.then(wanting(id[1], 0, 1, "y"), granted(at(1, 103)))
	s.then(under(wanting(id[0], 1, 1, "y"), "x", at(1, 102)), is(Waiting))
	for i := range 40 {
		for _, other := range id[2:] {
			s.apply(shared(wanting(other, Slot(i), 1, "x")))
		}
	}
	s.then(under(shared(wanting(id[1], 1, 1, "x")), "x", at(1, 99)), is(Waiting))
	if got := s.apply(under(shared(wanting(id[1], 2, 1, "x")), "y", at(1, 103))); got.Outcome != Deadlock {
		t.Errorf("%+v", got)
	}
}

// sequential makes an Acquire of a session that does one thing after the other.
func sequential(c Command) Command {
	c.Terms = &Terms{Sequential: true}
	return c
}

func TestASequentialSessionKeepsAllThatItHolds(t *testing.T) {
	s := begin(t)
	id := s.opened(2)
	s.then(wanting(id[0], 0, 1, "x"), granted(at(1, 3)))
	s.then(wanting(id[1], 0, 1, "y"), granted(at(1, 4)))
	s.then(sequential(wanting(id[0], 1, 1, "y")), is(Waiting))
	s.refused(sequential(wanting(id[1], 1, 1, "x")), fmt.Sprintf(
		`session %016x waits for "x", behind session %016x, who waits for "y", behind session %016x`, id[1], id[0], id[1]))
}

func TestASequentialSessionMayKeepAnothersGrantToo(t *testing.T) {
	s := begin(t)
	id := s.opened(2)
	s.then(wanting(id[0], 0, 1, "x"), granted(at(1, 3)))
	s.then(wanting(id[1], 0, 1, "y"), granted(at(1, 4)))
	both := sequential(wanting(id[1], 1, 1, "x"))
	both.Terms.Under = Holding{"x", at(1, 3)}
	s.refused(both, fmt.Sprintf(`session %016x waits for "x", behind session %016x`, id[1], id[1]))
}

// What a session holds it may let go while it waits, unless it says otherwise: a
// cycle through such sessions is told, and refused to nobody.
func TestACycleOfSessionsThatDoNotSayWhatTheyKeepIsPossible(t *testing.T) {
	s := begin(t)
	id := s.opened(2)
	s.then(wanting(id[0], 0, 1, "x"), granted(at(1, 3)))
	s.then(wanting(id[1], 0, 1, "y"), granted(at(1, 4)))
	s.then(under(wanting(id[0], 1, 1, "y"), "x", at(1, 3)), is(Waiting))
	s.then(wanting(id[1], 1, 1, "x"), is(Waiting))
	want := []Cycle{{
		{Session: id[0], Holds: "x", Waits: "y"},
		{Session: id[1], Holds: "y", Waits: "x", Possible: true},
	}}
	if got := s.deadlocks(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	s.then(releasing(id[1], 2, 1, "y", at(1, 4)), is(Released))
	if got := s.deadlocks(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestACertainDeadlockIsNotToldAgainAsPossible(t *testing.T) {
	s := begin(t)
	id := s.opened(2)
	s.then(wanting(id[0], 0, 1, "x"), granted(at(1, 3)))
	s.then(wanting(id[1], 0, 1, "y"), granted(at(1, 4)))
	s.then(under(wanting(id[0], 1, 1, "y"), "x", at(1, 3)), is(Waiting))
	allowed := under(wanting(id[1], 1, 1, "x"), "y", at(1, 4))
	allowed.Terms.AllowDeadlock = true
	s.then(allowed, is(Waiting))
	if got := s.deadlocks(); len(got) != 1 || got[0][0].Possible || got[0][1].Possible {
		t.Errorf("%+v", got)
	}
}

func TestPossibleDeadlocksAreNotSoughtAmongTooMany(t *testing.T) {
	s := begin(t)
	id := s.opened(2)
	for i := range 400 {
		s.then(wanting(id[0], Slot(i), 1, fmt.Sprint("a", i)), granted(at(1, Token(3+i))))
	}
	s.then(wanting(id[1], 0, 1, "y"), granted(at(1, 403)))
	s.then(wanting(id[1], 1, 1, "a0"), is(Waiting))
	s.then(wanting(id[0], 1000, 1, "y"), is(Waiting))
	if got := s.deadlocks(); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	for i := range maxSuspects / 400 {
		s.then(wanting(id[0], Slot(1001+i), 1, "y"), is(Waiting))
	}
	if got := s.deadlocks(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// crowded has n clients that each hold a lock of their own and wait, keeping it,
// for one that another has.
func crowded(tb testing.TB, n int) *Table {
	table := NewTable()
	apply := func(c Command) Result {
		return table.Apply(Entry{View: 1, Index: table.Index() + 1, Command: c})
	}
	apply(wanting(apply(opening(1)).Session, 0, 1, "hot"))
	for i := range n {
		id := apply(opening(Number(i + 2))).Session
		own := fmt.Sprint("own", i)
		token := apply(wanting(id, 0, 1, own)).Token
		if got := apply(under(wanting(id, 1, 1, "hot"), own, token)); got != is(Waiting) {
			tb.Fatalf("%+v", got)
		}
	}
	return table
}

// Nobody waits for what it keeps: so there is nobody to look at.
func TestAWaitOnWhichNobodyDependsCostsTheSameHoweverManyWait(t *testing.T) {
	cost := func(n int) float64 {
		table := crowded(t, n)
		last := table.owned["hot"].queue()[n-1]
		return testing.AllocsPerRun(10, func() {
			if table.cycleOf(last) != nil {
				t.Error("a deadlock")
			}
		})
	}
	if few, many := cost(10), cost(5000); many > few {
		t.Errorf("%v allocations among 5000, %v among 10", many, few)
	}
}

// Beyond its bound the search stops, and lets the wait queue.
func TestADeadlockIsNotSoughtAmongTooMany(t *testing.T) {
	for _, tc := range []struct {
		others int
		want   Outcome
	}{{maxDependents - 10, Deadlock}, {maxDependents + 10, Waiting}} {
		s := begin(t)
		id := s.opened(8)
		s.then(wanting(id[0], 0, 1, "x"), granted(at(1, 9)))
		s.then(wanting(id[1], 0, 1, "y"), granted(at(1, 10)))
		for i := range tc.others {
			s.apply(wanting(id[2+i%6], Slot(i/6), 1, "x"))
		}
		s.then(under(wanting(id[1], 1, 1, "x"), "y", at(1, 10)), is(Waiting))
		if got := s.apply(under(wanting(id[0], 1, 1, "y"), "x", at(1, 9))); got.Outcome != tc.want {
			t.Errorf("among %d: %+v", tc.others, got)
		}
	}
}

// However many wait behind a deadlock, each is followed once.
func TestManyWhoWaitBehindADeadlockAreLookedAtQuickly(t *testing.T) {
	s := begin(t)
	id := s.opened(16)
	allowed := func(c Command) Command { return with(c, func(t *Terms) { t.AllowDeadlock = true }) }
	s.then(wanting(id[0], 0, 1, "x"), granted(at(1, 17)))
	for i := range 15_000 {
		own := fmt.Sprint("own", i)
		token := s.apply(wanting(id[1+i%15], 0, Number(i+1), own)).Token
		s.then(under(wanting(id[1+i%15], Slot(1+i/15), 1, "x"), own, token), is(Waiting))
	}
	s.then(allowed(under(wanting(id[0], 1, 1, "x"), "x", at(1, 17))), is(Waiting))
	if got := s.deadlocks(); len(got) != 1 || len(got[0]) != 1 {
		t.Errorf("%d deadlocks", len(got))
	}
}

// Two deadlocks, of which one depends on the other.
func TestADeadlockThatWaitsBehindAnotherIsToldToo(t *testing.T) {
	s := begin(t)
	id := s.opened(3)
	allowed := func(c Command) Command { return with(c, func(t *Terms) { t.AllowDeadlock = true }) }
	s.then(wanting(id[0], 0, 1, "x"), granted(at(1, 4)))
	s.then(wanting(id[1], 0, 1, "y"), granted(at(1, 5)))
	s.then(wanting(id[2], 0, 1, "z"), granted(at(1, 6)))
	s.then(allowed(under(wanting(id[0], 1, 1, "x"), "x", at(1, 4))), is(Waiting))
	s.then(under(and(wanting(id[1], 1, 1, "x"), Want{Name: "z"}), "y", at(1, 5)), is(Waiting))
	s.then(allowed(under(wanting(id[2], 1, 1, "y"), "z", at(1, 6))), is(Waiting))
	got := s.deadlocks()
	if len(got) != 2 || len(got[0]) != 1 || len(got[1]) != 2 {
		t.Errorf("%+v", got)
	}
}
