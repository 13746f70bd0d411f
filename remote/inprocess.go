package remote

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"

	"lockstep/messages"
	"lockstep/replica"
)

// How often an address is dialled, and how often a refusal is reported.
const (
	dialPeriod   = 20 * time.Millisecond
	refusedEvery = 20 * time.Millisecond
)

// Network is a network inside this program, for tests: no sockets, and no clock
// but Go's, so that it can run in a synctest bubble. Every frame is turned into
// bytes and back.
type Network struct {
	mu       sync.Mutex
	plugs    map[replica.NodeID]*plug
	lastPort int
	host     string // of the addresses that NewAddress makes

	version uint32 // that processes speak which start from now on; 0 is the newest

	cuts   map[way]bool
	healed chan struct{} // closed by Heal
}

// way is the direction from one address to another.
type way struct{ from, to replica.NodeID }

// NewNetwork returns a network without processes.
func NewNetwork() *Network {
	return &Network{plugs: map[replica.NodeID]*plug{}, lastPort: 20_000, cuts: map[way]bool{}, healed: make(chan struct{})}
}

// Speak makes processes that start from now on behave as if they knew no newer
// version of the protocol. Zero is the newest again.
func (n *Network) Speak(version uint32) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.version = version
}

func (n *Network) speaks() uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.version
}

// Cut holds back what is sent from one address to another, until Heal. Nobody is
// told: a connection that stands goes on standing, and a new one is not refused
// but does not come about.
func (n *Network) Cut(from, to replica.NodeID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cuts[way{from, to}] = true
}

// Heal ends all cuts. What was held back arrives, in order.
func (n *Network) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.cuts)
	close(n.healed)
	n.healed = make(chan struct{})
}

// passable returns nil if frames pass that way, else what is closed when cuts
// have ended.
func (n *Network) passable(from, to replica.NodeID) <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cuts[way{from, to}] {
		return n.healed
	}
	return nil
}

// Start starts a process on this network. An empty Listen, or port 0, takes an
// address that nobody else has; any other must be free.
func (n *Network) Start(cfg Config) (*Process, error) {
	if cfg.Version == 0 {
		cfg.Version = n.speaks()
	}
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	p := newProcess(cfg)
	plug := &plug{network: n, process: p, wires: map[replica.NodeID]*wire{}}
	p.transport = plug
	if err := n.attach(plug, cfg); err != nil {
		return nil, err
	}
	p.dialNodes()
	return p, nil
}

// attach makes a process reachable.
func (n *Network) attach(plug *plug, cfg Config) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := plug.process
	p.address = n.freeAddress(cfg)
	if n.plugs[p.address] != nil {
		return errInUse(string(p.address), errors.New("a process of this network has it"))
	}
	p.system.ProcessRegistry.Address = string(p.address)
	if err := p.begin(); err != nil {
		return err
	}
	n.plugs[p.address] = plug
	return nil
}

func (n *Network) freeAddress(cfg Config) replica.NodeID {
	if cfg.Advertise != "" {
		return replica.NodeID(cfg.Advertise)
	}
	if host, port, err := net.SplitHostPort(cfg.Listen); err == nil && port != "0" && host != "" {
		return replica.NodeID(cfg.Listen)
	}
	n.lastPort++
	return replica.NodeID(fmt.Sprintf("127.0.0.1:%d", n.lastPort))
}

func (n *Network) find(address replica.NodeID) *plug {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.plugs[address]
}

func (n *Network) detach(plug *plug) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.plugs[plug.process.address] == plug {
		delete(n.plugs, plug.process.address)
	}
}

// plug is one process's end of the network.
type plug struct {
	network *Network
	process *Process

	mu       sync.Mutex
	wires    map[replica.NodeID]*wire // outgoing
	incoming []*wire
	stopped  bool
}

var _ transport = (*plug)(nil)

func (p *plug) transmit(to replica.NodeID, f *messages.Frame) {
	bytes, err := proto.Marshal(f)
	if err != nil {
		panic(err) // a Frame has nothing that cannot be encoded
	}
	if w := p.wire(to); w != nil {
		w.put(bytes)
	}
}

