package remote

import (
	"lockstep/messages"
	"lockstep/replica"
)

// reads reports whether a frame's version can be understood.
func (p *Process) reads(version uint32) bool {
	return messages.Compatible(version) && version <= p.cfg.Version
}

// writes returns the version to write to a process that reads up to theirs, or
// zero if that is not known.
func (p *Process) writes(theirs uint32) uint32 {
	return max(messages.OldestVersion, min(theirs, p.cfg.Version))
}

// newest is what a header says about the versions that this process reads. The
// oldest version had no such field, and needs none.
func (p *Process) newest() uint32 {
	if p.cfg.Version == messages.OldestVersion {
		return 0
	}
	return p.cfg.Version
}

// versionOf returns the newest version that a process reads, or zero.
func (p *Process) versionOf(name replica.NodeID) uint32 {
	if name == p.address {
		return p.cfg.Version
	}
	n := p.neighbour(name)
	if n == nil {
		return 0
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.reads
}

// ownName is what a node that is known by some name calls itself.
func (p *Process) ownName(name replica.NodeID) replica.NodeID {
	if n := p.neighbour(name); n != nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.newest != nil {
			return n.newest.address
		}
	}
	return name
}
