package quorum

import (
	"cmp"
	"container/heap"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"

	"go.etcd.io/raft/v3/raftpb"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// world is a few nodes on a network, all in one goroutine, all chance from one
// seed. Time is counted in hundredths of a tick.
type world struct {
	t      *testing.T
	chance *rand.Rand
	now    int
	agenda agenda
	seq    int
	nodes  map[replica.NodeID]*box
	names  []replica.NodeID

	loss, double float64
	late         float64 // how many messages take up to 30 ticks
	delay        int     // of a message, at most
	disk         int     // of a write, at most
	snapshot     int     // of the taking of one, at least
	cut          map[[2]replica.NodeID]bool
	said         []string
	warned       []string
	history      map[lock.Index]lock.Entry // every entry that anybody has applied
	tweak        func(*Config)
	drop         func(to replica.NodeID, m replica.Message) bool // nil: nothing
	trace        bool
}

type happening struct {
	at, seq int
	do      func()
}

type agenda []happening

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(a[i].at, a[j].at), cmp.Compare(a[i].seq, a[j].seq)) < 0
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(happening)) }
func (a *agenda) Pop() any {
	old := *a
	x := old[len(old)-1]
	*a = old[:len(old)-1]
	return x
}

const tickTime = 100

// box is a machine: a disk, and a process while one runs.
type box struct {
	w       *world
	name    string
	address replica.NodeID
	peers   []replica.Peer
	quiet   bool
	found   bool // may found a cluster alone
	durable bool

	id struct {
		written     bool
		incarnation replica.Incarnation
		view        lock.View
		cluster     replica.ClusterID
	}
	saved replica.Recovered // what is on disk

	up      bool
	life    int
	core    *Quorum
	cluster replica.ClusterID
	friends map[replica.NodeID]bool
	table   *lock.Table
	member  replica.MemberID

	writing   []replica.Store // on their way to the disk
	behind    bool            // the disk is never done: something is always on its way
	exited    string
	left      bool
	reigns    []lock.View
	reigning  lock.View
	results   map[lock.RequestID]lock.Result
	refused   map[lock.RequestID]replica.Refuse
	abandoned int
	confirmed replica.BarrierID
	barred    replica.BarrierID
	answers   []replica.Ordered
	installs  int
	barriers  replica.BarrierID
	owed      []owed

	confirmations []replica.BarrierID
}

// owed is what a confirmed barrier must have seen.
type owed struct {
	id    replica.BarrierID
	index lock.Index
}

func newWorld(t *testing.T, seed uint64) *world {
	cryptotest.SetGlobalRandom(t, seed)
	return &world{
		t: t, chance: rand.New(rand.NewPCG(seed, 7)), nodes: map[replica.NodeID]*box{}, delay: 10, disk: 20,
		cut: map[[2]replica.NodeID]bool{}, history: map[lock.Index]lock.Entry{},
	}
}

// peersOf lists nodes by their names.
func peersOf(names string) []replica.Peer {
	var peers []replica.Peer
	for _, n := range names {
		peers = append(peers, replica.Peer{Name: string(n), Address: replica.NodeID(string(n) + ":1")})
	}
	return peers
}

// add makes a machine, which is not started.
func (w *world) add(name string, durable bool, peers []replica.Peer) *box {
	b := &box{w: w, name: name, address: replica.NodeID(name + ":1"), peers: peers, durable: durable}
	w.nodes[b.address] = b
	w.names = append(w.names, b.address)
	return b
}

// start makes a world of nodes with these names, all running.
func startWorld(t *testing.T, seed uint64, names string, durable bool) *world {
	w := newWorld(t, seed)
	for _, p := range peersOf(names) {
		b := w.add(p.Name, durable, peersOf(names))
		b.found = len(names) == 1
		b.start()
	}
	return w
}

func (w *world) node(name string) *box { return w.nodes[replica.NodeID(name+":1")] }

func (w *world) after(d int, do func()) {
	w.seq++
	heap.Push(&w.agenda, happening{w.now + d, w.seq, do})
}

func (w *world) upTo(n int) int { return w.chance.IntN(n + 1) }

// run lets so many ticks go by.
func (w *world) run(ticks int) {
	end := w.now + ticks*tickTime
	for len(w.agenda) > 0 && w.agenda[0].at <= end {
		h := heap.Pop(&w.agenda).(happening)
		w.now = h.at
		h.do()
	}
	w.now = end
}

// until runs until something is so, or the test fails.
func (w *world) until(what string, so func() bool) {
	w.t.Helper()
	for range 400 {
		if so() {
			return
		}
		w.run(1)
	}
	for _, a := range w.names {
		b := w.nodes[a]
		if b.up {
			w.t.Logf("%s: %+v", b.name, b.core.Status())
		} else {
			w.t.Logf("%s: down, %q", b.name, b.exited)
		}
	}
	w.t.Fatalf("never: %s\n%s", what, w.said)
}

