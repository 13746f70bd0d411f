package quorum

import "lockstep/replica"

// Pair is a node of a pair that may become one of a quorum while it runs
// (replica.Turn). It hosts the core of the one and then that of the other: the shell
// sees one core.
type Pair struct {
	core   replica.Core
	turned bool
	cfg    Config
}

// NewPair hosts a node of a pair. Of cfg it takes what a node of a quorum is started
// with; who the members are, and what this one is called, it learns when it turns.
func NewPair(pair *replica.Pair, cfg Config) *Pair { return &Pair{core: pair, cfg: cfg} }

// Step handles one event. See replica.Core.
func (p *Pair) Step(ev replica.Event) []replica.Effect {
	effects := p.core.Step(ev)
	if p.turned {
		return p.hasten(ev, effects)
	}
	if len(effects) == 0 {
		return effects
	}
	last := len(effects) - 1
	turn, ok := effects[last].(replica.Turn)
	if !ok {
		return effects
	}
	p.turned = true
	q := newGrown(p.cfg, turn)
	p.core = q
	effects = append(effects[:last:last], q.out...)
	if turn.Event != nil {
		effects = append(effects, q.Step(turn.Event)...)
	}
	return effects
}

// hasten has who has decided ask for its election as soon as it may: clients wait.
func (p *Pair) hasten(ev replica.Event, effects []replica.Effect) []replica.Effect {
	switch ev.(type) {
	case replica.Synced, replica.Stored:
		q := p.core.(*Quorum)
		if q.founding == 1 && q.node != nil && !q.over { // of a later founding the ticks are more
			q.tickFounding()
			q.settle()
			return q.out
		}
	}
	return effects
}

// Status tells where the node stands.
func (p *Pair) Status() replica.Status { return p.core.Status() }

// Turned reports whether this node is one of a quorum.
func (p *Pair) Turned() bool { return p.turned }

// newGrown begins a node's part in the quorum that its pair becomes. What it has to
// do first is in out: the identity before everything (P0).
func newGrown(cfg Config, t replica.Turn) *Quorum {
	b := &t.Became
	cfg.Name, cfg.Peers, cfg.Member = b.Name(), b.Peers(), b.Self
	cfg.View, cfg.Cluster, cfg.HasIdentity = b.View, b.Cluster, true
	q, err := New(cfg, replica.Recovered{})
	if err != nil {
		panic("quorum: a node without a log does not begin: " + err.Error())
	}
	q.cluster = b.Cluster
	q.disk.seq, q.disk.strict = t.Stores, t.Stores
	q.views.syncing = append(q.views.syncing, b.View)
	q.out = append(q.out, replica.Persist{View: b.View, Cluster: b.Cluster, Became: b})
	q.beginAt(beginning(b.View), headerOf(b, t.Digest), t.Table)
	q.ticks = 1
	if t.Event == nil {
		q.founding = q.ticks // who has decided asks for its election at once
	}
	q.settle()
	return q
}
