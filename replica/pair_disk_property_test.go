package replica

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"lockstep/lock"
)

// gobCodec stands in for the wire's.
type gobCodec struct{}

func (gobCodec) EncodeCommands(commands []lock.Command) []byte {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(commands); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func (gobCodec) DecodeCommands(raw []byte) (commands []lock.Command, err error) {
	err = gob.NewDecoder(bytes.NewReader(raw)).Decode(&commands)
	return commands, err
}

// platter is what of a node survives a loss of power: what was written, in the
// order of writing, up to a moment.
type platter struct {
	view    lock.View
	cluster ClusterID
	log     Recovered
	pending []any // parts of Stores, and marks where one of them ends
}

// The parts of a Store that may be on disk without the next.
type (
	snapshotPart struct {
		snapshot LogSnapshot
		whole    bool
	}
	statePart  struct{ state []byte }
	entryPart  struct{ entry LogEntry }
	storedMark struct{ seq uint64 }
)

func (d *platter) store(s Store) {
	if s.Snapshot != nil {
		d.pending = append(d.pending, snapshotPart{*s.Snapshot, s.Whole})
	}
	if s.State != nil {
		d.pending = append(d.pending, statePart{s.State})
	}
	for _, e := range s.Entries {
		d.pending = append(d.pending, entryPart{e})
	}
	d.pending = append(d.pending, storedMark{s.Seq})
}

// advance writes the next part, and returns the Store that it completes.
func (d *platter) advance() (seq uint64, done bool) {
	next := d.pending[0]
	d.pending = d.pending[1:]
	switch part := next.(type) {
	case snapshotPart:
		d.log.Snapshot = &part.snapshot
		d.log.Entries = slices.DeleteFunc(slices.Clone(d.log.Entries), func(e LogEntry) bool {
			return part.whole || e.Index <= part.snapshot.Index
		})
	case statePart:
		d.log.State = part.state
	case entryPart:
		d.log.Entries = append(slices.Clone(d.log.Entries), part.entry)
	case storedMark:
		return part.seq, true
	}
	return 0, false
}

// machine is one of two computers with disks, and of a lock table only the list
// of what was applied.
type machine struct {
	m    *machines
	id   int
	core *Pair // nil: it is down
	life Incarnation
	disk platter

	views []lock.View // to be written into the identity
	ids   []ClusterID
	back  []Event

	applied []lock.Entry
	reign   lock.View
	asked   map[lock.RequestID]bool
}

type machines struct {
	t        interface{ Fatalf(string, ...any) }
	pair     [2]*machine
	wire     [2][]Received
	number   lock.Number
	answered map[lock.Index]lock.Entry
	highest  lock.Index                // answered
	reigns   map[lock.View]Incarnation // whose life, odd for one and even for the other
	silent   int                       // ticks since everything was delivered
	wild     bool                      // healthy nodes may suspect each other
	tokens   map[token]lock.RequestID  // what was applied by a node with a role
	change   func(*PairConfig)
}

// token is the place of an entry in the order, and the view that gave it.
type token struct {
	view  lock.View
	index lock.Index
}

func newMachines(t interface{ Fatalf(string, ...any) }, change func(*PairConfig)) *machines {
	m := &machines{t: t, answered: map[lock.Index]lock.Entry{}, reigns: map[lock.View]Incarnation{}, tokens: map[token]lock.RequestID{}, change: change}
	for id := range m.pair {
		m.pair[id] = &machine{m: m, id: id}
		m.pair[id].start()
	}
	return m
}

func (n *machine) name() NodeID { return []NodeID{"a", "b"}[n.id] }

func (n *machine) start() {
	before := n.life
	n.life += 2
	if before == 0 {
		n.life = Incarnation(2 + n.id)
	}
	cfg := PairConfig{
		Pair: [2]NodeID{"a", "b"}, AsPrimary: n.id == 0, Incarnation: n.life,
		HasIdentity: n.disk.view > 0, View: n.disk.view, NewCluster: 7, Cluster: n.disk.cluster,
		SuspectTicks: MinSuspectTicks, Durable: true, Codec: gobCodec{}, Log: n.disk.log,
		MaxBatch: 3, RetainBytes: 1,
	}
	if n.m.change != nil {
		n.m.change(&cfg)
	}
	core, err := OpenPair(cfg)
	if err != nil {
		n.m.t.Fatalf("%s cannot read its log: %v", n.name(), err)
	}
	n.core, n.applied, n.reign, n.asked = core, nil, 0, map[lock.RequestID]bool{}
	n.views, n.ids, n.back = nil, nil, nil
}

// cut is the loss of power: of what was not synced a first part may be there.
func (n *machine) cut(parts, views int) {
	for range min(parts, len(n.disk.pending)) {
		n.disk.advance()
	}
	n.disk.pending = nil
	for range min(views, len(n.views)) {
		n.identity()
	}
	n.core = nil
	n.m.wire[n.id] = nil
}

func (n *machine) identity() {
	n.disk.view, n.disk.cluster = max(n.disk.view, n.views[0]), n.ids[0]
	n.views, n.ids = n.views[1:], n.ids[1:]
}

func (n *machine) step(ev Event) {
	if n.core == nil {
		return
	}
	for _, e := range n.core.Step(ev) {
		n.perform(e)
	}
	n.judge()
	for len(n.back) > 0 && n.core != nil {
		next := n.back[0]
		n.back = n.back[1:]
		n.step(next)
	}
}

func (n *machine) perform(e Effect) {
	t := n.m.t
	switch e := e.(type) {
	case Send:
		n.m.wire[1-n.id] = append(n.m.wire[1-n.id], Received{
			From: n.name(), Incarnation: n.life, Cluster: n.core.cluster, Message: e.Message,
		})
	case Persist:
		n.views, n.ids = append(n.views, e.View), append(n.ids, e.Cluster)
	case Store:
		n.disk.store(e)
	case Apply:
		n.apply(e.Entries)
	case Refuse:
		for _, id := range e.Requests {
			delete(n.asked, id)
		}
	case Abandon:
		clear(n.asked)
	case Began:
		n.began(e.View)
	case Ended:
		n.reign = 0
	case Reset:
		n.applied = nil
	case TakeSnapshot:
		n.back = append(n.back, SnapshotTaken{
			Index: lock.Index(len(n.applied)), Digest: lock.Digest(len(n.applied)), Bytes: encodeEntries(n.applied),
		})
	case Install:
		n.applied = decodeEntries(e.Bytes)
		n.back = append(n.back, Installed{Index: lock.Index(len(n.applied)), Digest: lock.Digest(len(n.applied)), OK: true})
	case Exit:
		t.Fatalf("%s gives up: %s", n.name(), e.Reason)
	}
}

// encodeEntries is how these tables are kept: a snapshot is the whole history.
func encodeEntries(entries []lock.Entry) []byte {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(append([]lock.Entry{}, entries...)); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func decodeEntries(raw []byte) (entries []lock.Entry) {
	if err := gob.NewDecoder(bytes.NewReader(raw)).Decode(&entries); err != nil {
		panic(err)
	}
	return entries
}

// apply answers whoever asked here, and holds the entries against what anybody
// was answered before.
func (n *machine) apply(entries []lock.Entry) {
	for _, e := range entries {
		if int(e.Index) != len(n.applied)+1 {
			n.m.t.Fatalf("%s applies entry %d after %d", n.name(), e.Index, len(n.applied))
		}
		if len(n.applied) > 0 && e.View < n.applied[len(n.applied)-1].View {
			n.m.t.Fatalf("%s applies entry %d of view %d after one of %d: its token is lower", n.name(), e.Index, e.View, n.applied[len(n.applied)-1].View)
		}
		if e.View < n.reign {
			n.m.t.Fatalf("%s applies entry %d of view %d after view %d has begun (T3)", n.name(), e.Index, e.View, n.reign)
		}
		n.applied = append(n.applied, e)
		n.m.drawn(n, e)
		if n.core.hasRole() && n.asked[e.Command.ID()] {
			delete(n.asked, e.Command.ID())
			n.answer(e)
		}
	}
}

// drawn notes who has got a token.
func (m *machines) drawn(n *machine, e lock.Entry) {
	if !n.core.hasRole() {
		return
	}
	at := token{e.View, e.Index}
	if id, ok := m.tokens[at]; ok && id != e.Command.ID() {
		m.t.Fatalf("%s applies %v as entry %d of view %d, which was %v", n.name(), e.Command.ID(), e.Index, e.View, id)
	}
	m.tokens[at] = e.Command.ID()
}

// answer notes what a client was told. It must be on every disk that could be
// the only one left: this node's if it is alone, else both.
func (n *machine) answer(e lock.Entry) {
	m := n.m
	if m.wild {
		return
	}
	m.answered[e.Index], m.highest = e, max(m.highest, e.Index)
	if !n.has(e) {
		m.t.Fatalf("%s answers entry %d, which is not on its disk", n.name(), e.Index)
	}
	if other := m.pair[1-n.id]; n.core.role != Solo && !other.has(e) {
		m.t.Fatalf("%s as %s answers entry %d, which is not on the disk of %s", n.name(), n.core.role, e.Index, other.name())
	}
}

// has reports whether a log that is a copy has the entry.
func (n *machine) has(e lock.Entry) bool {
	log := n.disk.log
	c, err := readPairLog(&log, gobCodec{})
	if err != nil || !c.whole() {
		return false
	}
	all := c.entries
	if c.base > 0 {
		all = append(decodeEntries(c.snapshot), all...)
	}
	return len(all) >= int(e.Index) && all[e.Index-1].Command.ID() == e.Command.ID() && all[e.Index-1].View == e.View
}

// began checks what a reign starts from.
func (n *machine) began(view lock.View) {
	m := n.m
	n.reign = view
	if life, ok := m.reigns[view]; ok && life != n.life {
		m.t.Fatalf("%s begins view %d, which life %d had", n.name(), view, life)
	}
	for v := range m.reigns {
		if v > view && !m.wild {
			m.t.Fatalf("%s begins view %d after view %d", n.name(), view, v)
		}
	}
	m.reigns[view] = n.life
	for index := lock.Index(1); index <= m.highest; index++ {
		e, ok := m.answered[index]
		if ok && (len(n.applied) < int(index) || n.applied[index-1].Command.ID() != e.Command.ID() || n.applied[index-1].View != e.View) {
			m.t.Fatalf("%s begins view %d without entry %d, which somebody was answered", n.name(), view, index)
		}
	}
}

// judge checks that two never reign at once: nobody suspects a healthy node here.
func (n *machine) judge() {
	other := n.m.pair[1-n.id].core
	if !n.m.wild && other != nil && n.core.reigns() && other.reigns() && n.core.usable() && other.usable() {
		n.m.t.Fatalf("a is %s in view %d and b is %s in view %d", n.m.pair[0].core.role, n.m.pair[0].core.view, n.m.pair[1].core.role, n.m.pair[1].core.view)
	}
}

// write lets the disk work: n parts of the log, and one view of the identity.
func (n *machine) write(parts int) {
	for range parts {
		if n.core == nil || len(n.disk.pending) == 0 {
			return
		}
		if seq, done := n.disk.advance(); done {
			n.step(Stored{Seq: seq})
		}
	}
}

func (n *machine) writeIdentity() {
	if n.core != nil && len(n.views) > 0 {
		view := n.views[0]
		n.identity()
		n.step(Synced{View: view})
	}
}

func (n *machine) deliver() {
	if w := n.m.wire[n.id]; len(w) > 0 && n.core != nil {
		n.m.wire[n.id] = w[1:]
		n.step(w[0])
	}
}

func (n *machine) submit() {
	n.m.number++
	c := lock.Command{Verb: lock.OpenSession, Number: n.m.number}
	if n.core != nil {
		n.asked[c.ID()] = true
		n.step(ofClients(c))
	}
}

// busy reports whether anything is under way.
func (m *machines) busy() bool {
	for _, n := range m.pair {
		if n.core != nil && (len(n.disk.pending) > 0 || len(n.views) > 0 || len(m.wire[n.id]) > 0) {
			return true
		}
	}
	return false
}

func (m *machines) settle() {
	for range 10000 {
		if !m.busy() {
			m.silent = 0
			return
		}
		for _, n := range m.pair {
			n.write(1)
			n.writeIdentity()
			n.deliver()
		}
	}
	m.t.Fatalf("it never comes to rest")
}

// round is one tick of all that runs, and everything that comes of it.
func (m *machines) round() {
	m.settle()
	for _, n := range m.pair {
		n.step(Tick{})
	}
	m.settle()
}

// equal checks that both have applied the same, once they have come to rest.
func (m *machines) equal() {
	for range 10 { // what was lost is repeated
		m.round()
	}
	if a, b := m.pair[0].applied, m.pair[1].applied; fmt.Sprint(a) != fmt.Sprint(b) {
		m.t.Fatalf("a has applied %d entries and b %d, or others", len(a), len(b))
	}
}

// formed waits for a primary and a backup.
func (m *machines) formed() {
	for _, n := range m.pair {
		if n.core == nil {
			n.start()
		}
	}
	for range 200 {
		if m.pair[0].core.paired() && m.pair[1].core.paired() {
			return
		}
		m.round()
	}
	m.t.Fatalf("no pair: a is %s in view %d, b is %s in view %d", m.pair[0].core.role, m.pair[0].core.view, m.pair[1].core.role, m.pair[1].core.view)
}

// play draws what happens, one thing after another.
func (m *machines) play(t *rapid.T, actions []action) {
	var weighted []int
	for i, a := range actions {
		weighted = append(weighted, slices.Repeat([]int{i}, a.weight)...)
	}
	for range rapid.IntRange(10, 200).Draw(t, "length") {
		i := rapid.SampledFrom(weighted).Draw(t, "action")
		actions[i].do(m.pair[rapid.IntRange(0, 1).Draw(t, "node")])
	}
}

// action is something that happens to a node, weight times as often as others.
type action struct {
	weight int
	do     func(*machine)
}

// usual are the actions of nodes, disks and a network that may be slow, and of
// a power supply that fails.
func (m *machines) usual(t *rapid.T) []action {
	upTo := func(n int) int { return rapid.IntRange(0, n).Draw(t, "many") }
	cut := func(n *machine) {
		if n.core != nil {
			n.cut(upTo(12), upTo(2))
		}
	}
	return []action{
		{20, func(n *machine) { n.submit() }},
		{30, func(n *machine) { n.deliver() }},
		{30, func(n *machine) { n.write(1 + upTo(3)) }},
		{15, func(n *machine) { n.writeIdentity() }},
		{4, func(*machine) { m.round() }},
		{4, func(*machine) { // until whoever is alone knows it
			for range MinSuspectTicks + 2 {
				m.round()
			}
		}},
		{5, func(n *machine) {
			if m.silent++; m.silent < MinSuspectTicks-2 {
				n.step(Tick{})
			}
		}},
		{2, func(n *machine) {
			if w := m.wire[n.id]; len(w) > 0 {
				i := upTo(len(w) - 1)
				m.wire[n.id] = slices.Delete(slices.Clone(w), i, i+1)
			}
		}},
		{2, func(n *machine) {
			target := m.pair[upTo(1)].name()
			n.step(Instruct{ID: 1, Order: Order{Kind: SwitchOver, Address: target}})
		}},
		{2, cut},
		{1, func(*machine) { cut(m.pair[0]); cut(m.pair[1]) }},
		{4, func(n *machine) {
			if n.core == nil {
				n.start()
			}
		}},
	}
}

// short makes everything that takes long happen often.
func short(cfg *PairConfig) { cfg.EntriesPerView, cfg.ChunkBytes = 8, 256 }

// P8: the power fails, at one node or at both, at any moment, again and again.
// Whatever anybody was answered is there in every later reign, and tokens rise.
func TestNothingAnsweredIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachines(t, short)
		for range 4 {
			m.round()
		}
		m.play(t, m.usual(t))
		before := m.highest
		m.formed()
		for range 10 { // a handing over that was ordered before may refuse some of it
			m.pair[0].submit()
			m.pair[1].submit()
			m.round()
		}
		m.equal()
		if m.highest < before+4 {
			t.Fatalf("%d answers, and %d before", m.highest, before)
		}
	})
}

// In a partition both may go on alone, and what one of them has answered is
// lost. Kept are the views: none has two reigns, so that no token is drawn
// twice, whoever restarts with whatever log; and the pair forms again.
func TestNoViewHasTwoReignsWhateverIsOnDisk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachines(t, short)
		m.wild = true
		for range 4 {
			m.round()
		}
		m.play(t, append(m.usual(t),
			action{6, func(n *machine) { // it hears nobody
				for range MinSuspectTicks + 1 {
					n.step(Tick{})
					n.write(100)
					n.writeIdentity()
					n.writeIdentity()
				}
			}},
			action{3, func(n *machine) { m.wire[n.id] = nil }},
			action{2, func(n *machine) {
				if w := m.wire[n.id]; len(w) > 0 {
					m.wire[n.id] = append(slices.Clone(w), w[rapid.IntRange(0, len(w)-1).Draw(t, "frame")])
				}
			}},
		))
		m.formed()
		m.equal()
	})
}
