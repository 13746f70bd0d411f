package replica

import (
	"testing"

	"lockstep/lock"
)

// lasting makes a node durable.
func lasting(cfg *PairConfig) { cfg.Durable, cfg.Codec = true, gobCodec{} }

// lastingPair is a durable primary in view 1 whose backup has started.
func lastingPair(t *testing.T, change ...func(*PairConfig)) *Pair {
	t.Helper()
	cfg := newTestPrimary(false).cfg
	lasting(&cfg)
	for _, f := range change {
		f(&cfg)
	}
	p := NewPair(cfg)
	p.Step(fromBackup(Hello{Role: Joining, Pair: [2]NodeID{"a", "b"}, Knows: 1}))
	written(p)
	p.Step(fromBackup(Ack{View: 1}))
	if !p.paired() {
		t.Fatalf("%s in view %d", p.role, p.view)
	}
	return p
}

// lastingBackup is the other node of that pair.
func lastingBackup(t *testing.T) *Pair {
	t.Helper()
	cfg := PairConfig{Pair: [2]NodeID{"a", "b"}, Incarnation: 1, SuspectTicks: MinSuspectTicks}
	lasting(&cfg)
	p := NewPair(cfg)
	p.Step(fromPrimary(Start{View: 1, Cluster: 7, Founding: true}))
	written(p)
	if p.role != Backup {
		t.Fatalf("the role is %s", p.role)
	}
	return p
}

func sent(effects []Effect) (list []Message) {
	for _, e := range effects {
		if s, ok := e.(Send); ok {
			list = append(list, s.Message)
		}
	}
	return list
}

func stores(effects []Effect) (list []Store) {
	for _, e := range effects {
		if s, ok := e.(Store); ok {
			list = append(list, s)
		}
	}
	return list
}

// The entries travel while they are written, and are applied when both have them.
func TestADurablePrimaryNeedsBothDisks(t *testing.T) {
	for name, order := range map[string][2]Event{
		"its own first":      {Stored{Seq: 3}, fromBackup(Ack{View: 1, Index: 1})},
		"the backup's first": {fromBackup(Ack{View: 1, Index: 1}), Stored{Seq: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			p := lastingPair(t)
			effects := p.Step(ofClients(openCommand(1)))
			if _, ok := sent(effects)[0].(Forward); !ok || len(stores(effects)) != 1 || stores(effects)[0].Seq != 3 {
				t.Fatalf("%+v", effects)
			}
			expect(t, told(p, order[0]))
			if next := p.Step(ofClients(openCommand(2))); len(next) != 0 {
				t.Fatalf("with a batch in flight: %+v", next)
			}
			expect(t, told(p, order[1]), applied(entry(1, 1, openCommand(1))))
		})
	}
}

// The backup acknowledges what is on its disk, and answers its own clients when
// the primary has it on disk too.
func TestADurableBackupAcknowledgesWhatIsOnItsDisk(t *testing.T) {
	b := lastingBackup(t)
	effects := b.Step(fromPrimary(Forward{View: 1, Entries: []lock.Entry{entry(1, 1, openCommand(1))}}))
	if len(sent(effects)) != 0 || len(stores(effects)) != 1 {
		t.Fatalf("%+v", effects)
	}
	expect(t, told(b, fromPrimary(Confirm{View: 1, Round: 5})), Send{To: "a", Message: Confirmation{View: 1, Round: 5}})
	if beat := sent(b.Step(Tick{}))[0].(Heartbeat); beat.Index != 0 {
		t.Fatalf("%+v", beat)
	}
	again := sent(b.Step(fromPrimary(Forward{View: 1, Entries: []lock.Entry{entry(1, 1, openCommand(1))}})))
	if len(again) != 1 || again[0] != (Ack{View: 1}) {
		t.Fatalf("%+v", again)
	}
	effects = b.Step(Stored{Seq: b.disk.seq})
	if got := sent(effects); len(got) != 1 || got[0] != (Ack{View: 1, Index: 1}) {
		t.Fatalf("%+v", effects)
	}
	expect(t, told(b, fromPrimary(Confirm{View: 1, Round: 6})), Send{To: "a", Message: Confirmation{View: 1, Round: 6, Index: 1}})
	expect(t, told(b, fromPrimary(Heartbeat{View: 1, Index: 1})), applied(entry(1, 1, openCommand(1))))
}

