package quorum

import (
	"testing"

	"lockstep/lock"
	"lockstep/replica"
)

func openings(from, n int) []lock.Command {
	var commands []lock.Command
	for i := range n {
		commands = append(commands, lock.Command{Verb: lock.OpenSession, Number: lock.Number(from + i)})
	}
	return commands
}

func (w *world) backup() *box {
	for _, a := range w.names {
		if b := w.nodes[a]; b.up && b != w.primary() {
			return b
		}
	}
	return nil
}

// TestRefusals: who does not reign says who does, or that it knows of nobody.
func TestRefusals(t *testing.T) {
	w := startWorld(t, 8, "abc", true)
	seeking := w.node("a")
	seeking.step(replica.Submit{Commands: openings(1, 1)})
	if r := seeking.refused[openings(1, 1)[0].ID()]; r.Kind != replica.NoQuorum {
		t.Errorf("a node without a log answers %+v", r)
	}
	p := w.awaitPrimary()
	w.run(10)
	b := w.backup()
	b.step(replica.Submit{Commands: openings(2, 1)})
	if r := b.refused[openings(2, 1)[0].ID()]; r.Kind != replica.NotPrimary || r.Hint != p.address {
		t.Errorf("a backup answers %+v", r)
	}
	b.step(replica.Submit{Commands: []lock.Command{{Verb: lock.Expire, Number: lock.Number(p.reigning)}}, View: p.reigning})
	if len(b.refused) > 1 {
		t.Error("the clock is answered")
	}
	b.step(replica.Barrier{ID: 1})
	if b.barred != 1 {
		t.Error("a backup does not refuse a barrier")
	}
	w.isolate(p, true)
	w.until("it gives up", func() bool { return !p.core.leading() })
	p.step(replica.Submit{Commands: openings(3, 1)})
	if r := p.refused[openings(3, 1)[0].ID()]; r.Kind != replica.NoQuorum {
		t.Errorf("an isolated node answers %+v", r)
	}
}

// TestIsolatedPrimary: what an isolated primary has proposed is abandoned, what
// it has not is refused, and neither is confirmed; what the others have ordered
// meanwhile takes the place of what was lost (R5, R7).
func TestIsolatedPrimary(t *testing.T) {
	eachMode(t, func(t *testing.T, durable bool) {
		w := startWorld(t, 8, "abc", durable)
		w.tweak = nil
		p := w.awaitPrimary()
		w.run(10)
		w.isolate(p, true)
		for n := range 5 {
			p.step(replica.Submit{Commands: openings(10+n, 1)})
		}
		repeat := openings(10, 1) // it is proposed already
		p.step(replica.Submit{Commands: repeat})
		p.step(replica.Barrier{ID: 1})
		w.until("the others go on", func() bool { q := w.primary(); return q != p && q.core.ready() })
		w.open(1)
		w.until("it gives up", func() bool { return !p.core.leading() })
		if _, refused := p.refused[repeat[0].ID()]; refused || p.abandoned != 1 || p.barred != 1 || p.confirmed != 0 {
			t.Errorf("proposed: refused %v; abandoned %d; barred %d, confirmed %d", refused, p.abandoned, p.barred, p.confirmed)
		}
		for n := 2; n < 5; n++ {
			if r := p.refused[openings(10+n, 1)[0].ID()]; r.Kind != replica.NoQuorum {
				t.Errorf("queued: %+v", r)
			}
		}
		w.isolate(p, false)
		w.open(2)
		w.alike()
		for n := range 5 {
			if _, done := p.results[openings(10+n, 1)[0].ID()]; done {
				t.Errorf("request %d was executed although it was lost", n)
			}
		}
	})
}

// TestBarriersShareTheNextRound: a barrier that comes while a round is under way
// waits for the one after: the answers to the first may be older than it (R7).
func TestBarriersShareTheNextRound(t *testing.T) {
	w := startWorld(t, 8, "abc", false)
	p := w.awaitPrimary()
	w.run(10)
	for id := range replica.BarrierID(3) {
		p.step(replica.Barrier{ID: id + 1})
	}
	w.until("all are confirmed", func() bool { return p.confirmed == 3 })
	if len(p.confirmations) != 2 || p.confirmations[0] != 1 {
		t.Errorf("the rounds confirmed %v", p.confirmations)
	}
}

