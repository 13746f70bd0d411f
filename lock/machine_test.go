package lock

import (
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var small = limits{
	locks: 5, sessions: 4, waits: 5, lockWaits: 4, sessionLocks: 5, sessionWaits: 3,
	tenures: 6, lockTenures: 3, recordBytes: 12,
}

func smallTable() *Table {
	t := NewTable()
	t.limits = small
	return t
}

// player draws a history in which requests of few sessions, slots and names meet,
// repeat and overtake each other. It looks at a table of its own only to know
// what there is to ask about.
type player struct {
	*rapid.T
	shadow *Table
	view   View
	past   []SessionID // ended ones too
	last   map[SessionID]map[Slot]Number
}

func newPlayer(t *rapid.T) *player {
	return &player{T: t, shadow: smallTable(), view: View(rapid.IntRange(1, 300).Draw(t, "view")),
		past: []SessionID{0}, last: map[SessionID]map[Slot]Number{}}
}

func anyEntries(t *rapid.T) []Entry {
	p := newPlayer(t)
	var entries []Entry
	for range rapid.IntRange(0, 80).Draw(t, "entries") {
		entries = append(entries, p.next())
	}
	return entries
}

func (p *player) next() Entry {
	p.view += View(rapid.SampledFrom([]int{0, 0, 0, 0, 0, 1, 2, 1000}).Draw(p.T, "rise"))
	e := Entry{View: p.view, Index: p.shadow.Index() + 1, Command: p.command()}
	if r := p.shadow.Apply(e); r.Outcome == Opened {
		p.past = append(p.past, r.Session)
	}
	return e
}

func pick[T any](p *player, label string, from ...T) T {
	return rapid.SampledFrom(from).Draw(p.T, label)
}

func (p *player) command() Command {
	var verbs []Verb
	for range 4 {
		verbs = append(verbs, Acquire, Acquire, Acquire, Acquire, Acquire, Acquire, Release, Release, Lock, Unlock, Cancel)
	}
	verbs = append(verbs, Reopen, Reopen, EndHold, Revoke, Expire, CloseSession, OpenSession)
	c := Command{Verb: pick(p, "verb", verbs...), Name: pick(p, "name", "a", "b", "c", "d"), At: Millis(p.shadow.Index())}
	if len(p.shadow.sessions) < 2 || len(p.shadow.sessions) < 4 && pick(p, "more", false, false, false, false, true) {
		c.Verb = OpenSession
	}
	switch c.Verb {
	case OpenSession:
		c.Number = Number(rapid.IntRange(1, 6).Draw(p.T, "nonce"))
		c.Terms = pick(p, "terms", nil, &Terms{TTL: MaxTTL, Info: "k=v"})
		return c
	case EndHold, Release, Revoke:
		c.Name, c.Token = p.holding()
	case Reopen:
		c.Name, c.Token = p.delay()
	}
	if !c.Verb.OfClock() || c.Verb == Expire {
		c.Session = p.session()
	}
	if c.Verb == Release && c.Token != 0 && pick(p, "its own", true, true, true, false) {
		c.Session = p.shadow.find(c.Name, c.Token).session.id
	}
	if c.Verb.InSlot() {
		p.number(&c)
	}
	if c.Verb == Acquire {
		p.acquire(&c)
	}
	return c
}

// session draws an open session most often.
func (p *player) session() SessionID {
	if pick(p, "open", true, true, true, true, true, true, true, true, true, false) {
		return pick(p, "session", slices.Sorted(maps.Keys(p.shadow.sessions))...)
	}
	return pick(p, "past", p.past...)
}

// number draws the next number of a slot most often.
func (p *player) number(c *Command) {
	c.Slot = pick(p, "slot", Slot(0), 1, 2, 4095)
	if p.last[c.Session] == nil {
		p.last[c.Session] = map[Slot]Number{}
	}
	last := p.last[c.Session][c.Slot]
	c.Number = max(1, last+pick(p, "number", Number(1), 1, 1, 1, 1, 1, 1, 1, 2, 0, ^Number(0)))
	p.last[c.Session][c.Slot] = max(last, c.Number)
}

// holding draws a grant that there is, or none.
func (p *player) holding() (string, Token) {
	var all []Holding
	for _, g := range p.shadow.Snapshot().Grants {
		all = append(all, Holding{g.Name, g.Token})
		if g.Terms != nil && len(g.Terms.And) > 0 {
			all = append(all, Holding{g.Terms.And[0].Name, g.Token})
		}
	}
	h := pick(p, "grant", append(all, Holding{"a", 0})...)
	return h.Name, h.Token
}

func (p *player) delay() (string, Token) {
	var all []Holding
	for d := range p.shadow.Delays() {
		all = append(all, Holding{d.Name, d.Token})
	}
	h := pick(p, "delay", append(all, Holding{"a", 1})...)
	return h.Name, h.Token
}

// acquire draws what an Acquire asks for.
func (p *player) acquire(c *Command) {
	c.Wait = pick(p, "wait", true, true, false)
	w := p.want(c.Name)
	c.Mode = w.Mode
	if w.Mode != Counted && rapid.Bool().Draw(p.T, "plain") {
		return
	}
	t := &Terms{Permits: w.Permits, Of: w.Of}
	for _, name := range []string{"a", "b", "c"} {
		if name != c.Name && pick(p, "and", true, false, false, false) {
			t.And = append(t.And, p.want(name))
		}
	}
	t.Under.Name, t.Under.Token = p.holding()
	t.Reentrant = pick(p, "reentrant", true, false, false)
	t.AllowDeadlock = pick(p, "allow", true, false, false, false, false, false, false)
	if !t.Reentrant {
		t.MaxHold = pick(p, "hold", Millis(0), 0, 5000)
	}
	t.LockDelay = pick(p, "delay", Millis(0), 0, 0, 7000)
	t.Info = pick(p, "info", Info(""), "a=b")
	c.Terms = t
}

func (p *player) want(name string) Want {
	return pick(p, "want", Want{Name: name}, Want{Name: name}, Want{Name: name, Mode: Shared}, Want{Name: name, Mode: Shared},
		Want{Name: name, Mode: Counted, Permits: 1, Of: 2}, Want{Name: name, Mode: Counted, Permits: 1, Of: 3},
		Want{Name: name, Mode: Counted, Permits: 2, Of: 3}, Want{Name: name, Mode: Counted, Permits: 3, Of: 3})
}

func TestTheTableDoesWhatTheModelDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, table, m := newPlayer(t), smallTable(), &model{free: small}
		record := newModelRecord(small)
		for range rapid.IntRange(0, 120).Draw(t, "entries") {
			e := p.next()
			got := table.Apply(e)
			want := m.apply(e, got.Outcome)
			if (got.Outcome == Deadlock) != (got.Cycle != "") {
				t.Fatalf("entry %+v: %+v", e, got)
			}
			got.Cycle = ""
			if got != want {
				t.Fatalf("entry %+v: %+v, but the model says %+v", e, got, want)
			}
			compare(t, table, m)
			record.note(e, m)
			compareRecord(t, table, record)
			checkInvariants(t, table)
		}
	})
}

