package messages

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"lockstep/lock"
	"lockstep/muster"
	"lockstep/replica"
)

func sampleCommand(name string) lock.Command {
	return lock.Command{Session: 3<<40 | 1, Slot: 4095, Number: 9, Verb: lock.Lock, Name: name}
}

// sampleAcquire has every field of a command, with the largest values that a
// table takes.
func sampleAcquire(name string) lock.Command {
	c := sampleCommand(name)
	c.Number, c.Verb, c.Token, c.At, c.Mode, c.Wait = 1<<63, lock.Acquire, 1<<63, 1<<42, lock.Counted, true
	c.Terms = &lock.Terms{
		TTL: lock.MaxTTL, Info: "host=a\npid=7", Permits: lock.MaxPermits, Of: lock.MaxPermits,
		And: []lock.Want{
			{Name: strings.Repeat("w", lock.MaxNameBytes), Mode: lock.Counted, Permits: lock.MaxPermits, Of: lock.MaxPermits},
			{Name: "v", Mode: lock.Shared},
		},
		Under:     lock.Holding{Name: strings.Repeat("u", lock.MaxNameBytes), Token: 1 << 63},
		Reentrant: true, AllowDeadlock: true, Sequential: true, MaxHold: lock.MaxMaxHold, LockDelay: lock.MaxLockDelay,
	}
	return c
}

// sampleParcel has something of everything, in a list of each kind.
func sampleParcel() *Parcel {
	entries := []lock.Entry{
		{View: 3, Index: 10, Command: sampleCommand("a")},
		{View: 3, Index: 11, Command: sampleCommand(strings.Repeat("long", 64))},
		{View: lock.MaxView, Index: 1 << 62, Command: sampleAcquire("several")},
	}
	return &Parcel{
		Requests: []Request{
			{1, sampleCommand("db")},
			{2, lock.Command{Verb: lock.OpenSession, Number: 77, Terms: &lock.Terms{}}},
			{1<<32 - 1, sampleAcquire("several")},
		},
		Answers: []Answer{{
			Client: 300,
			Answer: replica.Answer{
				Request: sampleCommand("db").ID(),
				Kind:    replica.Executed,
				Result:  lock.Result{Outcome: lock.Granted, Token: 3<<40 | 2},
			},
		}, {
			Client: 1<<32 - 1,
			Answer: replica.Answer{
				Request: lock.RequestID{Session: 1<<63 | 1, Slot: 4095, Number: 1 << 63, Verb: lock.KeepAlive},
				Kind:    replica.Executed,
				Result: lock.Result{Outcome: lock.Deadlock, Limit: lock.LimitWaits, Token: 1 << 63, Session: 1 << 63,
					Cycle: strings.Repeat("a waits for b", 20), Revoked: 1<<32 - 1},
				Hint: "a:1",
			},
		}},
		Pair: []replica.Message{
			replica.Heartbeat{View: 3, Index: 11},
			replica.Forward{View: 3, Entries: entries},
			replica.Ack{View: 3, Index: 11},
			replica.Relay{View: 3, Commands: []lock.Command{sampleCommand("b")}},
			replica.Alone{View: 4},
			replica.Outdated{View: 4},
			replica.Bye{View: 4},
			replica.Hello{Role: replica.Joining, View: 2, AsPrimary: true, Pair: [2]replica.NodeID{"a:1", "b:1"}, Knows: 5,
				LogView: lock.MaxView, LogIndex: 1 << 63},
			replica.Refusal{Reason: "another pair", Member: 0xfedcba9876543210},
			replica.Chunk{View: 4, Base: 11, Offset: 5, Total: 6, Bytes: []byte{0}},
			replica.Tail{View: 4, Base: 9, Entries: entries},
			replica.Report{View: 4, Highest: 5, Base: 9, Offset: 6, Installed: true, Digest: 7, Index: 11},
			replica.Start{View: 5, Index: 11, Cluster: 8, Founding: true},
			replica.Confirm{View: lock.MaxView, Round: 1<<64 - 1},
			replica.Confirmation{View: lock.MaxView, Round: 1<<64 - 1, Index: 1 << 63},
			replica.Engine{Bytes: []byte("an entry")},
			replica.Seek{Member: 1 << 63, Name: "a", Quiet: true, Fresh: true, View: lock.MaxView, Knows: 1 << 63,
				Peers: []replica.Peer{{Name: "a", Address: "a:1"}, {Name: strings.Repeat("n", 256), Address: "b:1"}, {}}},
			replica.Found{Cluster: 1 << 63, View: lock.MaxView, Members: sampleMembers()},
			replica.Grow{View: lock.MaxView, Round: 1<<64 - 1, Index: 1 << 63, Digest: 1 << 63, Cluster: 1 << 63, Begins: lock.MaxView, Members: sampleMembers()},
			replica.Grown{View: lock.MaxView, Round: 1<<64 - 1, Member: 1 << 63, Ready: true, Reason: strings.Repeat("n", 256)},
			replica.Digests{At: []replica.DigestAt{{Index: 1<<64 - 1, Digest: 1 << 63}, {}}},
		},
		StatusQueries: []ClientID{0, 7},
		StatusReports: []StatusReport{{Client: 7, Status: replica.Status{
			Node: "a:1", Role: replica.Solo, View: 4, Index: 11, Peer: "b:1",
			Paired: true, Heard: true, HeardAgo: 2, TickMS: 50, Cluster: 8,
		}}, sampleStatus()},
		Refused: "version 9",
		Queries: []Query{sampleQuery(), {}},
		Reports: []Report{sampleReport(), {}},
		Notices: []Notice{sampleNotice(), {}},
		Orders: []Order{{}, {Client: 1<<32 - 1, ID: 1 << 63, Order: replica.Order{
			Kind: replica.Bootstrap, Name: strings.Repeat("n", 256), Address: "a:1", Quiet: true, Force: true}}},
		Ordered: []Ordered{{}, {Client: 1<<32 - 1, Ordered: replica.Ordered{
			ID: 1 << 63, Kind: replica.NoQuorum, Hint: "a:1", Outcome: replica.OrderRefused, Text: strings.Repeat("t", 300)}}},
		MemberQueries: []ClientID{0, 1<<32 - 1},
		Told:          []Told{{}, {Client: 1<<32 - 1, Told: replica.Told{View: lock.MaxView, Members: sampleMembers()}}},
		Traces: []Trace{{}, {
			Request: lock.RequestID{Session: 1<<63 | 1, Slot: 4095, Number: 1 << 63, Verb: lock.OpenSession},
			Parent:  "00-" + strings.Repeat("f", 32) + "-" + strings.Repeat("f", 16) + "-01"}},
	}
}

