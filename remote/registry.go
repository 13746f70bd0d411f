package remote

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"lockstep/replica"
)

// networks finds an in-process network by the host part of its addresses, so
// that a program under test can dial a node of one by its address alone, like
// any other. A process has few networks, and only in tests.
var (
	networks      sync.Map // host → *Network
	networkNumber atomic.Uint64
)

// NewAddress returns an address on this network that nobody has. NetworkOf
// knows it.
func (n *Network) NewAddress() replica.NodeID {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.host == "" {
		n.host = fmt.Sprintf("inprocess-%d", networkNumber.Add(1))
		networks.Store(n.host, n)
	}
	n.lastPort++
	return replica.NodeID(fmt.Sprintf("%s:%d", n.host, n.lastPort))
}

// NetworkOf returns the in-process network that made an address, or nil.
func NetworkOf(address replica.NodeID) *Network {
	host, _, err := net.SplitHostPort(string(address))
	if err != nil {
		return nil
	}
	n, _ := networks.Load(host)
	network, _ := n.(*Network)
	return network
}