func (b *box) start() *box {
	w := b.w
	before := b.id
	b.id.written = true
	b.id.incarnation = max(before.incarnation+1, replica.Incarnation(1000+w.now))
	b.member = replica.MemberID(w.chance.Uint64()>>1 | 1)
	cfg := Config{
		Name: b.name, Address: b.address, Peers: b.peers, Quiet: b.quiet, Found: b.found,
		Incarnation: b.id.incarnation, Member: b.member,
		HasIdentity: before.written, View: before.view, Cluster: before.cluster,
		NewCluster: replica.ClusterID(w.chance.Uint64() | 1), Durable: b.durable, Codec: codec{},
		ChunkBytes: 200,
	}
	if w.tweak != nil {
		w.tweak(&cfg)
	}
	if !b.durable {
		b.saved = replica.Recovered{}
	}
	if b.saved.State != nil { // whose log it is stands in the log
		state, err := decodeState(b.saved.State)
		if err != nil {
			w.t.Fatal(err)
		}
		cfg.Cluster = state.cluster
	}
	core, err := New(cfg, b.saved)
	if err != nil {
		w.t.Fatalf("%s does not start: %v", b.name, err)
	}
	b.core, b.up, b.table, b.cluster = core, true, lock.NewTable(), cfg.Cluster
	b.life++
	b.friends, b.writing, b.exited, b.left = map[replica.NodeID]bool{}, nil, "", false
	b.results, b.refused = map[lock.RequestID]lock.Result{}, map[lock.RequestID]replica.Refuse{}
	b.reigning, b.confirmed, b.barred, b.answers = 0, 0, 0, nil
	b.barriers, b.owed = 0, nil
	b.again(w.upTo(tickTime), func() { b.tick() })
	return b
}

// again does something later in this very life.
func (b *box) again(d int, do func()) {
	life := b.life
	b.w.after(d, func() {
		if b.up && b.life == life {
			do()
		}
	})
}

func (b *box) tick() {
	b.again(tickTime, func() { b.tick() })
	b.step(replica.Tick{})
}

// crash ends the process. What was on its way to the disk is lost, or only its
// end is.
func (b *box) crash() {
	if !b.up {
		return
	}
	b.up = false
	for range b.w.upTo(len(b.writing)) {
		b.save()
	}
	b.writing = nil
}

func (b *box) step(ev replica.Event) {
	if !b.up {
		return
	}
	if b.w.trace {
		b.w.t.Logf("%d %s <- %T %+v", b.w.now, b.name, ev, ev)
	}
	for _, e := range slices.Clone(b.core.Step(ev)) {
		if b.w.trace {
			b.w.t.Logf("    %T %+v", e, e)
		}
		b.perform(e)
	}
}

