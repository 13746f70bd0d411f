package lock

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const roomy = 1 << 20

// scenery is a table with a bit of everything, at Unix times that are the
// entries' numbers.
func scenery(t *testing.T) (*script, []SessionID) {
	s := begin(t)
	do := func(c Command) Result {
		c.At = Millis(s.Index() + 1)
		return s.apply(c)
	}
	var id []SessionID
	for i := range 3 {
		info := Info(fmt.Sprint("n=", i))
		id = append(id, do(Command{Verb: OpenSession, Number: Number(i + 1), Terms: &Terms{TTL: 5000, Info: info}}).Session)
	}
	do(locking(id[0], 0, 1, "own/less")) // entry 4
	do(with(counted(wanting(id[0], 1, 1, "a/p"), 2, 3), func(t *Terms) { t.MaxHold, t.LockDelay, t.Info = 9000, 1000, "why=x" }))
	do(counted(wanting(id[1], 0, 1, "a/p"), 1, 3))
	do(with(and(wanting(id[2], 0, 1, "a/x"), Want{Name: "a/p", Mode: Shared}), func(t *Terms) { t.Info = "late=1" }))
	do(wanting(id[1], 1, 1, "own/less"))
	do(with(wanting(id[1], 2, 1, "b"), func(t *Terms) { t.LockDelay = 4000 }))
	do(revoking(id[0], 1, "b", 0)) // entry 10
	return s, id
}

func TestAReportShowsLocksWithHoldersAndQueues(t *testing.T) {
	s, id := scenery(t)
	owner := func(i int, holds, waits uint32) SessionCard {
		return SessionCard{ID: id[i], TTL: 5000, Info: Info(fmt.Sprint("n=", i)), Since: Millis(i + 1), Holds: holds, Waits: waits}
	}
	queued := WaiterCard{Session: id[2], Mode: Shared, Since: 7, Names: []string{"a/x", "a/p"}, Info: "late=1", Owner: owner(2, 0, 1)}
	alsoQueued := queued
	alsoQueued.Mode = Exclusive
	want := []LockCard{
		{
			Name: "a/p", Of: 3, Waiters: 1, Queue: []WaiterCard{queued},
			Holders: []HolderCard{
				{Session: id[0], Token: at(1, 5), Mode: Counted, Permits: 2, Count: 1, Since: 5, MaxHold: 9000, Info: "why=x", Owner: owner(0, 1, 0)},
				{Session: id[1], Token: at(1, 6), Mode: Counted, Permits: 1, Count: 1, Since: 6, Owner: owner(1, 1, 1)},
			},
		},
		{Name: "a/x", Waiters: 1, Queue: []WaiterCard{alsoQueued}},
		{Name: "b", Delayed: true},
		{
			Name: "own/less", Ownerless: true, Waiters: 1, Holders: []HolderCard{{Token: at(1, 4), Count: 1, Since: 4}},
			Queue: []WaiterCard{{Session: id[1], Since: 8, Owner: owner(1, 1, 1)}},
		},
	}
	got := s.Report(Query{Kind: QueryLocks, Waiters: true}, roomy)
	if !reflect.DeepEqual(got, Report{Index: 10, Locks: want}) {
		t.Errorf("all:\n%+v\nnot\n%+v", got.Locks, want)
	}
	for i := range want {
		one := s.Report(Query{Kind: QueryLock, Name: want[i].Name}, roomy)
		if !reflect.DeepEqual(one.Locks, want[i:i+1]) {
			t.Errorf("one:\n%+v\nnot\n%+v", one.Locks, want[i])
		}
		want[i].Queue = nil
	}
	if got := s.Report(Query{Kind: QueryLocks, Name: "a/"}, roomy); !reflect.DeepEqual(got.Locks, want[:2]) {
		t.Errorf("below a/:\n%+v", got.Locks)
	}
	if got := s.Report(Query{Kind: QueryLock, Name: "nobody's"}, roomy); len(got.Locks) != 0 {
		t.Errorf("a free lock: %+v", got.Locks)
	}
	if got := s.Report(Query{Kind: QueryEvents}, roomy); !reflect.DeepEqual(got, Report{Index: 10}) {
		t.Errorf("events: %+v", got)
	}
}

func TestAReportShowsSessions(t *testing.T) {
	s, id := scenery(t)
	got := s.Report(Query{Kind: QuerySessions}, roomy)
	want := []SessionCard{
		{ID: id[0], TTL: 5000, Info: "n=0", Since: 1, Holds: 1},
		{ID: id[1], TTL: 5000, Info: "n=1", Since: 2, Holds: 1, Waits: 1},
		{ID: id[2], TTL: 5000, Info: "n=2", Since: 3, Waits: 1},
	}
	if !slices.Equal(got.Sessions, want) || got.More {
		t.Errorf("%+v", got)
	}
	first := s.Report(Query{Kind: QuerySessions}, 1)
	if !slices.Equal(first.Sessions, want[:1]) || !first.More {
		t.Errorf("in no room: %+v", first)
	}
	rest := s.Report(Query{Kind: QuerySessions, Session: id[0]}, roomy)
	if !slices.Equal(rest.Sessions, want[1:]) || rest.More {
		t.Errorf("behind the first: %+v", rest)
	}
}