func sampleMembers() []replica.Member {
	return []replica.Member{
		{ID: 1 << 63, Name: "a", Address: "a:1", Voter: true, Quiet: true}, {},
		{ID: 1, Name: strings.Repeat("n", 256), Address: replica.NodeID(strings.Repeat("a", 262))},
	}
}

// sampleStatus is that of a node of a quorum, with the largest values.
func sampleStatus() StatusReport {
	s := replica.Status{
		Node: "a:1", Role: replica.Quiet, View: lock.MaxView, Index: 1 << 63, Peer: "b:1", Paired: true, Heard: true,
		HeardAgo: 1 << 63, TickMS: 1 << 63, Cluster: 1 << 63, Name: strings.Repeat("n", 256), Quorum: true, Durable: true,
		First: 1 << 63, Last: 1 << 63, Committed: 1 << 63, DiskBytes: 1 << 63,
	}
	for _, m := range sampleMembers() {
		s.Members = append(s.Members, replica.MemberStatus{Member: m, Role: replica.Electing, Match: 1 << 63, Heard: true, HeardAgo: 1 << 63})
	}
	return StatusReport{1<<32 - 1, s, []muster.Reign{{}, {
		View: lock.MaxView, Primary: replica.NodeID(strings.Repeat("a", 262)), Name: strings.Repeat("n", 256), Began: 1 << 63, Idle: 1 << 63, Why: muster.WentOn,
	}}}
}

func TestThereAndBack(t *testing.T) {
	for name, sent := range map[string]*Parcel{"everything": sampleParcel(), "nothing": {}} {
		h := Header{Cluster: 1, Table: "t", From: "a:1", To: "b:1", FromIncarnation: 2,
			ToIncarnation: 3, Version: Version, Newest: Version + 1, Proof: 4, Challenge: 5, Seq: 6, Seen: 7}
		gotHeader, got, err := Decode(Encode(h, sent))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if gotHeader != h || !reflect.DeepEqual(&got, sent) {
			t.Errorf("%s: got %+v\n%+v", name, gotHeader, got)
		}
	}
}

