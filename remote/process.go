package remote

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/actors"
	"lockstep/messages"
	"lockstep/observe/metrics"
	"lockstep/replica"
)

// Limits of the address book.
const (
	maxNeighbours = 16_384
	forgetAfter   = time.Minute
	drainWithin   = 200 * time.Millisecond
)

// Process is this process among the others: its actor system, its door and its
// links. It is the actors.Host of all actors that live in it.
type Process struct {
	cfg       Config
	log       *slog.Logger
	system    *actor.ActorSystem
	workers   *actors.Workers
	address   replica.NodeID
	secret    secret
	transport transport
	door      *actor.PID
	refusals  *refusals
	traffic   metrics.Traffic
	strangers *allowance
	cluster   atomic.Uint64
	ticks     atomic.Uint64
	faults    atomic.Uint32 // isSilent, isHeld
	circle    atomic.Pointer[circle]
	turning   sync.Mutex                             // one change of the circle at a time
	wishes    map[messages.ClientID][]replica.NodeID // that clients want to be dialled,
	wishers   map[replica.NodeID]int                 // and by how many; under turning

	mu         sync.RWMutex
	book       map[replica.NodeID]*neighbour
	clients    map[messages.ClientID]*actor.PID
	lockTable  *actor.PID
	replicator *actor.PID
	outbox     []mail // kept while held
	closed     bool

	quit    chan struct{}
	stopped chan struct{}
}

var _ actors.Host = (*Process)(nil)

// mail is a call of Send or, with a nil parcel, of Reset.
type mail struct {
	to     replica.NodeID
	parcel *messages.Parcel
}

// The faults that tests can switch on.
const (
	isSilent = 1 << iota
	isHeld
)

// newProcess builds everything but the transport. The caller sets the address
// and the transport and then calls begin.
func newProcess(cfg Config) *Process {
	system := actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(quiet{cfg.Log.Handler()}) }),
	)
	ignoreDeadLetters(system)
	p := &Process{
		cfg:       cfg,
		log:       cfg.Log,
		system:    system,
		workers:   actors.NewWorkers(),
		secret:    newSecret(),
		refusals:  newRefusals(cfg.Log),
		strangers: newAllowance(),
		book:      map[replica.NodeID]*neighbour{},
		clients:   map[messages.ClientID]*actor.PID{},
		wishes:    map[messages.ClientID][]replica.NodeID{},
		wishers:   map[replica.NodeID]int{},
		quit:      make(chan struct{}),
		stopped:   make(chan struct{}),
	}
	p.circle.Store(newCircle(cfg.Peers, cfg.Nodes))
	return p
}

// begin opens the door and begins to dial the configured nodes. Nothing may be
// spawned before the address is known: such an actor would have none.
func (p *Process) begin() error {
	door, err := p.system.Root.SpawnNamed(
		actors.Props(func() actor.Actor { return newDoor(p) }, actor.WithDispatcher(actor.NewSynchronizedDispatcher(300))), doorName)
	if err != nil {
		return err
	}
	p.door = door
	return nil
}

// dialNodes makes the links of the configured nodes knock.
func (p *Process) dialNodes() {
	for _, node := range p.circle.Load().nodes {
		if n := p.meet(node); n != nil {
			p.system.Root.Send(n.link, upkeep{})
		}
	}
	go p.upkeep()
}

// Address is the name under which others reach this process.
func (p *Process) Address() replica.NodeID { return p.address }

// Incarnation tells this life of the process from others.
func (p *Process) Incarnation() replica.Incarnation { return p.cfg.Incarnation }

// Root spawns actors and sends to them from outside.
func (p *Process) Root() *actor.RootContext { return p.system.Root }

// Workers runs the actors of this process.
func (p *Process) Workers() actor.Dispatcher { return p.workers }

// SetCluster puts the cluster's id on every frame from now on.
func (p *Process) SetCluster(id replica.ClusterID) { p.cluster.Store(uint64(id)) }

// Refusals returns how often what arrived was turned away, by reason.
func (p *Process) Refusals() map[string]uint64 { return p.refusals.counts() }

// Serve tells the door where the node's actors are. Frames that arrive earlier
// are dropped, like frames that arrive before a process runs.
func (p *Process) Serve(lockTable, replicator *actor.PID) {
	p.mu.Lock()
	p.lockTable, p.replicator = lockTable, replicator
	p.mu.Unlock()
	p.bringUpToDate(replicator, p.circle.Load().friends...)
}

func (p *Process) served() (lockTable, replicator *actor.PID) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.lockTable, p.replicator
}

// Enroll tells the door where a client's answers go. The client also hears of
// the links to the configured nodes.
func (p *Process) Enroll(client messages.ClientID, pid *actor.PID) {
	p.mu.Lock()
	p.clients[client] = pid
	p.mu.Unlock()
	p.bringUpToDate(pid, p.circle.Load().nodes...)
}

// Dismiss forgets a client.
func (p *Process) Dismiss(client messages.ClientID) {
	p.Know(client, nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.clients, client)
}

func (p *Process) client(id messages.ClientID) *actor.PID {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.clients[id]
}

