package lock

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// at applies a command that a node took in at a moment.
func (s *script) at(moment Millis, c Command) Result {
	c.At = moment
	return s.apply(c)
}

func (s *script) tenures(name string) *Record {
	return s.Report(Query{Kind: QueryTenures, Name: name}, roomy).Record
}

func TestTheRecordTellsHowTenuresEnded(t *testing.T) {
	alice, bob := SessionID(at(1, 1)), SessionID(at(1, 2))
	acquire := with(wanting(alice, 0, 1, "a"), func(t *Terms) { t.Info = "ticket=7" })
	mine := func(end Tenure) Tenure {
		end.Token, end.Session, end.Since, end.Until, end.Info = at(1, 3), alice, 100, 200, "ticket=7"
		return end
	}
	forced := revoking(bob, 1, "a", 0)
	forced.Terms = &Terms{Info: "it hangs"}
	for name, tc := range map[string]struct {
		take, end Command
		want      Tenure
	}{
		"released": {acquire, releasing(alice, 0, 2, "a", at(1, 3)), mine(Tenure{How: LockReleased})},
		"canceled": {acquire, canceling(alice, 0, 2), mine(Tenure{How: LockReleased})},
		"closed":   {acquire, ending(alice), mine(Tenure{How: SessionClosed})},
		"expired":  {acquire, expiring(alice), mine(Tenure{How: LockExpired})},
		"revoked":  {acquire, forced, mine(Tenure{How: LockRevoked, Reason: "it hangs", By: bob})},
		"overheld": {acquire, Command{Verb: EndHold, Name: "a", Token: at(1, 3)}, mine(Tenure{How: LockOverheld})},
		"unlocked": {locking(alice, 0, 1, "a"), unlocking(bob, 0, 1, "a"), Tenure{Token: at(1, 3), Since: 100, Until: 200, How: LockReleased, By: bob}},
		"forced":   {locking(alice, 0, 1, "a"), forced, Tenure{Token: at(1, 3), Since: 100, Until: 200, How: LockRevoked, Reason: "it hangs", By: bob}},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			for i, info := range []Info{"user=alice", "user=bob"} {
				s.apply(Command{Verb: OpenSession, Number: Number(i + 1), Terms: &Terms{Info: info}})
			}
			s.at(100, tc.take)
			lasts := tc.want
			lasts.Until, lasts.How, lasts.By, lasts.Reason = 0, 0, 0, ""
			if got := s.tenures("a"); !got.Whole || !slices.Equal(got.Tenures, []Tenure{lasts}) {
				t.Errorf("while it lasts: %+v", got)
			}
			s.at(200, tc.end)
			if got := s.tenures("a"); !got.Whole || !slices.Equal(got.Tenures, []Tenure{tc.want}) {
				t.Errorf("when it is over: %+v, not %+v", got, tc.want)
			}
			for _, p := range s.tenures("a").Parties {
				if want := map[SessionID]Info{alice: "user=alice", bob: "user=bob"}[p.ID]; p.Info != want {
					t.Errorf("session %d is remembered as %q", p.ID, p.Info)
				}
			}
		})
	}
}

func TestTheRecordTellsTheWait(t *testing.T) {
	s := begin(t)
	one, two := s.open(1), s.open(2)
	s.at(100, wanting(one, 0, 1, "a"))
	s.at(130, wanting(two, 0, 1, "a"))
	s.at(175, releasing(one, 0, 2, "a", at(1, 3)))
	want := []Tenure{
		{Token: at(1, 3), Session: one, Since: 100, Until: 175, How: LockReleased},
		{Token: at(1, 4), Session: two, Since: 175, Waited: 45},
	}
	if got := s.tenures("a").Tenures; !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	s.at(60, releasing(two, 0, 2, "a", at(1, 4))) // taken in by a node whose clock is behind
	if got := s.tenures("a").Tenures[1]; got.Until != 60 || got.Since != 175 {
		t.Errorf("%+v", got)
	}
}