func (b *box) perform(e replica.Effect) {
	w := b.w
	switch e := e.(type) {
	case replica.Send:
		w.send(b, e)
	case replica.Apply:
		for _, entry := range e.Entries {
			w.check(b, entry)
			b.results[entry.Command.ID()] = b.table.Apply(entry)
		}
	case replica.Refuse:
		for _, id := range e.Requests {
			b.refused[id] = e
		}
	case replica.Abandon:
		b.abandoned++
	case replica.Confirmed:
		if b.reigning == 0 {
			w.t.Fatalf("%s confirms a barrier and does not reign", b.name)
		}
		b.confirmed = e.ID
		b.confirmations = append(b.confirmations, e.ID)
		for len(b.owed) > 0 && b.owed[0].id <= e.ID {
			if b.table.Index() < b.owed[0].index {
				w.t.Fatalf("%s confirms a barrier at entry %d that came when entry %d had been answered", b.name, b.table.Index(), b.owed[0].index)
			}
			b.owed = b.owed[1:]
		}
	case replica.Barred:
		b.barred = e.ID
		for len(b.owed) > 0 && b.owed[0].id <= e.ID {
			b.owed = b.owed[1:]
		}
	case replica.Began:
		for _, a := range w.names {
			if n := w.nodes[a]; n != b && slices.Contains(n.reigns, e.View) {
				w.t.Fatalf("view %d has two primaries: %s and %s", e.View, n.name, b.name)
			}
		}
		if b.id.view < e.View {
			w.t.Fatalf("%s reigns in view %d, and its identity knows of view %d", b.name, e.View, b.id.view)
		}
		for i, entry := range w.history {
			if entry.View < e.View && i > b.table.Index() {
				w.t.Fatalf("%s reigns in view %d and has not applied entry %d of view %d", b.name, e.View, i, entry.View)
			}
		}
		b.reigning = e.View
		b.reigns = append(b.reigns, e.View)
	case replica.Ended:
		b.reigning = 0
	case replica.Persist:
		b.cluster = e.Cluster
		b.again(1+w.upTo(w.disk), func() {
			b.id.view, b.id.cluster = max(b.id.view, e.View), e.Cluster
			b.step(replica.Synced{View: e.View})
		})
	case replica.Store:
		if !b.durable {
			w.t.Fatalf("%s stores in memory mode", b.name)
		}
		b.writing = append(b.writing, e)
		if !e.Lazy && len(b.writing) >= 1 {
			b.flush()
		}
	case replica.Instructed:
		b.answers = append(b.answers, e.Ordered)
	case replica.Befriend:
		b.friends = map[replica.NodeID]bool{}
		for _, n := range e.Nodes {
			b.friends[n] = true
		}
	case replica.Fingerprint:
		ev := replica.Fingerprinted{Index: b.table.Index(), Digest: b.table.Digest()}
		b.again(2, func() { b.step(ev) }) // in the order of asking
	case replica.TakeSnapshot:
		ev := replica.SnapshotTaken{Index: b.table.Index(), Digest: b.table.Digest(), Bytes: messages.EncodeSnapshot(b.table.Snapshot())}
		b.again(w.snapshot+w.upTo(30), func() { b.step(ev) })
	case replica.Install:
		ev := replica.Installed{}
		if snap, err := messages.DecodeSnapshot(e.Bytes); err == nil {
			if table, err := lock.Restore(snap); err == nil {
				b.table = table
				ev = replica.Installed{Index: table.Index(), Digest: table.Digest(), OK: true}
			}
		}
		b.installs++
		b.again(w.upTo(3), func() { b.step(ev) })
	case replica.Say:
		if e.Warn {
			w.warned = append(w.warned, e.Text)
		}
		w.said = append(w.said, fmt.Sprintf("%d %s: %s\n", w.now/tickTime, b.name, e.Text))
	case replica.Left:
		b.left = true
	case replica.Exit:
		w.said = append(w.said, fmt.Sprintf("%d %s exits: %s\n", w.now/tickTime, b.name, e.Reason))
		b.exited = e.Reason
		b.crash()
	default:
		w.t.Fatalf("an effect that nobody knows: %T", e)
	}
}

// flush writes and tells of it in the end.
func (b *box) flush() {
	b.again(1+b.w.upTo(b.w.disk), func() {
		if len(b.writing) == 0 {
			return
		}
		keep := flagged(b.behind)
		if len(b.writing) == keep {
			return
		}
		last := b.writing[len(b.writing)-1-keep].Seq
		for len(b.writing) > keep {
			b.save()
		}
		b.step(replica.Stored{Seq: last})
	})
}

// save puts the first write on disk.
func (b *box) save() {
	s := b.writing[0]
	b.writing = b.writing[1:]
	if s.Snapshot != nil {
		b.saved.Snapshot = s.Snapshot
		b.saved.Entries = slices.DeleteFunc(slices.Clone(b.saved.Entries), func(e replica.LogEntry) bool {
			return s.Whole || e.Index <= s.Snapshot.Index
		})
	} else if s.Whole && !b.saved.Empty() {
		b.w.t.Fatalf("%s begins a log without a snapshot where there is one: the old snapshot would stay", b.name)
	}
	if s.State != nil {
		b.saved.State = s.State
	}
	if len(s.Entries) > 0 {
		b.saved.Entries = slices.DeleteFunc(slices.Clone(b.saved.Entries), func(e replica.LogEntry) bool {
			return e.Index >= s.Entries[0].Index
		})
		b.saved.Entries = append(b.saved.Entries, s.Entries...)
	}
	b.checkChanges()
}

// checkChanges: who has a change of the members on disk has there, too, that the
// one before is committed (R1, R9).
func (b *box) checkChanges() {
	before, last := uint64(0), uint64(0)
	for _, e := range b.saved.Entries {
		if raftpb.EntryType(e.Kind) != raftpb.EntryNormal {
			before, last = last, e.Index
		}
	}
	if before == 0 {
		return
	}
	state, err := decodeState(b.saved.State)
	if err != nil {
		b.w.t.Fatal(err)
	}
	if commit := state.hard.GetCommit(); commit < before {
		b.w.t.Fatalf("%s has on disk the change of the members at entry %d, and not that the one at %d is committed, but only entry %d", b.name, last, before, commit)
	}
}

