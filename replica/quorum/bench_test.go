package quorum

import (
	"slices"
	"testing"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// BenchmarkOrder is what three cores do for one command, with 1,024 outstanding:
// no table, no network, no disk.
func BenchmarkOrder(b *testing.B) {
	l := newLoop(b)
	commands := make([]lock.Command, 1024)
	for i := range commands {
		commands[i] = lock.Command{Verb: lock.Lock, Session: 1 << 40, Slot: lock.Slot(i), Name: "deploy"}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += len(commands) {
		for chunk := range slices.Chunk(commands, 128) {
			l.step(l.primary, replica.Submit{Commands: chunk})
		}
		l.run()
	}
}

// loop carries messages between cores at once.
type loop struct {
	b       *testing.B
	cores   map[replica.NodeID]*Quorum
	queue   []sent
	primary replica.NodeID
	applied int
}

type sent struct {
	from replica.NodeID
	replica.Send
}

func newLoop(b *testing.B) *loop {
	l := &loop{b: b, cores: map[replica.NodeID]*Quorum{}}
	peers := peersOf("abc")
	for i, p := range peers {
		core, err := New(Config{Name: p.Name, Address: p.Address, Peers: peers, Incarnation: 1, Member: replica.MemberID(i + 1), NewCluster: 5, Codec: &messages.Codec{}}, replica.Recovered{})
		if err != nil {
			b.Fatal(err)
		}
		l.cores[p.Address] = core
	}
	for range 50 {
		for _, p := range peers {
			l.step(p.Address, replica.Tick{})
		}
		l.run()
	}
	for _, p := range peers {
		if l.cores[p.Address].ready() {
			l.primary = p.Address
		}
	}
	if l.primary == "" {
		b.Fatal("no primary")
	}
	return l
}

func (l *loop) step(to replica.NodeID, ev replica.Event) {
	core := l.cores[to]
	for _, e := range core.Step(ev) {
		switch e := e.(type) {
		case replica.Send:
			l.queue = append(l.queue, sent{to, e})
		case replica.Persist:
			defer l.step(to, replica.Synced{View: e.View})
		case replica.Apply:
			l.applied += len(e.Entries)
		}
	}
}

func (l *loop) run() {
	for len(l.queue) > 0 {
		s := l.queue[0]
		l.queue = l.queue[1:]
		l.step(s.To, replica.Received{From: s.from, Incarnation: 1, Cluster: l.cores[s.from].cluster, Message: s.Message})
	}
}