func TestAReportShowsOneSessionWithWhatItHasAndLost(t *testing.T) {
	s, id := scenery(t)
	got := s.Report(Query{Kind: QuerySession, Session: id[1]}, roomy)
	want := []Revocation{{Token: at(1, 7), Kind: LockRevoked, Reason: "it hangs"}}
	if !slices.Equal(got.Revocations, want) || len(got.Sessions) != 1 || got.Sessions[0].ID != id[1] {
		t.Errorf("%+v", got)
	}
	if names := namesOf(got.Locks); !slices.Equal(names, []string{"a/p", "own/less"}) {
		t.Errorf("it has %q", names)
	}
	rest := s.Report(Query{Kind: QuerySession, Session: id[1], After: "a/p"}, roomy)
	if names := namesOf(rest.Locks); !slices.Equal(names, []string{"own/less"}) {
		t.Errorf("behind a/p it has %q", names)
	}
	if got := s.Report(Query{Kind: QuerySession, Session: 77}, roomy); !reflect.DeepEqual(got, Report{Index: 10}) {
		t.Errorf("an unknown session: %+v", got)
	}
}

func namesOf(cards []LockCard) []string {
	var names []string
	for _, c := range cards {
		names = append(names, c.Name)
	}
	return names
}

func TestATokenIsCurrentWhileItsGrantIsHeld(t *testing.T) {
	s, id := scenery(t)
	current := func(name string, token Token) bool {
		return s.Report(Query{Kind: QueryToken, Name: name, Token: token}, roomy).Current
	}
	if !current("a/p", at(1, 5)) || !current("a/p", at(1, 6)) || !current("own/less", at(1, 4)) {
		t.Error("a grant is not current")
	}
	if current("a/p", at(1, 4)) || current("b", at(1, 7)) || current("x", at(1, 5)) || current("own/less", at(1, 5)) || current("a/x", 0) {
		t.Error("what is lost, or never was, is current")
	}
	s.apply(expiring(id[0]))
	if current("a/p", at(1, 5)) {
		t.Error("an expired grant is current")
	}
}