func TestCompatible(t *testing.T) {
	for _, v := range []uint32{OldestVersion, Version} {
		if !Compatible(v) {
			t.Errorf("version %d is ours and not compatible", v)
		}
	}
	const withoutTerms = 1 // grants as if there were none, and keeps no session alive
	for _, v := range []uint32{0, withoutTerms, OldestVersion - 1, Version + 1, 1<<32 - 1} {
		if Compatible(v) {
			t.Errorf("version %d is compatible", v)
		}
	}
}

// TestBufferNeedNotGrow keeps the sizes that buffers start with honest, each by
// itself: what one has too much must not make up for another.
func TestBufferNeedNotGrow(t *testing.T) {
	for _, p := range pieces(sampleParcel()) {
		if got, room := len(appendParcel(nil, &p)), p.Size(); got > room {
			t.Errorf("the parcel takes %d bytes and has room for %d: %.200v", got, room, p)
		}
	}
	snap := sampleSnapshot()
	if got, room := len(EncodeSnapshot(snap)), snapshotSize(&snap); got > room {
		t.Errorf("the snapshot takes %d bytes and has room for %d", got, room)
	}
}

// pieces splits a parcel into parcels of one thing each.
func pieces(p *Parcel) []Parcel {
	return slices.Concat(
		each(p.Requests, func(q Request) Parcel { return Parcel{Requests: []Request{q}} }),
		each(p.Answers, func(a Answer) Parcel { return Parcel{Answers: []Answer{a}} }),
		each(p.Pair, func(m replica.Message) Parcel { return Parcel{Pair: []replica.Message{m}} }),
		each(p.StatusQueries, func(c ClientID) Parcel { return Parcel{StatusQueries: []ClientID{c}} }),
		each(p.StatusReports, func(r StatusReport) Parcel { return Parcel{StatusReports: []StatusReport{r}} }),
		each(p.Queries, func(q Query) Parcel { return Parcel{Queries: []Query{q}} }),
		each(p.Reports, func(r Report) Parcel { return Parcel{Reports: []Report{r}} }),
		each(p.Notices, func(n Notice) Parcel { return Parcel{Notices: []Notice{n}} }),
		each(p.Orders, func(o Order) Parcel { return Parcel{Orders: []Order{o}} }),
		each(p.Ordered, func(o Ordered) Parcel { return Parcel{Ordered: []Ordered{o}} }),
		each(p.MemberQueries, func(c ClientID) Parcel { return Parcel{MemberQueries: []ClientID{c}} }),
		each(p.Told, func(told Told) Parcel { return Parcel{Told: []Told{told}} }),
		each(p.Traces, func(trace Trace) Parcel { return Parcel{Traces: []Trace{trace}} }),
		[]Parcel{*p},
	)
}

// TestNamesShareOneString counts what a decoded frame of commands costs: the
// requests, the text that their names are pieces of, and the reader.
func TestNamesShareOneString(t *testing.T) {
	f := Encode(Header{}, benchRequests())
	if n := testing.AllocsPerRun(10, func() { _, _, _ = Decode(f) }); n > 3 {
		t.Errorf("decoding %d requests took %v allocations", benchItems, n)
	}
}

// TestTermsKeepNoFrame: the table keeps them as they came, and must not keep the
// text of the whole frame with them.
func TestTermsKeepNoFrame(t *testing.T) {
	c := sampleCommand("a")
	c.Terms = &lock.Terms{Info: "host=a", Under: lock.Holding{Name: "b"}}
	for i := range lock.MaxNames {
		c.Terms.And = append(c.Terms.And, lock.Want{Name: fmt.Sprintf("lock-%d", i)})
	}
	f := Encode(Header{}, &Parcel{Requests: []Request{{1, c}}})
	strings := lock.MaxNames + 2
	if n := testing.AllocsPerRun(10, func() { _, _, _ = Decode(f) }); n < float64(strings) {
		t.Errorf("terms with %d strings took %v allocations: some are pieces of the frame", strings, n)
	}
}

