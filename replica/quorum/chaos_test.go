package quorum

import (
	"fmt"
	"slices"
	"testing"

	"lockstep/lock"
	"lockstep/replica"
)

// TestChaos: whatever the network and the processes do, all nodes apply the same
// entries, no view has two primaries, and a confirmed barrier has seen all that
// anybody was answered before it came; when the faults end, all are alike again.
func TestChaos(t *testing.T) {
	for seed := range chaosSeeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { chaos(t, uint64(seed)) })
	}
}

const chaosSeeds = 40

func chaos(t *testing.T, seed uint64) {
	w := newWorld(t, seed)
	durable := w.chance.IntN(2) == 0
	names := "abcde"[:3+2*w.chance.IntN(2)]
	w.loss, w.double, w.late = 0.1*w.chance.Float64(), 0.1*w.chance.Float64(), 0.03*w.chance.Float64()
	w.delay, w.disk = 1+w.chance.IntN(80), 1+w.chance.IntN(150)
	w.tweak = func(cfg *Config) {
		cfg.MaxBatch, cfg.MaxInFlight = 1+int(seed%5), 1+int(seed%3)
		cfg.RetainBytes = 2000 + 3000*(seed%4)
	}
	for _, p := range peersOf(names) {
		w.add(p.Name, durable, peersOf(names)).start()
	}
	w.awaitPrimary()
	nonce := lock.Number(0)
	for range 150 {
		w.run(w.upTo(4))
		w.ask(&nonce)
		if w.chance.IntN(6) == 0 {
			w.fault(durable)
		}
	}
	w.loss, w.double, w.late = 0, 0, 0
	clear(w.cut)
	for _, a := range w.names {
		if b := w.nodes[a]; !b.up {
			b.start()
		}
	}
	w.awaitPrimary()
	w.open(1 << 40)
	w.whole()
	w.open(1<<40 + 1)
	w.alike()
}

// ask submits something somewhere, or asks for a barrier.
func (w *world) ask(nonce *lock.Number) {
	b := w.nodes[w.names[w.chance.IntN(len(w.names))]]
	if p := w.primary(); p != nil && w.chance.IntN(3) > 0 {
		b = p
	}
	if !b.up {
		return
	}
	switch w.chance.IntN(8) {
	case 0, 1:
		b.barrier()
	case 2:
		if view := b.reigning; view != 0 { // the clock of this reign, perhaps too late
			expire := lock.Command{Verb: lock.Expire, Session: lock.SessionID(w.chance.Uint64()), Number: lock.Number(view)}
			b.again(w.upTo(30*tickTime), func() { b.step(replica.Submit{Commands: []lock.Command{expire}, View: view}) })
		}
	default:
		var commands []lock.Command
		for range 1 + w.chance.IntN(6) {
			*nonce++
			commands = append(commands, lock.Command{Verb: lock.OpenSession, Number: *nonce - lock.Number(w.chance.IntN(min(3, int(*nonce))))})
		}
		b.step(replica.Submit{Commands: commands})
	}
}

// barrier asks for one that must see all that anybody has applied by now.
func (b *box) barrier() {
	b.barriers++
	b.owed = append(b.owed, owed{b.barriers, lock.Index(len(b.w.history))})
	b.step(replica.Barrier{ID: b.barriers})
}

// fault does something to somebody. In memory mode one copy is lost at a time.
func (w *world) fault(durable bool) {
	b := w.nodes[w.names[w.chance.IntN(len(w.names))]]
	switch w.chance.IntN(8) {
	case 6:
		to := w.nodes[w.names[w.chance.IntN(len(w.names))]]
		b.step(replica.Instruct{ID: 1, Order: replica.Order{Kind: replica.SwitchOver, Name: to.name}})
	case 7:
		if durable || w.isWhole() {
			b.step(replica.Leave{})
			w.after(30*tickTime, func() {
				if b.left {
					b.crash()
					b.start()
				}
			})
		}
	case 0, 1:
		switch {
		case durable && w.chance.IntN(4) == 0 && w.isWhole():
			b.crash()
			b.saved = replica.Recovered{} // its disk is lost
			if w.chance.IntN(2) == 0 {
				b.id.written, b.id.view, b.id.cluster = false, 0, 0
			}
		case durable && b.up:
			b.crash()
		case durable || w.isWhole():
			b.crash()
			b.again(0, func() {})
			w.after(w.upTo(40)*tickTime, func() {
				if !b.up {
					b.start()
				}
			})
		}
	case 2:
		if !b.up {
			b.start()
		}
	case 3:
		w.isolate(b, true)
		w.after(w.upTo(40)*tickTime, func() { w.isolate(b, false) })
	case 4:
		other := w.names[w.chance.IntN(len(w.names))]
		link := [2]replica.NodeID{b.address, other}
		w.cut[link] = true
		w.after(w.upTo(60)*tickTime, func() { w.cut[link] = false })
	case 5:
		if durable && w.chance.IntN(4) == 0 { // a power cut
			for _, a := range w.names {
				w.nodes[a].crash()
			}
		}
		for _, a := range w.names {
			if n := w.nodes[a]; durable && !n.up {
				n.start()
			}
		}
	}
}

// isWhole reports whether every machine runs and is a voter with a log.
func (w *world) isWhole() bool {
	p := w.primary()
	if p == nil {
		return false
	}
	voters := 0
	for _, m := range p.core.roster.members {
		b := w.nodes[m.Address]
		if !m.Voter || b == nil || !b.up || b.core.leaving || b.core.node == nil || b.core.member != m.ID {
			return false
		}
		// Until all know that a change is over, it needs the majorities before it.
		if b.core.changing() || !slices.Equal(b.core.roster.members, p.core.roster.members) {
			return false
		}
		voters++
	}
	return voters == len(w.names) && !p.core.changing()
}

func (w *world) whole() {
	w.t.Helper()
	w.until("all are voters", w.isWhole)
}
