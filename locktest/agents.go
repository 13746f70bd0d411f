package locktest

import (
	"lockstep/actors"
	"lockstep/remote"
)

// StartAgents starts what a node serves the sessions of an API with; once in each
// life of the node. The node can be killed under them, which they do not notice by
// themselves: they are killed with it, or with the test.
func (c *Cluster) StartAgents(i int) *actors.Agents {
	c.t.Helper()
	agents := remote.StartAgents(c.alive(i), "")
	c.t.Cleanup(agents.Kill)
	return agents
}

// StartAgents does the same for the first node of a pair, or the second.
func (p *Pair) StartAgents(i int) *actors.Agents {
	p.t.Helper()
	agents := remote.StartAgents(p.alive(i), "")
	p.t.Cleanup(agents.Kill)
	return agents
}