// A backup that goes on alone has what is on its disk, whoever else has it.
func TestADurableBackupGoesOnWithWhatItHas(t *testing.T) {
	b := lastingBackup(t)
	b.Step(fromPrimary(Forward{View: 1, Entries: []lock.Entry{entry(1, 1, openCommand(1))}}))
	b.Step(Stored{Seq: b.disk.seq})
	stored := b.disk.seq
	b.Step(fromPrimary(Forward{View: 1, Entries: []lock.Entry{entry(1, 2, openCommand(2))}}))
	b.silentTicks(MinSuspectTicks + 1)
	expect(t, told(b, Synced{View: 3}))
	expect(t, told(b, Stored{Seq: stored + 1})) // the entry; its role is next
	// The reign begins when what it has taken over is applied (T3).
	expect(t, told(b, Stored{Seq: stored + 2}),
		applied(entry(1, 1, openCommand(1))), applied(entry(1, 2, openCommand(2))), Began{View: 3})
}

// T3: an entry of the last view that is still on its way to the disk may expire a
// session. No keep-alive is answered, and no time-out begins, before it is applied.
func TestAReignBeginsBehindTheLastOne(t *testing.T) {
	p := lastingPair(t)
	p.Step(ofClients(openCommand(1)))
	entrySeq := p.disk.seq
	p.Step(Received{From: "b", Incarnation: 2, Message: Hello{}}) // it has started again
	p.Step(Barrier{ID: 1})
	// As if the disk had kept the role and not told of the entry yet.
	p.disk.done = p.disk.seq
	expect(t, told(p, Synced{View: 2}))
	expect(t, told(p, Stored{Seq: max(entrySeq, p.disk.seq)}),
		applied(entry(1, 1, openCommand(1))), Began{View: 2}, Confirmed{ID: 1})
}

func TestADurableNodeAloneAnswersWhatIsOnDisk(t *testing.T) {
	p := newTestPrimary(false)
	lasting(&p.cfg)
	p.silentTicks(MinSuspectTicks)
	written(p)
	p.Step(ofClients(openCommand(1)))
	expect(t, told(p, ofClients(openCommand(2), openCommand(3)))) // they queue
	expect(t, told(p, Stored{Seq: p.disk.seq}), applied(entry(1, 1, openCommand(1))))
	expect(t, told(p, Stored{Seq: p.disk.seq}), applied(entry(1, 2, openCommand(2)), entry(1, 3, openCommand(3))))
}

// A survivor that takes the joiner as its backup with a batch on its way to the
// disk answers that batch when the joiner is the backup, not before.
func TestWhatWasUnderWayWaitsForTheNewBackup(t *testing.T) {
	p := lastingPair(t)
	p.Step(fromNewLife(Hello{Role: Joining, Pair: [2]NodeID{"a", "b"}, Knows: 1}))
	written(p)
	p.Step(fromNewLife(Hello{Role: Joining, Pair: [2]NodeID{"a", "b"}, Knows: 1}))
	p.Step(SnapshotTaken{Digest: 5, Bytes: []byte{1}})
	p.Step(ofClients(openCommand(1)))
	p.Step(fromNewLife(Report{View: 2, Installed: true, Digest: 5, Index: 1}))
	if p.role != Primary || !p.starting {
		t.Fatalf("it is %s", p.role)
	}
	var got []Effect
	for _, e := range written(p) {
		if _, ok := e.(Apply); ok {
			got = append(got, e)
		}
	}
	expect(t, got)
	expect(t, told(p, fromNewLife(Ack{View: 3, Index: 1})), applied(entry(2, 1, openCommand(1))), Began{View: 3})
}

