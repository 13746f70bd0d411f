package lock

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// pairs plays commands that come in pairs, a taking and a giving back, as many
// sessions would; an operation is one entry.
func pairs(b *testing.B, taking, giving Command) { pairsIn(b, NewTable(), taking, giving) }

func pairsIn(b *testing.B, table *Table, taking, giving Command) {
	const sessions, slots, names = 64, 64, 10_000
	apply := func(c Command) Result {
		return table.Apply(Entry{View: 1, Index: table.Index() + 1, Command: c})
	}
	var ids [sessions]SessionID
	for i := range ids {
		ids[i] = apply(opening(Number(i + 1_000_000))).Session
	}
	var name [names]string
	for i := range name {
		name[i] = fmt.Sprintf("pairs/%05d", i)
	}
	both := [2]Command{taking, giving}
	var token Token
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c := both[i%2]
		pair := i / 2
		c.Session, c.Name, c.Token = ids[pair%sessions], name[pair%names], token
		c.Slot, c.Number = Slot(pair/sessions%slots), Number(pair/(sessions*slots)*2+i%2+1)
		result := apply(c)
		if result.Outcome != Granted && result.Outcome != Released {
			b.Fatalf("%+v: %+v", c, result)
		}
		token = result.Token
	}
}

func BenchmarkApplyLockUnlock(b *testing.B) {
	pairs(b, Command{Verb: Lock}, Command{Verb: Unlock})
}

func BenchmarkApplyAcquireRelease(b *testing.B) {
	pairs(b, Command{Verb: Acquire, Wait: true}, Command{Verb: Release})
}

// BenchmarkApplyAmong100k is the same beside very many locks that are held.
func BenchmarkApplyAmong100k(b *testing.B) {
	b.Run("ownerless", func(b *testing.B) { pairsIn(b, holding(Lock), Command{Verb: Lock}, Command{Verb: Unlock}) })
	b.Run("owned", func(b *testing.B) {
		pairsIn(b, holding(Acquire), Command{Verb: Acquire, Wait: true}, Command{Verb: Release})
	})
}

func BenchmarkApplyAcquireReleaseOfFour(b *testing.B) {
	terms := &Terms{And: []Want{{Name: "x"}, {Name: "y", Mode: Shared}, {Name: "z"}}}
	pairs(b, Command{Verb: Acquire, Wait: true, Terms: terms}, Command{Verb: Release})
}

// BenchmarkApplyHandOff passes one lock on among 16 waiters; an operation is a
// grant: a Release, and the Acquire that queues anew.
func BenchmarkApplyHandOff(b *testing.B) {
	const waiters = 16
	table := NewTable()
	apply := func(c Command) Result {
		return table.Apply(Entry{View: 1, Index: table.Index() + 1, Command: c})
	}
	var ids [waiters]SessionID
	for i := range ids {
		ids[i] = apply(opening(Number(i + 1))).Session
	}
	for _, id := range ids {
		apply(Command{Session: id, Number: 1, Verb: Acquire, Name: "a", Wait: true})
	}
	b.ReportAllocs()
	n := Number(2)
	for i := 0; b.Loop(); i++ {
		id := ids[i%waiters]
		apply(Command{Session: id, Number: n, Verb: Release, Name: "a", Token: table.sessions[id].slots.at(0).token})
		apply(Command{Session: id, Number: n + 1, Verb: Acquire, Name: "a", Wait: true})
		if i%waiters == waiters-1 {
			n += 2
		}
	}
}

// BenchmarkHeldLock tells how many live bytes a held lock takes, its name
// included, for ownerless and for owned ones.
func BenchmarkHeldLock(b *testing.B) {
	for name, verb := range map[string]Verb{"ownerless": Lock, "owned": Acquire} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(float64(bytesOf(func() *Table { return holding(verb) }))/100_000, "B/lock")
			}
		})
	}
}

func bytesOf(fill func() *Table) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	table := fill()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(table)
	return after.HeapAlloc - before.HeapAlloc
}

// holding returns a table with 100,000 locks that 100 sessions have taken, each
// through one slot.
func holding(verb Verb) *Table {
	table := NewTable()
	apply := func(c Command) Result {
		return table.Apply(Entry{View: 1, Index: table.Index() + 1, Command: c})
	}
	for s := range 100 {
		id := apply(opening(Number(s + 1))).Session
		for i := range 1000 {
			apply(Command{Session: id, Number: Number(i + 1), Verb: verb, Name: fmt.Sprintf("locks/%04d/%04d", s, i)})
		}
	}
	return table
}