// TestTheClockIsNeverAnswered: what the clock of a reign wants and was not
// ordered is forgotten with the reign (T2).
func TestTheClockIsNeverAnswered(t *testing.T) {
	w := newWorld(t, 8)
	w.tweak = func(cfg *Config) { cfg.MaxInFlight = 1 }
	for _, p := range peersOf("abc") {
		w.add(p.Name, false, peersOf("abc")).start()
	}
	p := w.awaitPrimary()
	w.run(10)
	to := w.backup()
	expire := lock.Command{Verb: lock.Expire, Session: 5, Number: lock.Number(p.reigning)}
	p.step(replica.Submit{Commands: openings(1, 1)})
	p.step(replica.Submit{Commands: openings(2, 1)})
	p.step(replica.Submit{Commands: []lock.Command{expire}, View: p.reigning})
	p.step(replica.Instruct{ID: 1, Order: replica.Order{Kind: replica.SwitchOver, Name: to.name}})
	w.until("the handover", func() bool { return w.primary() == to && p.core.handover == nil })
	if _, sent := p.refused[openings(2, 1)[0].ID()]; !sent || len(p.refused) != 1 {
		t.Errorf("refused: %+v", p.refused)
	}
	w.run(5)
	for _, e := range w.history {
		if e.Command.Verb == lock.Expire {
			t.Errorf("%+v was ordered", e)
		}
	}
}

// TestLimits: the queue has one, which the clock passes; a batch has two.
func TestLimits(t *testing.T) {
	w := newWorld(t, 8)
	w.tweak = func(cfg *Config) { cfg.MaxQueue, cfg.MaxBatch, cfg.MaxInFlight = 10, 4, 1 }
	for _, p := range peersOf("abc") {
		w.add(p.Name, true, peersOf("abc")).start()
	}
	p := w.awaitPrimary()
	w.run(10)
	p.step(replica.Submit{Commands: openings(100, 4)}) // under way
	p.step(replica.Submit{Commands: openings(200, 12)})
	if n := len(p.refused); n != 2 || p.refused[openings(211, 1)[0].ID()].Kind != replica.Overloaded {
		t.Errorf("%d are refused: %+v", n, p.refused)
	}
	clock := []lock.Command{{Verb: lock.Expire, Session: 5, Number: lock.Number(p.reigning)}}
	p.step(replica.Submit{Commands: clock, View: p.reigning})
	if n := len(p.core.queue); n != 11 {
		t.Errorf("%d are queued", n)
	}
	w.until("all are executed", func() bool { return len(p.results) == 15 && len(p.core.proposals) == 0 })
	big := openings(300, 1)[0]
	big.Name = string(make([]byte, batchBytes/2))
	p.core.queue = []lock.Command{big, big, big}
	if n := p.core.batch(); n != 1 {
		t.Errorf("a batch of %d commands of %d bytes", n, batchBytes/2)
	}
	p.core.queue = nil
}

// TestViewIsRenewed: before a view runs out of tokens another begins (S3).
func TestViewIsRenewed(t *testing.T) {
	for _, names := range []string{"abc", "a"} {
		w := newWorld(t, 8)
		w.tweak = func(cfg *Config) { cfg.EntriesPerView, cfg.MaxBatch = 7, 3 }
		for _, p := range peersOf(names) {
			b := w.add(p.Name, true, peersOf(names))
			b.found = len(names) == 1
			b.start()
		}
		w.awaitPrimary()
		for n := range lock.Number(60) {
			w.open(n + 1)
		}
		perView := map[lock.View]int{}
		for _, e := range w.history {
			perView[e.View]++
		}
		for view, n := range perView {
			if n > 7 {
				t.Errorf("%s: view %d has %d entries", names, view, n)
			}
		}
		if len(w.history) < 60 {
			t.Errorf("%d entries", len(w.history))
		}
	}
}

// TestNothingAtMaxView: past the last view nobody is elected.
func TestNothingAtMaxView(t *testing.T) {
	w := startWorld(t, 8, "abc", true)
	w.awaitPrimary()
	w.run(5)
	for _, a := range w.names {
		b := w.nodes[a]
		b.crash()
		b.id.view = lock.MaxView
		b.start()
	}
	w.run(100)
	if p := w.primary(); p != nil {
		t.Fatalf("%s reigns in view %d", p.name, p.reigning)
	}
}
