package replica

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"lockstep/lock"
)

// duo is two cores, and between them a network that loses, repeats and holds
// back as it likes. What it knows of T1 to T3 it has from what can be seen.
type duo struct {
	t     *rapid.T
	now   int // counts everything that happens
	nodes [2]*duoNode
	wire  [2][]duoFrame // to each node
}

// duoFrame is a message on its way, and when its sender gave it away.
type duoFrame struct {
	sent int
	from Received
}

// duoNode is one node, its disk and its lock table, of which only the entries'
// count matters.
type duoNode struct {
	d    *duo
	id   int
	core *Pair
	life Incarnation
	disk lock.View // and what waits for it
	view []lock.View
	back []Event // what the lock table says when the step is over

	index    lock.Index
	reign    lock.View // as Began and Ended tell it
	barriers []duoBarrier
	last     BarrierID
	// asked tells, for the view that it is the backup of, the latest sending of
	// a Confirm that it has handled.
	asked map[lock.View]int
}

type duoBarrier struct {
	id   BarrierID
	came int
}

func newDuo(t *rapid.T) *duo {
	d := &duo{t: t}
	for id := range d.nodes {
		d.nodes[id] = &duoNode{d: d, id: id, asked: map[lock.View]int{}}
		d.nodes[id].start()
	}
	return d
}

// start begins a life: what the last one held is lost.
func (n *duoNode) start() {
	before := n.life
	*n = duoNode{d: n.d, id: n.id, life: before + 1, disk: n.disk, asked: n.asked}
	cfg := PairConfig{
		Pair: [2]NodeID{"a", "b"}, AsPrimary: n.id == 0, Incarnation: n.life,
		HasIdentity: before > 0, View: n.disk, NewCluster: 7, Cluster: 7,
		SuspectTicks: MinSuspectTicks, EntriesPerView: 12, MaxQueue: 8,
	}
	n.core = NewPair(cfg)
}

func (n *duoNode) name() NodeID { return n.core.self() }

// step runs one event and sees what comes of it.
func (n *duoNode) step(ev Event) {
	n.d.now++
	for _, e := range n.core.Step(ev) {
		n.perform(e)
	}
	n.judge()
	for len(n.back) > 0 {
		next := n.back[0]
		n.back = n.back[1:]
		n.step(next)
	}
}

func (n *duoNode) perform(e Effect) {
	t := n.d.t
	switch e := e.(type) {
	case Send:
		if e.To == n.d.nodes[1-n.id].name() {
			n.send(e.Message)
		}
	case Persist:
		n.view = append(n.view, e.View)
	case Apply:
		n.apply(e.Entries)
	case Refuse:
		for _, id := range e.Requests {
			if id.Verb.OfClock() {
				t.Fatalf("%s refuses what its own clock asked for", n.name())
			}
		}
	case Confirmed:
		n.confirmed(e.ID)
	case Barred:
		if len(n.answered(e.ID)) == 0 {
			t.Fatalf("%s refuses barrier %d again", n.name(), e.ID)
		}
	case Began:
		if e.View <= n.reign || e.View > n.disk {
			t.Fatalf("%s begins view %d after %d, with %d on disk", n.name(), e.View, n.reign, n.disk)
		}
		n.reign = e.View
	case Ended:
		n.reign = 0
	case Reset:
		n.index = 0
	case TakeSnapshot:
		bytes := binary.BigEndian.AppendUint64(nil, uint64(n.index))
		n.back = append(n.back, SnapshotTaken{Index: n.index, Digest: lock.Digest(n.index), Bytes: bytes})
	case Install:
		n.index = lock.Index(binary.BigEndian.Uint64(e.Bytes))
		n.back = append(n.back, Installed{Index: n.index, Digest: lock.Digest(n.index), OK: true})
	case Exit:
		t.Fatalf("%s gives up: %s", n.name(), e.Reason)
	}
}

func (n *duoNode) send(m Message) {
	if r, ok := m.(Relay); ok {
		for _, c := range r.Commands {
			if c.Verb.OfClock() {
				n.d.t.Fatalf("%s relays what its own clock asked for", n.name())
			}
		}
	}
	to := 1 - n.id
	n.d.wire[to] = append(n.d.wire[to], duoFrame{sent: n.d.now, from: Received{
		From: n.name(), Incarnation: n.life, Cluster: 7, Message: m,
	}})
}

// apply checks that the order has no gap, and that the clock's commands stand
// in the view whose clock has counted.
func (n *duoNode) apply(entries []lock.Entry) {
	for _, e := range entries {
		if e.Index != n.index+1 {
			n.d.t.Fatalf("%s applies entry %d after %d", n.name(), e.Index, n.index)
		}
		n.index = e.Index
		if c := e.Command; c.Verb.OfClock() && lock.View(c.Number) != e.View {
			n.d.t.Fatalf("%s applies in view %d what the clock of view %d asked for", n.name(), e.View, c.Number)
		}
	}
}

// answered takes the barriers up to an id off the list.
func (n *duoNode) answered(id BarrierID) []duoBarrier {
	i := 0
	for i < len(n.barriers) && n.barriers[i].id <= id {
		i++
	}
	those := n.barriers[:i]
	n.barriers = n.barriers[i:]
	return those
}

