package replica

import (
	"errors"
	"fmt"

	"lockstep/lock"
)

// After a start a durable node has what its log holds (P8). Whether that is the
// newest copy only the peer can say, with one exception: who was SOLO when it
// stopped, and has never heard of a later reign, has everything that anybody was
// answered. So a node with a log does one of these:
//
//   - It hears nobody for N ticks, was SOLO in the highest view it knows of, and
//     goes on alone, soloStep views above.
//   - It hears the peer, which has no role either, and theirs is the lesser copy
//     or none: it goes on alone above all views that either has seen, and the
//     peer joins.
//   - It hears the peer reign, and gives its own copy up.
//   - It waits. What it has may be out of date.

// restored is the copy in the log of this node's former lives, or the one that it
// keeps after a handover, until the node takes it up or gives it up.
type restored struct {
	standing
	handedTo     Incarnation // not of a log: the life of the peer that was to take over
	asked, ready bool        // the table was told to install the snapshot; it has
	snapshot     []byte
	base, last   lock.Index
	entries      []lock.Entry // behind base
	pieces       uint64       // the number of the last piece
	behind       uint64       // bytes of the pieces behind the snapshot
}

// recover reads the log.
func (p *Pair) recover(log *Recovered) error {
	if !p.cfg.Durable {
		if !log.Empty() {
			return errors.New("replica: the node has a log and is started without durability")
		}
		return nil
	}
	c, err := readPairLog(log, p.cfg.Codec)
	if err != nil {
		return err
	}
	p.disk.says = c.standing
	p.disk.base, p.disk.pieces, p.disk.behind, p.disk.snapshot = c.base, c.pieces, c.behind, uint64(len(c.snapshot))
	p.view = max(p.view, c.view)
	p.synced = p.view
	if c.whole() {
		p.copy = c
	}
	return nil
}