// TestListsHaveTheRoomTheyNeed looks for lists that grew, or took too much.
func TestListsHaveTheRoomTheyNeed(t *testing.T) {
	_, p, err := Decode(Encode(Header{}, sampleParcel()))
	if err != nil {
		t.Fatal(err)
	}
	entries := p.Pair[1].(replica.Forward).Entries
	tail := p.Pair[10].(replica.Tail).Entries
	for name, room := range map[string][2]int{
		"requests": {len(p.Requests), cap(p.Requests)},
		"pair":     {len(p.Pair), cap(p.Pair)},
		"entries":  {len(entries), cap(entries)},
		"tail":     {len(tail), cap(tail)},
	} {
		if room[0] != room[1] {
			t.Errorf("%s: length %d, capacity %d", name, room[0], room[1])
		}
	}
}

// TestSnapshotNamesAreTheirOwn: a restored table keeps the names, and must not
// keep the bytes of the whole snapshot with them.
func TestSnapshotNamesAreTheirOwn(t *testing.T) {
	var snap lock.Snapshot
	for _, c := range benchRequests().Requests {
		snap.Locks = append(snap.Locks, lock.HeldLock{Name: c.Command.Name, Token: 1})
	}
	b := EncodeSnapshot(snap)
	if n := testing.AllocsPerRun(10, func() { _, _ = DecodeSnapshot(b) }); n < benchItems {
		t.Errorf("%d names took %v allocations: they share one", benchItems, n)
	}
	r := newReader(EncodeSnapshot(sampleSnapshot()))
	if r.snapshot(new(lock.Snapshot)); r.err != nil || r.text != "" {
		t.Errorf("some strings are pieces of the snapshot: %v", r.err)
	}
}

// TestChunkEndsWhereItEnds appends to a decoded chunk: what follows it in the
// body must not change.
func TestChunkEndsWhereItEnds(t *testing.T) {
	sent := &Parcel{Pair: []replica.Message{replica.Chunk{Bytes: []byte("abc")}}, Refused: "no"}
	f := Encode(Header{}, sent)
	_, p, err := Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(p.Pair[0].(replica.Chunk).Bytes, "overwritten"...)
	if _, again, err := Decode(f); err != nil || !reflect.DeepEqual(&again, sent) {
		t.Errorf("got %+v, %v", again, err)
	}
}

// sampleSnapshot has every field of a snapshot, with the largest values that a
// table can have, as far as they matter for the size.
func sampleSnapshot() lock.Snapshot {
	result := lock.Result{Outcome: lock.Deadlock, Limit: lock.LimitSlot, Token: 1<<63 | 1, Session: 1<<63 | 2,
		Cycle: strings.Repeat("c", 300), Revoked: 1<<32 - 1}
	terms := sampleAcquire("a").Terms
	under := []lock.Token{1 << 63, 7}
	return lock.Snapshot{
		Index: 1 << 60,
		Last:  1<<63 | 9,
		Locks: []lock.HeldLock{{Name: "a", Token: 1<<63 | 5}, {Name: strings.Repeat("b", 256), Token: 1<<63 | 6, Since: 1 << 42}},
		Sessions: []lock.SessionState{
			{ID: 1<<63 | 2, Nonce: 1<<63 | 3, TTL: lock.MaxTTL, Since: 1 << 42, Info: "host=a", Revoked: 1<<32 - 1,
				Revocations: []lock.Revocation{sampleNotice().Revocation, {Token: 1 << 63, Kind: lock.LockOverheld}},
				Slots: []lock.SlotState{
					{Slot: 0, Number: 1, Answer: result}, {Slot: 4095, Number: 1<<63 | 2, Answer: result},
				}},
			{ID: 1<<63 | 4, Nonce: 1<<63 | 5},
		},
		Grants: []lock.GrantState{
			{Token: 1 << 63, Session: 1 << 63, Since: 1 << 42, Waited: 1 << 42, Under: under, Name: strings.Repeat("g", 256),
				Count: 1<<32 - 1, Mode: lock.Counted, Terms: terms},
			{Token: 1<<63 | 1, Session: 1 << 63, Since: 1 << 42, Name: "h", Count: 1, Mode: lock.Shared},
			{},
		},
		Waits: []lock.WaitState{
			{Queued: 1 << 60, Session: 1 << 63, Since: 1 << 42, Under: under, Name: strings.Repeat("w", 256),
				Slot: 4095, Mode: lock.Counted, Terms: terms},
			{Queued: 1<<60 | 1, Session: 1 << 63, Since: 1 << 42, Name: "v", Slot: 4095, Mode: lock.Shared},
			{},
		},
		Delays: []lock.DelayState{{Name: strings.Repeat("d", 256), Token: 1 << 63, Span: lock.MaxLockDelay}, {}},
		Record: sampleRecord(),
	}
}

