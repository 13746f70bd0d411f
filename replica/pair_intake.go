package replica

import (
	"fmt"

	"lockstep/lock"
)

// intake is what a node without a role has got of a snapshot and the entries
// behind it (P7).
type intake struct {
	view lock.View // with base, the snapshot's name
	base lock.Index

	bytes      []byte
	installing bool
	installed  bool
	digest     lock.Digest // of the installed state at base
	index      lock.Index  // the last entry here, once installed
}

// older reports whether the chunk belongs to a later snapshot.
func (in *intake) older(m Chunk) bool {
	return in == nil || m.View > in.view || m.View == in.view && m.Base > in.base
}

func (in *intake) is(view lock.View, base lock.Index) bool {
	return in != nil && in.view == view && in.base == base
}

func (p *Pair) onChunk(m Chunk, cluster ClusterID) {
	if p.hasRole() || m.View > lock.MaxView {
		return
	}
	if p.handed() && m.View <= p.copy.view {
		return // from before the handover
	}
	if p.intake.older(m) {
		p.giveUp(Joining)
		if p.cfg.Durable && p.cluster == 0 && cluster != 0 {
			p.adopt(cluster) // a log says whose it is from its first byte
		}
		p.intake = &intake{view: m.View, base: m.Base}
		// Whoever reports on a snapshot of this view takes no START of an earlier
		// one any more. As its backup this node could go on alone in the very view
		// that the survivor chooses on that report.
		p.see(m.View)
	}
	in := p.intake
	if !in.is(m.View, m.Base) || in.installing || in.installed {
		return
	}
	if m.Offset == uint64(len(in.bytes)) {
		in.bytes = append(in.bytes, m.Bytes...)
		if uint64(len(in.bytes)) == m.Total {
			in.installing = true
			p.installs++
			p.do(Install{Bytes: in.bytes})
		}
	}
	p.report()
}

func (p *Pair) onInstalled(e Installed) {
	// With another Install under way this is about an earlier one: the state
	// that it tells of is replaced before anything else happens to it.
	p.installs--
	if p.copyInstalled(e) {
		return
	}
	in := p.intake
	if in == nil || !in.installing || p.installs > 0 {
		return
	}
	in.installing = false
	if !e.OK || e.Index != in.base {
		p.say(true, fmt.Sprintf("the snapshot at entry %d cannot be installed; asking for it again", in.base))
		in.bytes = nil
		return
	}
	in.installed, in.digest, in.index = true, e.Digest, e.Index
	p.replaceLog(in.base, in.bytes)
	p.report()
}

func (p *Pair) onTail(m Tail) {
	in := p.intake
	if p.hasRole() || !in.is(m.View, m.Base) || !in.installed {
		return
	}
	fresh := behind(m.Entries, in.index)
	if len(fresh) > 0 && fresh[0].Index == in.index+1 {
		in.index = fresh[len(fresh)-1].Index
		p.do(Apply{Entries: fresh})
		p.keep(fresh)
	}
	p.report()
}

// report tells the survivor how far the intake has got.
func (p *Pair) report() {
	in := p.intake
	if in == nil {
		return
	}
	p.send(Report{
		View: in.view, Highest: p.view, Base: in.base, Offset: uint64(len(in.bytes)),
		Installed: in.installed, Digest: in.digest, Index: in.index,
	})
}

// onStart makes this node the backup if it holds everything that START asks
// for. A repeated START is answered again: the acknowledgement was lost (P7).
func (p *Pair) onStart(m Start) {
	if p.role == Backup && m.View == p.view+1 && p.order.last == m.Index {
		// The primary renews its view (S3). Only PRIMARY(v) itself becomes
		// PRIMARY(v+1), and nothing was executed that is not here.
		p.enter(Backup, m.View, fmt.Sprintf("%s goes on in a new view", p.peer))
	}
	if p.role == Backup && m.View == p.view {
		p.suspect.alive() // nobody but this view's primary says so
		p.send(Ack{View: p.view, Index: p.kept()})
		return
	}
	if p.hasRole() || m.View < p.view || !p.holds(m) {
		return
	}
	if reason := p.otherCluster(m.Cluster); reason != "" {
		p.exit(reason)
		return
	}
	var index lock.Index
	p.adopt(m.Cluster)
	if m.Founding {
		p.replaceLog(0, nil)
		p.do(Reset{})
	} else {
		index = p.intake.index
	}
	p.intake = nil
	p.enter(Backup, m.View, fmt.Sprintf("%s is the primary; everything up to entry %d is here", p.peer, index))
	p.begin(index)
	p.send(Ack{View: p.view, Index: index})
}

// holds reports whether everything up to START's entry is here. The snapshot
// must be of an earlier view: it is by that view's end that START counts.
func (p *Pair) holds(m Start) bool {
	in := p.intake
	if m.Founding {
		return p.copy == nil
	}
	return in != nil && in.installed && in.view < m.View && in.index >= m.Index
}