func TestPagesOfAReportHaveEverythingOnce(t *testing.T) {
	s := begin(t)
	id := s.open(1)
	var want []string
	for i := range 300 {
		name := fmt.Sprintf("n/%03d", i*7%300)
		want = append(want, name)
		if i%2 == 0 {
			s.apply(locking(id, 0, Number(i+1), name))
		} else {
			s.apply(wanting(id, 0, Number(i+1), name))
		}
	}
	s.apply(wanting(id, 1, 1, "n/000")) // kept with and without an owner
	slices.Sort(want)
	for _, room := range []int{0, 1, 100, 777, 5000, roomy} {
		var got []string
		q := Query{Kind: QueryLocks, Name: "n/"}
		for pages := 0; ; pages++ {
			r := s.Report(q, room)
			got = append(got, namesOf(r.Locks)...)
			if !r.More {
				break
			}
			q.After = got[len(got)-1]
			if pages > 400 {
				t.Fatal("the pages do not end")
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %d bytes: %d names", room, len(got))
		}
	}
}

// The pages behind the first come from a listing that is kept.
func TestAListShowsWhatIsThereWhenItsPageComes(t *testing.T) {
	s := begin(t)
	id := s.open(1)
	var want []string
	for i := range 100 {
		want = append(want, fmt.Sprintf("n/%03d", i))
		s.apply(locking(id, Slot(i), 1, want[i]))
	}
	page := func(after string) []string {
		return namesOf(s.Report(Query{Kind: QueryLocks, Name: "n/", After: after}, 1000).Locks)
	}
	first := page("")
	behind := first[len(first)-1]
	second := page(behind)
	if !slices.Equal(slices.Concat(first, second), want[:len(first)+len(second)]) {
		t.Errorf("%q, %q", first, second)
	}
	s.apply(unlocking(id, 500, 1, second[0]))
	if got := page(behind); got[0] != second[1] {
		t.Errorf("%q is shown, but free", got[0])
	}
	for _, name := range want[len(first):] { // all that the listing has
		s.apply(unlocking(id, 501, Number(s.Index()), name))
	}
	s.apply(locking(id, 502, 1, "n/last"))
	page("") // a new list, which has what came before it
	if got := page(behind); !slices.Equal(got, []string{"n/last"}) {
		t.Errorf("behind %q there is %q", behind, got)
	}
}

// Who lists page by page has a walk over all names now and then, not for each.
func TestALongListIsWalkedOverAFewTimes(t *testing.T) {
	s := begin(t)
	id := s.open(1)
	const n = 140_000
	for i := range n {
		s.apply(locking(id, 0, Number(i+1), fmt.Sprintf("n/%06d", i*7919%n)))
	}
	q, got := Query{Kind: QueryLocks}, 0
	for {
		r := s.Report(q, 20_000)
		got += len(r.Locks)
		if !r.More {
			break
		}
		q.After = r.Locks[len(r.Locks)-1].Name
	}
	if got != n || s.listed > 5 {
		t.Errorf("%d locks in %d walks", got, s.listed)
	}
	for range 2 * listingAge { // who has stopped listing leaves nothing
		s.apply(locking(id, 0, 1, "n/0"))
	}
	for i := range s.listings {
		if s.listings[i].names != nil {
			t.Errorf("%d names are kept", len(s.listings[i].names))
		}
	}
}

// A lock that a page has no room for comes whole with the next.
func TestALockIsNotTornBetweenPages(t *testing.T) {
	s := begin(t)
	info := Info("a=" + strings.Repeat("x", 1000))
	id := s.apply(Command{Verb: OpenSession, Number: 1, Terms: &Terms{Info: info}}).Session
	for i := range 50 {
		s.apply(wanting(id, Slot(i), 1, fmt.Sprintf("n/%02d", i)))
		s.apply(wanting(id, Slot(i+100), 1, fmt.Sprintf("n/%02d", i)))
	}
	for _, room := range []int{0, 1500, 2000, 2500, 3000, 5000, 20_000} {
		q, got := Query{Kind: QueryLocks, Waiters: true}, 0
		for {
			r := s.Report(q, room)
			for i, l := range r.Locks {
				if len(l.Holders) == 0 || len(l.Queue) == 0 && i > 0 {
					t.Errorf("room %d: %+v", room, l)
				}
			}
			if got += len(r.Locks); !r.More {
				break
			}
			q.After = r.Locks[len(r.Locks)-1].Name
		}
		if got != 50 {
			t.Errorf("room %d: %d locks", room, got)
		}
	}
}

func TestACycleIsCutToTheRoom(t *testing.T) {
	s := begin(t)
	const n = 20
	var id [n]SessionID
	var token [n]Token
	name := func(i int) string { return fmt.Sprint(strings.Repeat("x", 100), i%n) }
	for i := range n {
		info := Info("a=" + strings.Repeat("x", 1000))
		id[i] = s.apply(Command{Verb: OpenSession, Number: Number(i + 1), Terms: &Terms{Info: info}}).Session
		token[i] = s.apply(wanting(id[i], 0, 1, name(i))).Token
	}
	for i := range n {
		c := under(wanting(id[i], 1, 1, name(i+1)), name(i), token[i])
		c.Terms.AllowDeadlock = true
		s.then(c, is(Waiting))
	}
	for _, tc := range []struct{ room, steps, info int }{{roomy, n, 1002}, {10_000, n, 0}, {2000, 7, 0}, {1, 1, 0}} {
		r := s.Report(Query{Kind: QueryDeadlocks}, tc.room)
		if len(r.Cycles) != 1 || len(r.Cycles[0]) != tc.steps || len(r.Cycles[0][0].Info) != tc.info || r.More != (tc.room != roomy) {
			t.Errorf("room %d: more %v, %d steps", tc.room, r.More, len(r.Cycles[0]))
		}
	}
}

func TestALongQueueIsCutToTheRoom(t *testing.T) {
	s := begin(t)
	id := s.open(1)
	for i := range 500 {
		s.apply(wanting(id, Slot(i), 1, "a"))
	}
	for i := range 500 {
		s.apply(shared(trying(id, Slot(i+1000), 1, "b")))
	}
	queue := s.Report(Query{Kind: QueryLock, Name: "a"}, 10_000)
	if c := queue.Locks[0]; !queue.More || c.Waiters != 499 || len(c.Queue) < 50 || len(c.Queue) > 150 || len(c.Holders) != 1 {
		t.Errorf("more %v, %d waiters, %d shown", queue.More, c.Waiters, len(c.Queue))
	}
	crowd := s.Report(Query{Kind: QueryLock, Name: "b"}, 10_000)
	if c := crowd.Locks[0]; !crowd.More || len(c.Holders) < 50 || len(c.Holders) > 150 {
		t.Errorf("more %v, %d holders shown", crowd.More, len(c.Holders))
	}
}