// compare holds what can be seen of a table against the model.
func compare(t *rapid.T, table *Table, m *model) {
	events := slices.Clone(table.Events())
	for i := range events {
		events[i].Index, events[i].At, events[i].Since = 0, 0, 0
	}
	if !slices.Equal(events, m.events) {
		t.Fatalf("entry %d: events %+v, but the model tells %+v", table.Index(), events, m.events)
	}
	if got, want := picture(table), m.picture(); !reflect.DeepEqual(got, want) {
		t.Fatalf("entry %d: the table is\n%v\nbut the model is\n%v", table.Index(), got, want)
	}
	if !slices.IsSorted(m.drawn) {
		t.Fatal("what is drawn does not rise") // S3, S4
	}
	if n := len(m.drawn); n > 0 && table.last != m.drawn[n-1] {
		t.Fatalf("the table has drawn %d last, the model %d", table.last, m.drawn[n-1])
	}
}

// picture tells a table in lines.
func picture(table *Table) []string {
	snap := table.Snapshot()
	var lines []string
	for _, l := range snap.Locks {
		lines = append(lines, fmt.Sprint("held 0 ", l.Token, " 1 ", []Want{{Name: l.Name}}))
	}
	wants := func(name string, mode Mode, terms *Terms) []Want {
		c := Command{Name: name, Mode: mode, Terms: terms}
		return slices.Collect(c.wants())
	}
	for _, g := range snap.Grants {
		lines = append(lines, fmt.Sprint("held ", g.Session, " ", g.Token, " ", g.Count, " ", wants(g.Name, g.Mode, g.Terms)))
	}
	slices.Sort(lines)
	for _, w := range snap.Waits {
		lines = append(lines, fmt.Sprint("waits ", w.Session, " ", w.Slot, " ", wants(w.Name, w.Mode, w.Terms)))
	}
	for _, s := range snap.Sessions {
		lines = append(lines, fmt.Sprint("session ", s.ID, " ", s.TTL, " ", s.Revoked))
		for _, slot := range s.Slots {
			slot.Answer.Cycle = ""
			lines = append(lines, fmt.Sprint(slot.Slot, " ", slot.Number, " ", slot.Answer))
		}
	}
	for _, d := range snap.Delays {
		lines = append(lines, fmt.Sprint("shut ", d.Name, " ", d.Token))
	}
	return lines
}