// turns has a session take and give back a lock so often, a moment each.
func (s *script) turns(id SessionID, slot Slot, name string, n int) {
	s.Helper()
	first := s.session(id).slots.at(slot).number
	for i := range Number(n) {
		r := s.at(Millis(s.Index()+1), wanting(id, slot, first+2*i+1, name))
		if s.at(Millis(s.Index()+1), releasing(id, slot, first+2*i+2, name, r.Token)).Outcome != Released {
			s.Fatalf("%q was not held", name)
		}
	}
}

func (s *script) session(id SessionID) *session { return s.sessions[id] }

func TestABusyLockTakesThePastOfNoOther(t *testing.T) {
	s := begin(t)
	s.limits.tenures = 100
	id := s.open(1)
	s.turns(id, 0, "quiet", 1) // entries 2 and 3
	s.turns(id, 0, "busy", 200)
	if got := s.tenures("quiet"); !got.Whole || len(got.Tenures) != 1 {
		t.Errorf("the quiet one: %+v", got)
	}
	got := s.tenures("busy")
	if n := len(got.Tenures); got.Whole || n != MaxLockTenures || got.Tenures[0].Since != got.Forgot+1 || got.Tenures[n-1].Until != 403 {
		t.Errorf("the busy one: %+v", got)
	}
	if none := s.tenures("none"); !none.Whole || len(none.Tenures) != 0 {
		t.Errorf("one that nobody had: %+v", none)
	}
}

func TestTheOldestTenuresOfAllAreForgotten(t *testing.T) {
	for name, bound := range map[string]func(*limits){
		"by number": func(l *limits) { l.tenures = 10 },
		"by bytes":  func(l *limits) { l.recordBytes = 10*len("n/00") + len("k=v") },
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			bound(&s.limits)
			id := s.apply(Command{Verb: OpenSession, Number: 1, Terms: &Terms{Info: "k=v"}}).Session
			for i := range 30 {
				s.turns(id, 0, fmt.Sprintf("n/%02d", i), 1)
			}
			if n := len(s.Snapshot().Record.Tenures); n != 10 {
				t.Errorf("%d tenures are left", n)
			}
			// The last one forgotten is that of n/19, of the entries 40 and 41.
			if got := s.tenures("n/19"); got.Whole || got.Forgot != 41 || len(got.Tenures) != 0 {
				t.Errorf("what is forgotten: %+v", got)
			}
			if got := s.tenures("n/20"); got.Forgot != 41 || len(got.Tenures) != 1 {
				t.Errorf("what is left: %+v", got)
			}
		})
	}
}

// Who listens to clocks that disagree is not told that something is known which
// is not: what counts is the latest end of all that was forgotten.
func TestWhatWasForgottenCountsByItsLatestEnd(t *testing.T) {
	s := begin(t)
	s.limits.lockTenures, s.limits.tenures = 1, 2
	id := s.open(1)
	turn := func(name string, until Millis) {
		n := s.session(id).slots.at(0).number
		r := s.at(1, wanting(id, 0, n+1, name))
		s.at(until, releasing(id, 0, n+2, name, r.Token))
	}
	turn("a", 900)
	turn("a", 300) // forgets 900 of a
	if got := s.tenures("a"); got.Whole || got.Forgot != 900 || len(got.Tenures) != 1 {
		t.Errorf("%+v", got)
	}
	turn("b", 400)
	turn("c", 500) // forgets all of a
	if got := s.tenures("x"); got.Whole || got.Forgot != 900 {
		t.Errorf("%+v", got)
	}
}

func TestPagesOfARecordHaveEverythingOnce(t *testing.T) {
	s := begin(t)
	ids := make([]SessionID, 5)
	for i := range ids {
		info := Info("k=" + strings.Repeat("x", 100*i))
		ids[i] = s.apply(Command{Verb: OpenSession, Number: Number(i + 1), Terms: &Terms{Info: info}}).Session
	}
	for i := range 40 {
		s.turns(ids[i%5], 0, "a", 1)
	}
	for i := range 40 {
		s.apply(shared(wanting(ids[i%5], 1, Number(i+1), "a")))
	}
	whole := s.tenures("a")
	if len(whole.Tenures) != MaxLockTenures+40 || len(whole.Parties) != 5 {
		t.Fatalf("%d tenures and %d parties", len(whole.Tenures), len(whole.Parties))
	}
	for _, room := range []int{0, 1, 500, 1300, 5000} {
		var got []Tenure
		q := Query{Kind: QueryTenures, Name: "a"}
		for more := true; more; q.Token = got[len(got)-1].Token {
			page := s.Report(q, room)
			for _, one := range page.Record.Tenures {
				if !slices.ContainsFunc(page.Record.Parties, func(p Party) bool { return p.ID == one.Session }) {
					t.Fatalf("in pages of %d bytes one has a tenure and not its session", room)
				}
			}
			got, more = append(got, page.Record.Tenures...), page.More
		}
		if !slices.Equal(got, whole.Tenures) {
			t.Errorf("in pages of %d bytes: %d tenures", room, len(got))
		}
	}
}