func (p *Process) everyClient() []*actor.PID {
	p.mu.RLock()
	defer p.mu.RUnlock()
	pids := make([]*actor.PID, 0, len(p.clients))
	for _, pid := range p.clients {
		pids = append(pids, pid)
	}
	return pids
}

// Send queues a parcel for a process and returns at once.
func (p *Process) Send(to replica.NodeID, parcel messages.Parcel) {
	p.post(mail{to, &parcel})
}

// Reset cuts the connection to a process, with all that queued on it.
func (p *Process) Reset(to replica.NodeID) {
	p.post(mail{to, nil})
}

func (p *Process) post(m mail) {
	if f := p.faults.Load(); f != 0 {
		if f&isSilent != 0 || p.keep(m) {
			return
		}
	}
	if m.to == p.address {
		if m.parcel != nil {
			p.system.Root.Send(p.door, toSelf{m.parcel})
		}
		return
	}
	n := p.meet(m.to)
	if n == nil {
		return
	}
	if m.parcel == nil {
		p.system.Root.Send(n.link, reset{})
		return
	}
	n.asked.Store(true)
	n.inMailbox.Add(1)
	p.system.Root.Send(n.link, m.parcel)
}

// transmit gives a frame to the transport.
func (p *Process) transmit(to replica.NodeID, f *messages.Frame) {
	p.traffic.Out(len(f.GetBody()))
	p.transport.transmit(to, f)
}

// keep holds mail back while the process is held.
func (p *Process) keep(m mail) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.held() {
		return false
	}
	p.outbox = append(p.outbox, m)
	return true
}

// neighbour looks an address up.
func (p *Process) neighbour(name replica.NodeID) *neighbour {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.book[name]
}

// meet looks an address up and enters it if it is new. It returns nil if the
// address is none or the book is full.
func (p *Process) meet(name replica.NodeID) *neighbour {
	if n := p.neighbour(name); n != nil {
		return n
	}
	if err := checkAddress(string(name)); err != nil {
		p.refusals.count("bad address", err.Error())
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := p.book[name]; n != nil {
		return n
	}
	if p.closed {
		return nil
	}
	if len(p.book) >= maxNeighbours {
		p.refusals.count("address book is full", string(name))
		return nil
	}
	n := newNeighbour(name, p.configured(name), p.secret)
	n.active = p.now()
	n.link = p.system.Root.Spawn(
		actors.Props(func() actor.Actor { return &link{process: p, n: n} }, actor.WithDispatcher(p.workers)))
	p.book[name] = n
	return n
}

// hasAsked reports whether an actor of ours has sent something to an address.
func (p *Process) hasAsked(name replica.NodeID) bool {
	if name == p.address {
		return true
	}
	n := p.neighbour(name)
	return n != nil && n.asked.Load()
}

// now is the number of ticks so far.
func (p *Process) now() uint64 { return p.ticks.Load() }

// upkeep is the only timer of the network.
func (p *Process) upkeep() {
	defer close(p.stopped)
	ticker := time.NewTicker(p.cfg.Tick)
	defer ticker.Stop()
	for {
		select {
		case <-p.quit:
			return
		case <-ticker.C:
			p.tick()
		}
	}
}

func (p *Process) tick() {
	now := p.ticks.Add(1)
	if p.held() {
		return
	}
	p.strangers.refill()
	p.transport.maintain()
	for _, n := range p.neighbours() {
		if !n.idle() {
			p.system.Root.Send(n.link, upkeep{})
		} else if n.forgettable(now, uint64(forgetAfter/p.cfg.Tick)) {
			p.forget(n)
		}
	}
}

func (p *Process) neighbours() []*neighbour {
	p.mu.RLock()
	defer p.mu.RUnlock()
	all := make([]*neighbour, 0, len(p.book))
	for _, n := range p.book {
		all = append(all, n)
	}
	return all
}

// forget removes a process that has not been heard for long. What is sent to its
// link in this moment is lost, as it may be.
func (p *Process) forget(n *neighbour) {
	p.mu.Lock()
	delete(p.book, n.name)
	p.mu.Unlock()
	p.transport.cut(n.name)
	p.system.Root.Stop(n.link)
}

// connected, terminated and refused are what a transport reports.

func (p *Process) connected(to replica.NodeID) {
	if n := p.neighbour(to); n != nil {
		p.system.Root.Send(n.link, connected{})
	}
}

func (p *Process) terminated(to replica.NodeID) {
	if n := p.neighbour(to); n != nil {
		p.system.Root.Send(n.link, terminated{})
	}
}

func (p *Process) refused(to replica.NodeID) {
	p.tell(&actors.DialRefused{Node: to})
}

// tell has the door pass an event on, so that everything that reaches an actor
// comes through one place.
func (p *Process) tell(event any) { p.system.Root.Send(p.door, tell{event}) }

func (p *Process) silent() bool { return p.faults.Load()&isSilent != 0 }
func (p *Process) held() bool   { return p.faults.Load()&isHeld != 0 }
func (p *Process) mute() bool   { return p.faults.Load()&(isSilent|isHeld) != 0 }
