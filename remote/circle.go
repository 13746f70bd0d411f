package remote

import (
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/actors"
	"lockstep/messages"
	"lockstep/replica"
)

// circle is whom this process knows by configuration. It is replaced as a whole,
// and read by everybody.
type circle struct {
	friends []replica.NodeID // the protocol is spoken with them
	known   []replica.NodeID // those of Config.Nodes, and what clients wish for
	nodes   []replica.NodeID // all of them: they are dialled until they answer
}

func newCircle(friends, known []replica.NodeID) *circle {
	return &circle{friends, known, slices.Concat(known, without(friends, known))}
}

func (p *Process) friend(name replica.NodeID) bool {
	return slices.Contains(p.circle.Load().friends, name)
}

func (p *Process) configured(name replica.NodeID) bool {
	return slices.Contains(p.circle.Load().nodes, name)
}

// Befriend says which nodes the protocol is spoken with from now on. Those of
// before who are not among them become strangers.
func (p *Process) Befriend(nodes []replica.NodeID) {
	was, is := p.turn(func(c *circle) { c.friends = p.others(nodes) })
	if _, replicator := p.served(); replicator != nil {
		p.bringUpToDate(replicator, without(is.friends, was.friends)...)
	}
}

// Know says which nodes a client wants to be dialled until they answer, besides
// those of the configuration, and in place of those that it wanted before. Clients
// are told of the links to them.
func (p *Process) Know(client messages.ClientID, nodes []replica.NodeID) {
	was, is := p.turn(func(c *circle) {
		before, now := p.wishes[client], p.others(nodes)
		p.wishes[client] = now
		if len(now) == 0 {
			delete(p.wishes, client)
		}
		for _, name := range without(now, before) {
			p.wishers[name]++
			c.known = slices.Concat(c.known, without([]replica.NodeID{name}, c.known))
		}
		for _, name := range without(before, now) {
			if p.wishers[name]--; p.wishers[name] > 0 {
				continue
			}
			delete(p.wishers, name)
			if !slices.Contains(p.cfg.Nodes, name) {
				c.known = without(c.known, []replica.NodeID{name})
			}
		}
	})
	for _, name := range without(is.nodes, was.nodes) {
		for _, pid := range p.everyClient() {
			p.bringUpToDate(pid, name)
		}
	}
}

// turn changes the circle, and sees to the links of who came and who went.
func (p *Process) turn(change func(*circle)) (was, is circle) {
	p.turning.Lock()
	defer p.turning.Unlock()
	was = *p.circle.Load()
	is = was
	change(&is)
	is = *newCircle(is.friends, is.known)
	p.circle.Store(&is)
	for _, name := range without(was.nodes, is.nodes) {
		if n := p.neighbour(name); n != nil {
			n.configured.Store(false) // and it is forgotten like any other
		}
	}
	for _, name := range without(is.nodes, was.nodes) {
		if n := p.meet(name); n != nil {
			n.configured.Store(true)
			p.system.Root.Send(n.link, upkeep{})
		}
	}
	return was, is
}

// others returns a list without this process and without repeats.
func (p *Process) others(nodes []replica.NodeID) (others []replica.NodeID) {
	for _, name := range nodes {
		if name != p.address && !slices.Contains(others, name) {
			others = append(others, name)
		}
	}
	return others
}

func without(list, those []replica.NodeID) (rest []replica.NodeID) {
	for _, name := range list {
		if !slices.Contains(those, name) {
			rest = append(rest, name)
		}
	}
	return rest
}

// bringUpToDate tells an actor of the links that stand already. Of one that comes up in
// this very moment it may hear twice, as if that had broken in between.
func (p *Process) bringUpToDate(pid *actor.PID, nodes ...replica.NodeID) {
	for _, node := range nodes {
		if n := p.neighbour(node); n != nil && n.isOpen() {
			p.system.Root.Send(pid, &actors.LinkUp{Node: node})
		}
	}
}
