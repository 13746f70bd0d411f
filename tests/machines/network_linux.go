package machines

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// Network carries packets between machines.
type Network struct {
	mu       sync.RWMutex
	machines map[netip.Addr]*Machine
	last     netip.Addr
	troubles map[link]*trouble
	group    sync.WaitGroup
}

// link is one direction between two machines.
type link struct{ from, to *Machine }

// trouble is what is wrong with a link. None of it changes once it is in use.
type trouble struct {
	cut   bool
	loss  float64
	delay time.Duration
	queue chan late // with delay
}

// late is a packet that is on its way.
type late struct {
	due    time.Time
	packet []byte
}

// Addresses that no network of anybody has: they are set aside for measuring.
var (
	network = netip.MustParsePrefix("198.18.0.0/24")
	mask    = []byte{255, 255, 255, 0}
)

// New returns a network without machines. The process must be inside.
func New() (*Network, error) {
	if !Inside() {
		return nil, errors.New("machines: this process has no namespaces of its own: start it with Enter")
	}
	n := &Network{machines: map[netip.Addr]*Machine{}, last: network.Addr(), troubles: map[link]*trouble{}}
	return n, errors.Join(apart(), loop())
}

func (n *Network) next() (netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	next := n.last.Next()
	if !network.Contains(next.Next()) {
		return next, errors.New("there are no more addresses")
	}
	n.last = next
	return next, nil
}

// add lets a machine's packets flow.
func (n *Network) add(m *Machine) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.machines[m.Address] = m
	n.group.Go(func() { n.carry(m) })
}

// Close unplugs all machines.
func (n *Network) Close() {
	n.Mend()
	n.mu.Lock()
	for _, m := range n.machines {
		m.wire.Close()
		if m.do != nil {
			close(m.do)
		}
	}
	clear(n.machines)
	n.mu.Unlock()
	n.group.Wait()
}

// Cut drops every packet from one machine to another. The other way round is
// another link.
func (n *Network) Cut(from, to *Machine) { n.set(link{from, to}, &trouble{cut: true}) }

// Slow delays every packet from one machine to another, and loses some.
func (n *Network) Slow(from, to *Machine, delay time.Duration, loss float64) {
	n.set(link{from, to}, &trouble{loss: loss, delay: delay})
}

// Heal makes one direction whole.
func (n *Network) Heal(from, to *Machine) { n.set(link{from, to}, nil) }

// Mend makes the whole network whole.
func (n *Network) Mend() {
	n.mu.Lock()
	links := make([]link, 0, len(n.troubles))
	for l := range n.troubles {
		links = append(links, l)
	}
	n.mu.Unlock()
	for _, l := range links {
		n.set(l, nil)
	}
}

// underway is how many packets a slow link holds; what comes then is lost.
const underway = 4096

func (n *Network) set(l link, t *trouble) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if before := n.troubles[l]; before != nil && before.queue != nil {
		close(before.queue) // what is under way still arrives
	}
	if t == nil {
		delete(n.troubles, l)
		return
	}
	if t.delay > 0 {
		t.queue = make(chan late, underway)
		n.group.Go(func() { deliver(l.to, t.queue) })
	}
	n.troubles[l] = t
}

func deliver(to *Machine, queue <-chan late) {
	for p := range queue {
		time.Sleep(time.Until(p.due)) // the length of the wire
		_, _ = to.wire.Write(p.packet)
	}
}

// carry takes a machine's packets to where they should go.
func (n *Network) carry(from *Machine) {
	buffer := make([]byte, largestPacket)
	for {
		size, err := from.wire.Read(buffer)
		if err != nil {
			return
		}
		n.forward(from, buffer[:size])
	}
}

// Where an IPv4 packet says where it goes.
const (
	destination = 16
	headerSize  = 20
)

// forward holds the lock so long that no packet passes a link after it was cut. A
// packet that a machine does not take is lost, as on any wire.
func (n *Network) forward(from *Machine, packet []byte) {
	if len(packet) < headerSize || packet[0]>>4 != 4 {
		return
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	to := n.machines[netip.AddrFrom4([4]byte(packet[destination:]))]
	if to == nil {
		return
	}
	t := n.troubles[link{from, to}]
	switch {
	case t == nil:
		_, _ = to.wire.Write(packet)
	case t.cut || t.loss > 0 && rand.Float64() < t.loss:
	case t.queue == nil:
		_, _ = to.wire.Write(packet)
	default:
		select {
		case t.queue <- late{time.Now().Add(t.delay), append([]byte(nil), packet...)}:
		default:
		}
	}
}