// confirmed checks T1: a primary's backup has handled, as such, a question that
// was sent after the barrier had come.
func (n *duoNode) confirmed(id BarrierID) {
	those := n.answered(id)
	view, t := n.core.view, n.d.t
	if len(those) == 0 {
		t.Fatalf("%s confirms barrier %d again", n.name(), id)
	}
	switch last := those[len(those)-1]; n.core.role {
	case Primary:
		if asked := n.d.nodes[1-n.id].asked[view]; asked < last.came {
			t.Fatalf("%s confirms barrier %d, which came at %d; its backup was last asked at %d", n.name(), last.id, last.came, asked)
		}
	case Solo:
		if n.disk < view || n.reign != view {
			t.Fatalf("%s confirms in view %d with %d on disk and %d begun", n.name(), view, n.disk, n.reign)
		}
	default:
		t.Fatalf("%s confirms as %s", n.name(), n.core.role)
	}
}

// judge checks what must hold between any two steps.
func (n *duoNode) judge() {
	t, reigns := n.d.t, n.core.reigns()
	if !reigns && len(n.barriers) > 0 {
		t.Fatalf("%s is %s, and %d barriers wait", n.name(), n.core.role, len(n.barriers))
	}
	if !reigns && n.reign != 0 {
		t.Fatalf("%s is %s, and the end of view %d was not told", n.name(), n.core.role, n.reign)
	}
	if reigns && n.core.usable() && n.reign != n.core.view {
		t.Fatalf("%s is %s in view %d, and %d was told to begin", n.name(), n.core.role, n.core.view, n.reign)
	}
	if n.core.role == Solo && n.core.usable() && len(n.barriers) > 0 {
		t.Fatalf("%s is SOLO, and %d barriers wait", n.name(), len(n.barriers))
	}
}

// sync puts all on disk that was asked for.
func (n *duoNode) sync() {
	for len(n.view) > 0 {
		view := n.view[0]
		n.view = n.view[1:]
		n.disk = max(n.disk, view)
		n.step(Synced{View: view})
	}
}

func (n *duoNode) barrier() {
	n.last++
	n.barriers = append(n.barriers, duoBarrier{id: n.last, came: n.d.now})
	n.step(Barrier{ID: n.last})
}

// deliver hands over the first frame. A frame for a former life never comes.
func (n *duoNode) deliver() {
	if len(n.d.wire[n.id]) == 0 {
		return
	}
	f := n.d.wire[n.id][0]
	n.d.wire[n.id] = n.d.wire[n.id][1:]
	n.hear(f)
}

func (n *duoNode) hear(f duoFrame) {
	if c, ok := f.from.Message.(Confirm); ok && n.core.role == Backup && n.core.view == c.View {
		n.asked[c.View] = max(n.asked[c.View], f.sent)
	}
	n.step(f.from)
}

// Whatever the network does and whoever falls silent or starts again: T1, and
// each barrier has one answer, and each reign is told.
func TestBarriersUnderFaults(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDuo(t)
		number := lock.Number(0)
		which := func() *duoNode { return d.nodes[rapid.IntRange(0, 1).Draw(t, "node")] }
		round := func(t *rapid.T) { // all is well for a moment
			for _, n := range d.nodes {
				n.step(Tick{})
			}
			for range 40 {
				for _, n := range d.nodes {
					n.sync()
					n.deliver()
				}
			}
		}
		for range 4 {
			round(t)
		}
		t.Repeat(map[string]func(*rapid.T){
			"round":   round,
			"barrier": func(*rapid.T) { which().barrier() },
			"tick":    func(*rapid.T) { which().step(Tick{}) },
			"sync":    func(*rapid.T) { which().sync() },
			"deliver": func(*rapid.T) { which().deliver() },
			"submit": func(t *rapid.T) {
				number++
				which().step(Submit{Commands: []lock.Command{{Verb: lock.OpenSession, Number: number}}})
			},
			"clock": func(t *rapid.T) {
				n := which()
				view := max(n.core.view, 1) - lock.View(rapid.IntRange(0, 1).Draw(t, "behind"))
				if view == 0 {
					return
				}
				number++
				n.step(Submit{View: view, Commands: []lock.Command{
					{Verb: lock.Expire, Session: lock.SessionID(number), Number: lock.Number(view)},
				}})
			},
			"lose": func(t *rapid.T) {
				n := which()
				if w := d.wire[n.id]; len(w) > 0 {
					i := rapid.IntRange(0, len(w)-1).Draw(t, "frame")
					d.wire[n.id] = append(append([]duoFrame{}, w[:i]...), w[i+1:]...)
				}
			},
			"repeat": func(t *rapid.T) {
				n := which()
				if w := d.wire[n.id]; len(w) > 0 {
					d.wire[n.id] = append(append([]duoFrame{}, w...), w[rapid.IntRange(0, len(w)-1).Draw(t, "frame")])
				}
			},
			"silence": func(t *rapid.T) {
				n := which()
				for range rapid.IntRange(1, 2*MinSuspectTicks).Draw(t, "ticks") {
					n.step(Tick{})
				}
			},
			"restart": func(t *rapid.T) {
				n := which()
				d.wire[n.id] = nil
				n.start()
			},
		})
	})
}