// A snapshot is on disk before the START that makes its taker the backup counts,
// and until then the log is no copy.
func TestTheIntakeIsOnDiskFirst(t *testing.T) {
	cfg := PairConfig{Pair: [2]NodeID{"a", "b"}, Incarnation: 1, SuspectTicks: MinSuspectTicks}
	lasting(&cfg)
	b := NewPair(cfg)
	b.Step(fromPrimary(Chunk{View: 2, Base: 4, Total: 1, Bytes: []byte{1}}))
	b.Step(Synced{View: 2})
	effects := b.Step(Installed{Index: 4, Digest: 5, OK: true})
	all := stores(effects)
	if len(all) != 1 || !all[0].Whole || all[0].Snapshot == nil || all[0].Snapshot.Term != 4 {
		t.Fatalf("%+v", effects)
	}
	if says, err := decodeStanding(all[0].State); err != nil || says.whole() {
		t.Fatalf("%+v, %v", says, err)
	}
	effects = b.Step(fromPrimary(Tail{View: 2, Base: 4, Entries: []lock.Entry{entry(2, 5, openCommand(5))}}))
	if len(stores(effects)) != 1 {
		t.Fatalf("%+v", effects)
	}
	before := b.disk.seq
	b.Step(fromPrimary(Start{View: 3, Index: 5, Cluster: 7}))
	if b.role != Backup || b.disk.seq != before+1 {
		t.Fatalf("it is %s", b.role)
	}
	effects = append(b.Step(Synced{View: 3}), b.Step(Stored{Seq: before})...)
	if len(sent(effects)) != 0 {
		t.Fatalf("%+v", effects)
	}
	if got := sent(b.Step(Stored{Seq: before + 1})); len(got) == 0 || got[0] != (Ack{View: 3, Index: 5}) {
		t.Fatalf("%+v", got)
	}
}

// A new intake makes nothing of what the log had: half of one copy and half of
// another is none.
func TestAnIntakeGivesTheOldCopyUp(t *testing.T) {
	p := restarted(t, logOf(Primary, 5, 2), 5)
	effects := p.Step(fromNewLife(Chunk{View: 6, Base: 9, Total: 2, Bytes: []byte{1}}))
	all := stores(effects)
	if len(all) != 1 {
		t.Fatalf("%+v", effects)
	}
	if says, _ := decodeStanding(all[0].State); says.whole() {
		t.Fatalf("%+v", says)
	}
}

// When the log is long it is shortened by a snapshot, and what came after that
// was asked for stays.
func TestALongLogIsShortened(t *testing.T) {
	p := newTestPrimary(false)
	lasting(&p.cfg)
	p.cfg.RetainBytes = 1
	p.silentTicks(MinSuspectTicks)
	written(p)
	p.Step(ofClients(openCommand(1)))
	asked := 0
	for _, e := range p.Step(Stored{Seq: p.disk.seq}) {
		if _, ok := e.(TakeSnapshot); ok {
			asked++
		}
	}
	p.Step(ofClients(openCommand(2)))
	for _, e := range p.Step(Stored{Seq: p.disk.seq}) {
		if _, ok := e.(TakeSnapshot); ok {
			asked++
		}
	}
	if asked != 1 {
		t.Fatalf("asked %d times", asked)
	}
	all := stores(p.Step(SnapshotTaken{Index: 1, Bytes: make([]byte, 10000)}))
	if len(all) != 1 || all[0].Whole || all[0].Snapshot.Index != 1 || all[0].Snapshot.Term != 1 {
		t.Fatalf("%+v", all)
	}
	if s := p.Status(); s.First != 2 || s.Last != 2 {
		t.Fatalf("%+v", s)
	}
	// The next one comes when the log is several times the snapshot's size.
	for range 20 {
		p.Step(ofClients(openCommand(3)))
		for _, e := range p.Step(Stored{Seq: p.disk.seq}) {
			if _, ok := e.(TakeSnapshot); ok {
				t.Fatal("asked again")
			}
		}
	}
}

// A batch with entries of two views is two pieces of the log.
func TestAPieceIsOfOneView(t *testing.T) {
	b := lastingBackup(t)
	b.view, b.synced = 3, 3
	effects := b.Step(fromPrimary(Forward{View: 3, Entries: []lock.Entry{
		entry(1, 1, openCommand(1)), entry(3, 2, openCommand(2)), entry(3, 3, openCommand(3)),
	}}))
	pieces := stores(effects)[0].Entries
	if len(pieces) != 2 || pieces[0].Term != 1 || pieces[1].Term != 3 || pieces[1].Index != pieces[0].Index+1 {
		t.Fatalf("%+v", pieces)
	}
}