func TestSnapshotThereAndBack(t *testing.T) {
	sent := sampleSnapshot()
	got, err := DecodeSnapshot(EncodeSnapshot(sent))
	if err != nil || !reflect.DeepEqual(got, sent) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestSnapshotOfATable takes the way that a rejoin takes, and ends with the
// same table.
func TestSnapshotOfATable(t *testing.T) {
	table := lock.NewTable()
	table.Apply(lock.Entry{View: 1, Index: 1, Command: lock.Command{Verb: lock.OpenSession, Number: 5}})
	id := table.Snapshot().Sessions[0].ID
	for i := range lock.Number(100) {
		c := lock.Command{Session: id, Slot: lock.Slot(i % 7), Number: i + 1, Verb: lock.Lock, Name: strings.Repeat("x", int(i%30)+1)}
		table.Apply(lock.Entry{View: 1, Index: lock.Index(i + 2), Command: c})
	}
	snap, err := DecodeSnapshot(EncodeSnapshot(table.Snapshot()))
	if err != nil {
		t.Fatal(err)
	}
	restored, err := lock.Restore(snap)
	if err != nil {
		t.Fatal(err)
	}
	if restored.Digest() != table.Digest() || restored.Index() != table.Index() {
		t.Error("the restored table is another one")
	}
}

func TestBrokenSnapshotNamesTheField(t *testing.T) {
	snap, err := DecodeSnapshot(field(4, field(3, field(3, 0x19, 0)...)...))
	want := "messages: Result.token: at byte 7: "
	if err == nil || !strings.HasPrefix(err.Error(), want) || snap.Sessions != nil {
		t.Errorf("got %+v, %v; want %s", snap, err, want)
	}
}

func TestTooLargeInASnapshot(t *testing.T) {
	const wide = 1<<32 + 1
	grant := slices.Concat(varint(6, wide), varint(7, 257))
	wait := slices.Concat(varint(6, 1<<16), varint(7, 257))
	snap, err := DecodeSnapshot(slices.Concat(field(4, varint(7, wide)...), field(5, grant...), field(6, wait...)))
	if err != nil {
		t.Fatal(err)
	}
	if g := snap.Grants[0]; g.Count != 1<<32-1 || g.Mode != 255 || snap.Sessions[0].Revoked != 1<<32-1 {
		t.Errorf("got %+v, %+v", snap.Sessions[0], g)
	}
	if w := snap.Waits[0]; w.Slot != 65535 || w.Mode != 255 {
		t.Errorf("got %+v", w)
	}
}

func TestHalfATokenOfASnapshotIsRefused(t *testing.T) {
	whole := make([]byte, 8)
	for name, c := range map[string]struct {
		body []byte
		want string
	}{
		"half a token":      {field(5, field(4, whole[:4]...)...), "messages: GrantState.under: at byte 4: unexpected EOF"},
		"one and a half":    {field(5, field(4, append(whole, 1, 2, 3, 4)...)...), "messages: GrantState.under: at byte 12: unexpected EOF"},
		"a wait's token":    {field(6, field(4, 1)...), "messages: WaitState.under: at byte 4: unexpected EOF"},
		"beyond the grant":  {field(5, 0x22, 8), "messages: GrantState.under: at byte 4: its length is 8 and 0 bytes are left"},
		"a delay's numbers": {field(7, varint(1, 1)...), "messages: DelayState.name: at byte 3: the field has another type"},
	} {
		_, err := DecodeSnapshot(c.body)
		if err == nil || plainText(err) != c.want {
			t.Errorf("%s:\ngot  %v\nwant %s", name, err, c.want)
		}
	}
}

func TestSnapshotSlotThatIsTooLarge(t *testing.T) {
	snap, err := DecodeSnapshot(field(4, field(3, append(varint(1, 1<<16), 0x11, 1, 0, 0, 0, 0, 0, 0, 0)...)...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Restore(snap); err == nil {
		t.Error("a slot beyond all slots was restored as another one")
	}
}
