package locktest

// Speak makes nodes and clients that start from now on speak a version of the
// protocol.
func (p *Pair) Speak(version uint32) { p.network.Speak(version) }

// Speak does the same for a cluster.
func (c *Cluster) Speak(version uint32) { c.network.Speak(version) }