func (m *model) picture() []string {
	var lines []string
	for _, g := range m.held {
		id := SessionID(0)
		if g.session != nil {
			id = g.session.id
		}
		lines = append(lines, fmt.Sprint("held ", id, " ", g.token, " ", g.count, " ", g.locks))
	}
	slices.Sort(lines)
	for _, w := range m.waits {
		lines = append(lines, fmt.Sprint("waits ", w.session.id, " ", w.request.Slot, " ", w.locks))
	}
	for _, s := range m.open {
		lines = append(lines, fmt.Sprint("session ", s.id, " ", s.ttl, " ", s.lost))
		for _, slot := range slices.Sorted(maps.Keys(s.answers)) {
			lines = append(lines, fmt.Sprint(slot, " ", s.answers[slot].number, " ", s.answers[slot].result))
		}
	}
	slices.SortFunc(m.shut, byTokenAndName)
	for _, h := range m.shut {
		lines = append(lines, fmt.Sprint("shut ", h.Name, " ", h.Token))
	}
	return lines
}

// checkInvariants looks at what must always be true of a table's inside.
func checkInvariants(t *rapid.T, table *Table) {
	tokens, idle := map[Token]bool{}, 0
	for name, l := range table.owned {
		_, ownerless := table.locks[name]
		if p := l.past(); l.name != name || l.idle() != (p != nil && p.idle) || p != nil && (p.lock != l || p.n == 0) {
			t.Fatalf("lock %q is kept as %q, idle %v, %+v", name, l.name, l.idle(), p)
		}
		if l.idle() {
			idle++
		}
		if ownerless && len(l.holders()) > 0 {
			t.Fatalf("%q is held with and without an owner", name) // S1
		}
		checkShares(t, l)
		for _, c := range slices.Concat(l.holders(), l.queue()) {
			if table.sessions[c.session.id] != c.session {
				t.Fatalf("the session of a claim to %q is gone", name) // S2
			}
			for p := range c.parts() {
				inQueue, inHolders := slices.Contains(p.lock.queue(), c), slices.Contains(p.lock.holders(), c)
				if inQueue == inHolders || inHolders != (c.token != 0) {
					t.Fatalf("a claim to %q has a part of its locks", name) // S8
				}
			}
		}
		for _, c := range l.queue() {
			if s := c.session.slots.at(c.slot); s.outcome != Waiting || s.claim != c {
				t.Fatalf("a slot does not know that it waits for %q", name) // S6
			}
			if table.turnOf(c) {
				t.Fatalf("%q is kept from who could have it", name) // S6
			}
		}
	}
	if idle != table.idle {
		t.Fatalf("%d locks are idle, and %d are counted", idle, table.idle)
	}
	for _, s := range table.sessions {
		for g := range s.grants.all() {
			if tokens[g.token] || uint64(g.token) > table.last {
				t.Fatalf("token %d twice, or not drawn", g.token) // S3
			}
			tokens[g.token] = true
		}
	}
	for _, spare := range table.spare.claims {
		if *spare != (claim{}) {
			t.Fatal("a spare claim remembers something")
		}
	}
}