// full returns a table with 100,000 locks that 1,000 sessions have taken.
func full() *Table {
	table := NewTable()
	apply := func(c Command) Result {
		return table.Apply(Entry{View: 1, Index: table.Index() + 1, Command: c})
	}
	for s := range 1000 {
		id := apply(opening(Number(s + 1))).Session
		for i := range 100 {
			apply(locking(id, Slot(i), 1, fmt.Sprintf("locks/%04d/%03d", s, i)))
		}
	}
	return table
}

func BenchmarkSnapshot100k(b *testing.B) {
	table := full()
	b.ReportAllocs()
	for b.Loop() {
		table.Snapshot()
	}
}

func BenchmarkRestore100k(b *testing.B) {
	snap := full().Snapshot()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Restore(snap); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkApplyWaitUnderALock queues a client that holds a lock of its own
// behind many others like it, and cancels.
func BenchmarkApplyWaitUnderALock(b *testing.B) {
	for _, n := range []int{1000, 4000, 16_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			table := crowded(b, n)
			apply := func(c Command) Result {
				return table.Apply(Entry{View: 1, Index: table.Index() + 1, Command: c})
			}
			id := apply(opening(Number(n + 2))).Session
			token := apply(wanting(id, 0, 1, "own")).Token
			for i := Number(1); b.Loop(); i += 2 {
				apply(under(wanting(id, 1, i, "hot"), "own", token))
				apply(canceling(id, 1, i+1))
			}
		})
	}
}

// BenchmarkApplyReentrant enters a grant of a lock that many others share.
func BenchmarkApplyReentrant(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			table := NewTable()
			apply := func(c Command) Result {
				return table.Apply(Entry{View: 1, Index: table.Index() + 1, Command: c})
			}
			crowd, id := apply(opening(1)).Session, apply(opening(2)).Session
			for i := range n {
				apply(shared(wanting(crowd, 0, Number(i+1), "a")))
			}
			c := with(shared(wanting(id, 0, 1, "a")), func(t *Terms) { t.Reentrant = true })
			for ; b.Loop(); c.Number++ {
				apply(c)
			}
		})
	}
}

// BenchmarkApplyRevokeAll takes a lock from very many who share it, of one
// session: an operation is one entry.
func BenchmarkApplyRevokeAll(b *testing.B) {
	table := NewTable()
	apply := func(c Command) Result {
		return table.Apply(Entry{View: 1, Index: table.Index() + 1, Command: c})
	}
	id := apply(Command{Verb: OpenSession, Number: 1, Terms: &Terms{Info: Info("a=" + strings.Repeat("x", MaxInfoBytes-2))}}).Session
	reason := &Terms{Info: Info(strings.Repeat("x", MaxReasonBytes))}
	n := Number(1)
	for b.Loop() {
		b.StopTimer()
		for range MaxSessionLocks {
			apply(shared(wanting(id, 0, n, "a")))
			n++
		}
		b.StartTimer()
		apply(Command{Session: id, Slot: 1, Number: n, Verb: Revoke, Name: "a", Terms: reason})
	}
}

// BenchmarkDeadlocks looks for deadlocks among many waits, of which none is in
// any.
func BenchmarkDeadlocks(b *testing.B) {
	for _, n := range []int{1000, 4000, 16_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			table := crowded(b, n)
			for b.Loop() {
				table.deadlocks()
			}
		})
	}
}

// BenchmarkListAll lists all of many locks, page by page.
func BenchmarkListAll(b *testing.B) {
	for _, n := range []int{30_000, 300_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			table := NewTable()
			apply := func(c Command) Result {
				return table.Apply(Entry{View: 1, Index: table.Index() + 1, Command: c})
			}
			id := apply(opening(1)).Session
			for i := range n {
				apply(locking(id, 0, Number(i+1), fmt.Sprintf("locks/%07d", i)))
			}
			for b.Loop() {
				q := Query{Kind: QueryLocks}
				for r := table.Report(q, 128<<10); r.More; r = table.Report(q, 128<<10) {
					q.After = r.Locks[len(r.Locks)-1].Name
				}
			}
		})
	}
}
