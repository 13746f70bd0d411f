package lock

import (
	"fmt"
	"testing"
)

// BenchmarkApplyLockUnlock locks and unlocks names in turn, as many sessions'
// clerks would; an operation is one entry.
func BenchmarkApplyLockUnlock(b *testing.B) {
	const sessions, slots, names = 64, 64, 10_000
	table := NewTable()
	apply := func(c Command) Result {
		return table.Apply(Entry{View: 1, Index: table.Index() + 1, Command: c})
	}
	var ids [sessions]SessionID
	for i := range ids {
		ids[i] = apply(opening(Number(i + 1))).Session
	}
	var name [names]string
	for i := range name {
		name[i] = fmt.Sprintf("locks/%05d", i)
	}
	verbs := [2]Verb{Lock, Unlock}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		apply(Command{
			Session: ids[i%sessions], Slot: Slot(i / sessions % slots), Number: Number(i/(sessions*slots) + 1),
			Verb: verbs[i%2], Name: name[i/2%names],
		})
	}
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