func checkShares(t *rapid.T, l *ownedLock) {
	var sum occupancy
	for _, g := range l.holders() {
		if s := g.shareOf(l); !sum.admits(s) {
			t.Fatalf("lock %q has too many holders", l.name) // S1
		} else {
			sum.add(s)
		}
	}
	if now := l.occupied(); now.holders != sum.holders || now.used != sum.used {
		t.Fatalf("lock %q counts %+v, not %+v", l.name, now, sum)
	}
	ascends := slices.IsSortedFunc(l.queue(), byQueued)
	if !ascends {
		t.Fatalf("the queue of %q is out of order", l.name) // S6
	}
}

// A table restored from a snapshot after any prefix equals the table that went
// on, at once and after every later entry. So does the digest that Restore
// computes afresh and the one that was kept in step.
func TestASnapshotAfterAnyPrefixContinuesAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := anyEntries(t)
		cut := rapid.IntRange(0, len(entries)).Draw(t, "cut")
		table := smallTable()
		for _, e := range entries[:cut] {
			table.Apply(e)
		}
		snap := table.Snapshot()
		restored := restore(t, snap)
		mustEqual(t, table, restored)
		for _, e := range entries[cut:] {
			if a, b := table.Apply(e), restored.Apply(e); a != b {
				t.Fatalf("entry %+v: %+v, restored %+v", e, a, b)
			}
			mustEqual(t, table, restored)
			if !slices.Equal(table.Events(), restored.Events()) {
				t.Fatalf("entry %+v: events %+v, restored %+v", e, table.Events(), restored.Events())
			}
		}
		if again := restore(t, snap).Snapshot(); !reflect.DeepEqual(again, snap) {
			t.Fatal("the snapshot changed with the table that gave it")
		}
	})
}

func restore(t *rapid.T, snap Snapshot) *Table {
	restored, err := Restore(snap)
	if err != nil {
		t.Fatal(err)
	}
	restored.limits = small
	return restored
}

func mustEqual(t *rapid.T, a, b *Table) {
	if a.Index() != b.Index() || a.Digest() != b.Digest() {
		t.Fatalf("at %d with digest %x, but at %d with %x", a.Index(), a.Digest(), b.Index(), b.Digest())
	}
	if !reflect.DeepEqual(a.Snapshot(), b.Snapshot()) {
		t.Fatalf("snapshots differ:\n%+v\n%+v", a.Snapshot(), b.Snapshot())
	}
	locks, sessions := a.Size()
	if l, s := b.Size(); l != locks || s != sessions {
		t.Fatalf("%d locks and %d sessions, but %d and %d", locks, sessions, l, s)
	}
	for _, walk := range []func(*Table) iter.Seq[Timed]{(*Table).Sessions, (*Table).MaxHolds, (*Table).Delays} {
		if !slices.Equal(slices.Collect(walk(a)), slices.Collect(walk(b))) {
			t.Fatal("the clock would count differently")
		}
	}
	for _, q := range []Query{{Kind: QueryLocks, Waiters: true}, {Kind: QueryDeadlocks}, {Kind: QueryTenures, Name: "a"}} {
		if !reflect.DeepEqual(a.Report(q, 1<<20), b.Report(q, 1<<20)) {
			t.Fatalf("query %+v is answered differently", q)
		}
	}
}

// decisive is what the digest is of: no place in the order, and no record.
func decisive(snap Snapshot) Snapshot {
	snap.Index, snap.Record = 0, nil
	for i := range snap.Locks {
		snap.Locks[i].Since = 0
	}
	for i := range snap.Grants {
		snap.Grants[i].Waited = 0
	}
	return snap
}

// Two tables that differ in anything have different digests, as far as one can
// try.
func TestDifferentStatesHaveDifferentDigests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := smallTable(), smallTable()
		for _, e := range anyEntries(t) {
			a.Apply(e)
		}
		for _, e := range anyEntries(t) {
			b.Apply(e)
		}
		one, two := a.Snapshot(), b.Snapshot()
		one, two = decisive(one), decisive(two)
		if same := reflect.DeepEqual(one, two); same != (a.Digest() == b.Digest()) {
			t.Fatalf("equal states: %v, equal digests: %v", same, !same)
		}
	})
}
