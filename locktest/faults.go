package locktest

import (
	"time"

	"lockstep/actors"
	"lockstep/remote"
)

// KillPrimary ends the primary at once, as kill -9 does.
func (p *Pair) KillPrimary() { p.kill(0) }

// KillBackup ends the backup at once.
func (p *Pair) KillBackup() { p.kill(1) }

func (p *Pair) kill(i int) {
	p.t.Helper()
	p.alive(i).Kill()
	p.members[i].node = nil
}

// alive returns a node that a fault is to happen to.
func (p *Pair) alive(i int) *remote.Node {
	p.t.Helper()
	node := p.members[i].node
	if node == nil {
		p.t.Fatalf("locktest: %s is dead already", p.Nodes()[i])
	}
	return node
}

// RestartPrimary starts the primary again, killing it first if it lives. It
// comes back with its identity and, unless the pair is Durable, without its
// locks. AwaitPaired tells when it has caught up.
func (p *Pair) RestartPrimary() { p.restart(0) }

// RestartBackup starts the backup again, like RestartPrimary.
func (p *Pair) RestartBackup() { p.restart(1) }

func (p *Pair) restart(i int) {
	p.t.Helper()
	if p.members[i].node != nil {
		p.kill(i)
	}
	p.start(p.members[i])
}

// PrimaryDiesBeforeReply makes the primary take exactly one more Lock or Unlock:
// it is executed and forwarded, but its reply never leaves, and the primary is
// silent from then on while its connections stay open. The channel is closed at
// that moment.
func (p *Pair) PrimaryDiesBeforeReply() <-chan struct{} {
	dead := make(chan struct{})
	p.t.Helper()
	node := p.alive(0)
	node.Root().Send(node.Actors.LockTable, actors.DieBeforeReply{Died: func() {
		node.Silence()
		close(dead)
	}})
	return dead
}

// BackupDiesBeforeAck makes the backup take one more batch of entries without
// ever acknowledging it; it is silent from then on while its connections stay
// open. The channel is closed at that moment.
func (p *Pair) BackupDiesBeforeAck() <-chan struct{} {
	dead := make(chan struct{})
	p.t.Helper()
	node := p.alive(1)
	node.Root().Send(node.Actors.Replicator, actors.DieBeforeAck{Died: func() {
		node.Silence()
		close(dead)
	}})
	return dead
}

// PausePrimary makes the primary stand still for d, as SIGSTOP does: what
// arrives meanwhile waits for it. It returns when the pause is over.
func (p *Pair) PausePrimary(d time.Duration) { p.pause(0, d) }

// PauseBackup makes the backup stand still for d, like PausePrimary.
func (p *Pair) PauseBackup(d time.Duration) { p.pause(1, d) }

func (p *Pair) pause(i int, d time.Duration) {
	p.t.Helper()
	p.hold(i, true)
	time.Sleep(d)
	p.hold(i, false)
}

func (p *Pair) hold(i int, held bool) {
	p.t.Helper()
	node := p.alive(i)
	node.Hold(held)
	node.Actors.HoldTicks(held)
}

// PauseBoth makes both nodes stand still for d. Leases whose TTL is shorter are
// lost meanwhile.
func (p *Pair) PauseBoth(d time.Duration) {
	p.t.Helper()
	for i := range p.members {
		p.hold(i, true)
	}
	time.Sleep(d)
	for i := range p.members {
		p.hold(i, false)
	}
}