// A snapshot of a node that keeps no record: nothing is known of what was before
// the next entry, and that is said.
func TestARecordBeginsBehindASnapshotWithoutOne(t *testing.T) {
	s := begin(t)
	id := s.open(1)
	s.at(50, wanting(id, 0, 1, "a"))
	old := s.Snapshot()
	old.Record = nil
	table, err := Restore(old)
	if err != nil {
		t.Fatal(err)
	}
	s.Table = table
	if got := s.tenures("a"); got.Whole || got.Forgot != 0 || len(got.Tenures) != 1 || got.Tenures[0].Since != 50 {
		t.Errorf("at once: %+v", got)
	}
	s.at(70, opening(2))
	s.at(80, opening(3))
	if got := s.tenures("a"); got.Whole || got.Forgot != 70 {
		t.Errorf("later: %+v", got)
	}
	again, err := Restore(s.Snapshot())
	if err != nil || !reflect.DeepEqual(again.Snapshot(), s.Snapshot()) {
		t.Errorf("%v: %+v", err, again)
	}
}

// Nodes that keep no record must not be told that they have come apart.
func TestTheRecordIsNoPartOfTheDigest(t *testing.T) {
	s := begin(t)
	id := s.open(1)
	s.turns(id, 0, "a", 3)
	s.apply(wanting(id, 1, 1, "b"))
	s.apply(wanting(id, 2, 1, "b"))
	s.at(90, releasing(id, 3, 1, "b", at(1, 5)))
	s.apply(locking(id, 4, 1, "c"))
	snap := s.Snapshot()
	snap.Record, snap.Grants[0].Waited, snap.Locks[0].Since = nil, 0, 0
	without, err := Restore(snap)
	if err != nil || without.Digest() != s.Digest() {
		t.Errorf("%x and %x: %v", without.Digest(), s.Digest(), err)
	}
}

func TestTheRecordKeepsNoFrames(t *testing.T) {
	s := begin(t)
	frame := strings.Repeat("x", 64<<10)
	id := s.open(1)
	s.apply(locking(id, 0, 1, frame[:3]))
	s.apply(unlocking(id, 0, 2, frame[:3]))
	forced := revoking(id, 3, "yyy", 0)
	forced.Terms = &Terms{Info: Info(frame[:5])}
	s.apply(with(wanting(id, 1, 1, "yyy"), func(t *Terms) { t.Info = Info(frame[:4]) }))
	s.apply(forced)
	record := s.Snapshot().Record
	if len(record.Tenures) != 2 || within(record.Tenures[0].Name, frame) ||
		within(string(record.Tenures[1].Info), frame) || within(record.Tenures[1].Reason, frame) {
		t.Errorf("a few bytes keep 64 KiB alive: %d tenures", len(record.Tenures))
	}
}

// A tenure costs no allocation once the record is full.
func TestATenureCostsNoAllocation(t *testing.T) {
	s := begin(t)
	s.limits.tenures = 500
	id := s.open(1)
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("n/%03d", i))
	}
	n := Number(1)
	pair := func() {
		name := names[int(n/2)%len(names)]
		r := s.apply(wanting(id, 0, n, name))
		s.apply(releasing(id, 0, n+1, name, r.Token))
		n += 2
	}
	for range 1000 {
		pair()
	}
	// One is the lock's own: the table copies the name of a lock that it begins to know.
	if got := testing.AllocsPerRun(1000, pair); got > 1 {
		t.Errorf("a lock that is taken and given back costs %v allocations", got)
	}
}