// wire returns the connection to an address and begins one if there is none.
func (p *plug) wire(to replica.NodeID) *wire {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return nil
	}
	w := p.wires[to]
	if w == nil {
		w = &wire{from: p, to: to, more: make(chan struct{}, 1), broken: make(chan struct{})}
		p.wires[to] = w
		go w.run()
	}
	return w
}

func (p *plug) cut(to replica.NodeID) {
	p.mu.Lock()
	w := p.wires[to]
	p.mu.Unlock()
	if w != nil {
		w.cut()
	}
}

func (p *plug) maintain() {}

func (p *plug) stop() {
	p.network.detach(p)
	p.mu.Lock()
	p.stopped = true
	all := p.incoming
	for _, w := range p.wires {
		all = append(all, w)
	}
	p.mu.Unlock()
	for _, w := range all {
		w.cut()
	}
}

// accept takes an incoming wire, unless the process has just ended.
func (p *plug) accept(w *wire) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return false
	}
	alive := p.incoming[:0]
	for _, w := range p.incoming {
		if !w.isBroken() {
			alive = append(alive, w)
		}
	}
	p.incoming = append(alive, w)
	return true
}

// drop forgets a wire that ended, and reports it unless this process ended too.
func (p *plug) drop(w *wire) {
	p.mu.Lock()
	if p.wires[w.to] == w {
		delete(p.wires, w.to)
	}
	stopped := p.stopped
	p.mu.Unlock()
	if !stopped {
		p.process.terminated(w.to)
	}
}

// wire is one connection, from the process that dialled it to the other.
type wire struct {
	from *plug
	to   replica.NodeID

	mu     sync.Mutex
	queue  [][]byte
	more   chan struct{} // holds one signal: the queue has grown
	broken chan struct{}
	once   sync.Once
}

func (w *wire) put(bytes []byte) {
	w.mu.Lock()
	w.queue = append(w.queue, bytes)
	w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
}

func (w *wire) cut() { w.once.Do(func() { close(w.broken) }) }

func (w *wire) isBroken() bool {
	select {
	case <-w.broken:
		return true
	default:
		return false
	}
}

var streamNumbers atomic.Uint64

// run is the one goroutine of a wire: it dials, and then reads for the receiver.
func (w *wire) run() {
	defer w.from.drop(w)
	defer w.cut()
	target := w.dial()
	if target == nil {
		return
	}
	number := streamNumbers.Add(1)
	s := &stream{name: fmt.Sprint("stream-", number), number: number, address: w.from.process.address, prove: func() {}}
	root, door := target.process.system.Root, target.process.door
	root.Send(door, streamOpened{s})
	defer root.Send(door, streamEnded{s})
	w.from.process.connected(w.to)
	sender := actor.NewPID(string(s.address), s.name)
	for {
		for _, bytes := range w.take() {
			if !w.passes() {
				return
			}
			f := new(messages.Frame)
			if err := proto.Unmarshal(bytes, f); err != nil {
				panic(err) // it was marshalled here
			}
			root.Send(door, &actor.MessageEnvelope{Message: f, Sender: sender})
			if w.isBroken() {
				return
			}
		}
		select {
		case <-w.more:
		case <-w.broken:
			return
		}
	}
}

// passes waits while the way is cut. It returns false if the wire broke.
func (w *wire) passes() bool {
	for {
		healed := w.from.network.passable(w.from.process.address, w.to)
		if healed == nil {
			return true
		}
		select {
		case <-healed:
		case <-w.broken:
			return false
		}
	}
}

// dial looks for the receiver: for ever if it is a configured node, else once.
func (w *wire) dial() *plug {
	p := w.from.process
	var reported time.Time
	for w.passes() {
		if target := w.from.network.find(w.to); target != nil && target.accept(w) {
			return target
		}
		if now := time.Now(); now.Sub(reported) >= refusedEvery {
			reported = now
			p.refused(w.to)
		}
		if !p.configured(w.to) {
			return nil
		}
		select {
		case <-time.After(dialPeriod):
		case <-w.broken:
			return nil
		}
	}
	return nil
}

func (w *wire) take() [][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	queue := w.queue
	w.queue = nil
	return queue
}