// readPairLog returns what a log holds. Of a log that is no copy only the rest
// of its numbers counts: it will be replaced.
func readPairLog(log *Recovered, codec Codec) (*restored, error) {
	c := &restored{}
	if s := log.Snapshot; s != nil {
		c.base, c.snapshot, c.pieces = lock.Index(s.Term), s.Data, s.Index
	}
	c.last = c.base
	if log.State == nil {
		if !log.Empty() {
			return nil, errors.New("replica: the log does not say which role it is of")
		}
		return c, nil
	}
	var err error
	if c.standing, err = decodeStanding(log.State); err != nil {
		return nil, err
	}
	for i := range log.Entries {
		if err := c.read(&log.Entries[i], codec); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// read takes the next piece of the log.
func (c *restored) read(piece *LogEntry, codec Codec) error {
	commands, err := codec.DecodeCommands(piece.Data)
	if err != nil {
		return fmt.Errorf("replica: piece %d of the log: %w", piece.Index, err)
	}
	view := lock.View(piece.Term)
	switch {
	case piece.Index != c.pieces+1:
		return fmt.Errorf("replica: in the log, piece %d is followed by %d", c.pieces, piece.Index)
	case len(commands) == 0:
		return fmt.Errorf("replica: piece %d of the log is empty", piece.Index)
	case view == 0 || c.whole() && view > c.view || len(c.entries) > 0 && view < c.entries[len(c.entries)-1].View:
		return fmt.Errorf("replica: piece %d of the log is of view %d, and the log of view %d", piece.Index, view, c.view)
	}
	for _, command := range commands {
		c.last++
		c.entries = append(c.entries, lock.Entry{View: view, Index: c.last, Command: command})
	}
	c.pieces, c.behind = piece.Index, c.behind+uint64(len(piece.Data))
	return nil
}

// installCopy puts the log's snapshot in place before anything else, so that a
// node whose snapshot cannot be read says so before it counts on it.
func (p *Pair) installCopy() {
	c := p.copy
	if c == nil || c.asked {
		return
	}
	c.asked = true
	if len(c.snapshot) == 0 {
		c.ready = true
		return
	}
	p.installs++
	p.out = append(p.out, Install{Bytes: c.snapshot})
	c.snapshot = nil
}

// copyInstalled reports whether Installed was about the log's snapshot.
func (p *Pair) copyInstalled(e Installed) bool {
	c := p.copy
	if c == nil || c.ready {
		return false
	}
	if !e.OK || e.Index != c.base {
		p.exit(fmt.Sprintf("the snapshot in the log, of entry %d, cannot be read; if the peer runs, an empty state directory gets a new copy from it", c.base))
	}
	c.ready = true
	return true
}

// above reports whether a copy is the one to go on with: that of the higher
// view, in it the longer one. Between equal ones the start decides.
func above(view lock.View, index lock.Index, m Hello, asPrimary bool) bool {
	switch {
	case view != m.LogView:
		return view > m.LogView
	case index != m.LogIndex:
		return index > m.LogIndex
	default:
		return asPrimary
	}
}

// meet is the peer without a role, at a node without one. Whoever has the better
// copy goes on with it; without any, the pair is founded (P0, P8). Knows proves
// that the peer has heard this very life, so that it takes no role by itself.
func (p *Pair) meet(m Hello, cluster ClusterID) {
	if !p.stillMine(m) {
		return
	}
	c := p.copy
	if c == nil {
		if m.LogView == 0 {
			p.found(m, cluster)
		}
		return
	}
	if c.role == Solo {
		// The peer may go on in a view above those that it has seen. Once it has
		// heard that this node knows of it, this node must not reach the same one by
		// going on alone, in a later life neither.
		p.see(min(max(m.View, m.LogView), lock.MaxView))
	}
	if m.Knows != p.cfg.Incarnation || !c.ready || !above(c.view, c.last, m, p.cfg.AsPrimary) {
		return
	}
	next := max(p.view, m.View) + 1
	if m.View == 0 {
		// It has lost its identity too, and may have reigned in any view that can
		// follow from the last one that both were in.
		next = p.view + foundLeap
	}
	if m.LogView == 0 && (m.View == 0 || m.View > c.view) {
		p.say(true, fmt.Sprintf("%s has lost its copy: locks that it alone has granted after view %d are lost", p.peer, c.view))
	}
	p.adoptAny(cluster)
	p.resume(next, fmt.Sprintf("%s has no newer copy than entry %d of view %d", p.peer, c.last, c.view))
}

// resumeAlone is for a node with a log that hears nobody.
func (p *Pair) resumeAlone(highest lock.View) {
	c := p.copy
	switch {
	case !c.ready:
	case p.cfg.Found:
		p.resume(highest+foundLeap, "alone by -found, with the copy on disk: locks that only the peer has granted since are lost")
	case c.role == Solo && highest == c.view && !p.life.serving:
		p.resume(c.view+soloStep, "this node was alone when it stopped, so nobody has a newer copy")
	case p.suspect.count != p.suspect.limit:
	default:
		p.say(true, fmt.Sprintf("waiting for %s: it may have gone on since this node stopped, in view %d at entry %d; start the peer, or restart this node with -found if the peer's copy is lost", p.peer, c.view, c.last))
	}
}

// resume goes on alone with the copy of the log.
func (p *Pair) resume(view lock.View, why string) {
	c := p.copy
	p.adoptAny(0)
	p.copy = nil
	p.enter(Solo, view, why)
	if p.over {
		return
	}
	p.begin(c.base)
	if c.base == 0 {
		p.do(Reset{})
	}
	p.order.entries, p.order.last, p.order.stored = c.entries, c.last, c.last
	p.send(Alone{View: p.view})
	p.settle()
}

// PairCopy is what the log of a pair's node holds, for those who go on with it as
// something else.
type PairCopy struct {
	Role     Role      // the node's last one
	View     lock.View // of that
	Snapshot []byte    // of the table; nil for an empty one
	Entries  []lock.Entry
	Last     lock.Index
}

// ErrNoCopy says that a log is sound and no copy: others have gone on since.
var ErrNoCopy = errors.New("replica: the log is no copy: the node had lost its role, or had not got all of one")

// ReadPair reads the log of a node of a pair. It fails with ErrNoCopy if that is
// none.
func ReadPair(log Recovered, codec Codec) (PairCopy, error) {
	c, err := readPairLog(&log, codec)
	switch {
	case err != nil:
		return PairCopy{}, err
	case !c.whole():
		return PairCopy{}, ErrNoCopy
	}
	return PairCopy{Role: c.role, View: c.view, Snapshot: c.snapshot, Entries: c.entries, Last: c.last}, nil
}