func (w *world) send(b *box, e replica.Send) {
	for range 1 + flagged(w.chance.Float64() < w.double) {
		if w.chance.Float64() < w.loss || w.cut[[2]replica.NodeID{b.address, e.To}] || w.drop != nil && w.drop(e.To, e.Message) {
			continue
		}
		to := w.nodes[e.To]
		if to == nil {
			continue
		}
		ev := replica.Received{From: b.address, Incarnation: b.id.incarnation, Cluster: b.cluster, Message: e.Message}
		life, delay := to.life, w.delay
		if w.chance.Float64() < w.late {
			delay = 30 * tickTime
		}
		w.after(1+w.upTo(delay), func() {
			_, seek := e.Message.(replica.Seek)
			if to.life == life && (seek || to.friends[b.address]) {
				to.step(ev)
			}
		})
	}
}

func flagged(b bool) int {
	if b {
		return 1
	}
	return 0
}

// check holds an entry against what others have applied in its place.
func (w *world) check(b *box, e lock.Entry) {
	if e.Command.Verb.OfClock() && e.View != lock.View(e.Command.Number) {
		w.t.Fatalf("what the clock of view %d asked for is entry %d of view %d", e.Command.Number, e.Index, e.View)
	}
	if was, ok := w.history[e.Index]; ok {
		if was.View != e.View || was.Command.ID() != e.Command.ID() {
			w.t.Fatalf("%s applies %+v as entry %d, which was %+v", b.name, e.Command, e.Index, was)
		}
		return
	}
	w.history[e.Index] = e
}

// primary returns the ready node of the highest view; nil if there is none.
func (w *world) primary() *box {
	var best *box
	for _, a := range w.names {
		if b := w.nodes[a]; b.up && b.reigning != 0 && (best == nil || b.reigning > best.reigning) {
			best = b
		}
	}
	return best
}

func (w *world) awaitPrimary() *box {
	w.t.Helper()
	w.until("a primary", func() bool {
		p := w.primary()
		return p != nil && p.core.ready()
	})
	return w.primary()
}

// open orders an opening and waits until it is executed.
func (w *world) open(nonce lock.Number) lock.Result {
	w.t.Helper()
	c := lock.Command{Verb: lock.OpenSession, Number: nonce}
	var result lock.Result
	w.until(fmt.Sprintf("opening %d", nonce), func() bool {
		p := w.primary()
		if p == nil {
			return false
		}
		if r, ok := p.results[c.ID()]; ok {
			result = r
			return true
		}
		p.step(replica.Submit{Commands: []lock.Command{c}})
		w.run(1)
		r, ok := p.results[c.ID()]
		result = r
		return ok && p.up
	})
	return result
}

// order gives an order to whoever reigns until it is done, and returns the last
// answer; or the refusal.
func (w *world) order(o replica.Order) replica.Ordered {
	w.t.Helper()
	var last replica.Ordered
	w.until(fmt.Sprintf("the order %+v", o), func() bool {
		p := w.primary()
		if p == nil {
			return false
		}
		last = p.order(o)
		if last.Kind == replica.Executed && last.Outcome != replica.OrderWorking {
			return true
		}
		w.run(1)
		return false
	})
	return last
}

// order gives a node an order, once.
func (b *box) order(o replica.Order) replica.Ordered {
	n := len(b.answers)
	b.step(replica.Instruct{ID: 77, Order: o})
	if len(b.answers) != n+1 || b.answers[n].ID != 77 {
		b.w.t.Fatalf("%s answers an order with %+v", b.name, b.answers[n:])
	}
	return b.answers[n]
}

// heard reports whether somebody said something.
func (w *world) heard(text string) bool {
	return slices.ContainsFunc(w.said, func(s string) bool { return strings.Contains(s, text) })
}

// isolate cuts a node off.
func (w *world) isolate(b *box, off bool) {
	for _, a := range w.names {
		w.cut[[2]replica.NodeID{a, b.address}] = off
		w.cut[[2]replica.NodeID{b.address, a}] = off
	}
}

// alike waits until all that run have the same state.
func (w *world) alike() {
	w.t.Helper()
	w.until("all have the same state", func() bool {
		var first *box
		for _, a := range w.names {
			b := w.nodes[a]
			if !b.up {
				continue
			}
			if first == nil {
				first = b
			}
			if b.table.Index() != first.table.Index() || b.table.Digest() != first.table.Digest() {
				return false
			}
		}
		return true
	})
}

type codec struct{}

func (codec) EncodeCommands(commands []lock.Command) []byte {
	b, err := json.Marshal(commands)
	if err != nil {
		panic(err)
	}
	return b
}

func (codec) DecodeCommands(b []byte) ([]lock.Command, error) {
	var commands []lock.Command
	err := json.Unmarshal(b, &commands)
	return commands, err
}
