package replica

import (
	"fmt"

	"lockstep/lock"
)

// Limits of what travels to a joiner without being reported back.
const (
	chunkWindow = 4    // pieces of a snapshot
	tailWindow  = 8192 // entries behind it
	// startWindow is how many entries a joiner may be behind when the survivor
	// makes it the backup: clients wait until it has caught up. A busy survivor
	// goes through thousands between two reports, and must get to this point.
	startWindow = tailWindow
)

// transfer is what the survivor knows of the joiner that it feeds (P7). It goes
// on serving alone meanwhile; the entries since the snapshot are kept.
type transfer struct {
	view   lock.View // with base, the snapshot's name
	base   lock.Index
	taken  bool // bytes and digest are there
	bytes  []byte
	digest lock.Digest

	offset, sent uint64     // of bytes: reported, and sent
	installed    bool       // the joiner has it all
	index, tail  lock.Index // of entries: reported, and sent
	idle         int        // ticks without a report that told something new
}

// beginTransfer answers a joiner's hello by asking for a snapshot.
func (p *Pair) beginTransfer() {
	if p.transfer != nil {
		return
	}
	p.transfer = &transfer{view: p.view, base: p.order.applied}
	p.takeSnapshot()
}

func (p *Pair) onSnapshotTaken(e SnapshotTaken) {
	p.snapshots--
	p.shorten(e)
	p.growFrom(e)
	t := p.transfer
	if t == nil || t.taken || e.Index != t.base {
		return // of an earlier transfer: the one asked for comes after it
	}
	t.taken, t.bytes, t.digest = true, e.Bytes, e.Digest
	t.index, t.tail = t.base, t.base
	p.say(false, fmt.Sprintf("sending a snapshot of %d bytes at entry %d to %s", len(t.bytes), t.base, p.peer))
	p.feed(false)
}

// feed sends the joiner what fits into its window. At ticks it goes back to
// what was reported when nothing new has been for a while.
func (p *Pair) feed(tick bool) {
	t := p.transfer
	if t == nil {
		return
	}
	if len(p.order.entries) > p.cfg.MaxRetained {
		p.say(true, "the joiner is too slow for the entries kept for it: it gets a new snapshot")
		p.transfer = nil
		p.order.forget(p.order.applied)
		return
	}
	if !t.taken {
		return
	}
	if tick {
		t.rewind()
	}
	if t.installed {
		p.sendTail(t)
	} else {
		p.sendChunks(t)
	}
}

func (t *transfer) rewind() {
	if t.idle++; t.idle >= 2 {
		t.idle, t.sent, t.tail = 0, t.offset, t.index
	}
}

func (p *Pair) sendChunks(t *transfer) {
	size, total := uint64(p.cfg.ChunkBytes), uint64(len(t.bytes))
	for t.sent < total && t.sent-t.offset < chunkWindow*size {
		end := min(t.sent+size, total)
		p.send(Chunk{View: t.view, Base: t.base, Offset: t.sent, Total: total, Bytes: t.bytes[t.sent:end:end]})
		t.sent = end
	}
	if total == 0 {
		p.send(Chunk{View: t.view, Base: t.base})
	}
}

func (p *Pair) sendTail(t *transfer) {
	entries := p.order.after(t.tail)
	room := int(t.index + tailWindow - t.tail)
	n := p.batch(min(len(entries), room), func(i int) *lock.Command { return &entries[i].Command })
	if n <= 0 {
		return
	}
	p.send(Tail{View: t.view, Base: t.base, Entries: entries[:n:n]})
	t.tail += lock.Index(n)
}

// onReport moves the windows, and makes the joiner the backup when it is close.
func (p *Pair) onReport(r Report) {
	t := p.transfer
	if t == nil || !t.taken || r.View != t.view || r.Base != t.base {
		return
	}
	if r.Offset > uint64(len(t.bytes)) || r.Index > p.order.last {
		return
	}
	if r.Offset != t.offset || r.Index > t.index {
		t.idle = 0
	}
	t.offset = r.Offset
	t.sent = max(t.sent, t.offset)
	if r.Installed && !p.joinerHas(t, r) {
		return
	}
	p.feed(false)
}

// joinerHas notes what the joiner has installed. It reports false when the
// state is not the one that was sent, and a new snapshot is due.
func (p *Pair) joinerHas(t *transfer, r Report) bool {
	if r.Digest != t.digest {
		p.transfer = nil
		p.order.forget(p.order.applied)
		if p.role == Solo {
			// A new view gives the next snapshot a name of its own.
			p.enter(Solo, p.view+soloStep, "the joiner's copy differs from the snapshot that it was sent; it gets a new one")
		}
		return false
	}
	t.installed = true
	t.index = max(t.index, r.Index)
	t.tail = max(t.tail, t.index)
	if p.role == Solo && p.order.last-t.index <= startWindow {
		p.reignWith(t, r.Highest)
	}
	return true
}

// reignWith is the one step in which a survivor becomes PRIMARY: from here on
// every answer waits for the joiner (P7). The view is above all that either has
// seen, so that nobody can hold it already.
func (p *Pair) reignWith(t *transfer, highest lock.View) {
	p.order.acked = t.index
	p.enter(Primary, max(p.view, highest)+1, fmt.Sprintf("%s has everything up to entry %d of %d", p.peer, t.index, p.order.last))
	p.starting = true
	p.start()
}

// start repeats START until the backup's first acknowledgement. Nothing is
// numbered before that, so it asks for everything there is.
func (p *Pair) start() {
	if !p.starting {
		return
	}
	p.send(Start{View: p.view, Index: p.order.last, Cluster: p.cluster, Founding: p.founding})
}

// started is the backup's first acknowledgement: it has taken the START.
func (p *Pair) started(index lock.Index) {
	if !p.starting {
		return
	}
	p.starting, p.founding, p.renewing, p.transfer = false, false, false, nil
	p.order.acked = index
	p.order.forget(min(p.order.applied, index))
	p.say(false, fmt.Sprintf("paired with %s in view %d", p.peer, p.view))
	p.pump()
}
