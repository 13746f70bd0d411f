package actors

import (
	"fmt"
	"log/slog"
	"testing"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// nowhere is a Mail that sends nothing.
type nowhere struct{}

func (nowhere) Send(replica.NodeID, messages.Parcel) {}
func (nowhere) Reset(replica.NodeID)                 {}
func (nowhere) SetCluster(replica.ClusterID)         {}
func (nowhere) Befriend([]replica.NodeID)            {}

// benchBatch is how many entries come at once.
const benchBatch = 64

// benchmarkApply measures what an entry costs from its coming to its answer. The
// pair of commands takes a lock and gives it back; token is zero at first.
func benchmarkApply(b *testing.B, take, giveBack lock.Verb) {
	table := NewLockTable(nowhere{}, nodeTick, slog.New(slog.DiscardHandler))
	index := lock.Index(1)
	table.apply(replica.Apply{Entries: []lock.Entry{entry(index, openSession(99))}})
	session := lock.SessionID(1<<40 | 1)
	table.began(replica.Began{View: 1})
	var names [benchBatch]string
	for i := range names {
		names[i] = fmt.Sprintf("locks/%04d", i)
	}
	drawn := lock.Token(session)
	b.ReportAllocs()
	for n := 0; b.Loop(); n += benchBatch {
		round := n / benchBatch
		entries := make([]lock.Entry, benchBatch)
		for i := range entries {
			index++
			c := lock.Command{Session: session, Slot: lock.Slot(i), Number: lock.Number(round + 1), Verb: take, Name: names[i]}
			if round%2 == 1 {
				c.Verb, c.Token = giveBack, drawn-lock.Token(benchBatch-1-i)
			}
			entries[i] = entry(index, c)
			table.asked[c.ID()] = client
		}
		if round%2 == 0 {
			drawn += benchBatch
		}
		table.apply(replica.Apply{Entries: entries})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchBatch), "ns/entry")
}

func BenchmarkApplyOwnerless(b *testing.B) { benchmarkApply(b, lock.Lock, lock.Unlock) }
func BenchmarkApplyOwned(b *testing.B)     { benchmarkApply(b, lock.Acquire, lock.Release) }
