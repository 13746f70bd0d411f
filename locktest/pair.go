package locktest

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"lockstep"
	"lockstep/remote"
	"lockstep/replica"
)

// Option changes how a pair or a cluster is started.
type Option func(*config)

type config struct {
	remoting bool
	node     remote.NodeConfig // what both nodes of a pair share

	// Of a cluster.
	quiet         bool
	electionTicks int
}

func newConfig(opts []Option) config {
	c := config{node: remote.NodeConfig{Tick: 10 * time.Millisecond}}
	for _, option := range opts {
		option(&c)
	}
	return c
}

// Remoting makes the nodes talk over real connections on 127.0.0.1.
func Remoting() Option { return func(c *config) { c.remoting = true } }

// Tick sets the unit of time of the nodes; the default is 10 ms, so that
// failing over takes about a tenth of a second. Production has 50 ms.
func Tick(d time.Duration) Option { return func(c *config) { c.node.Tick = d } }

// SuspectTicks sets how many silent ticks make a node suspect the other; the
// default is 8, and at least 6 are needed.
func SuspectTicks(n int) Option { return func(c *config) { c.node.SuspectTicks = n } }

// TrustRefused takes a refused connection for proof that the other node is
// dead, as on one machine it is.
func TrustRefused() Option { return func(c *config) { c.node.TrustRefused = true } }

// Pair is a primary and a backup. Its methods fail the test on errors, and must
// be called from the test's goroutine.
type Pair struct {
	t       testing.TB
	cfg     config
	network *remote.Network // nil with Remoting
	members [2]*member      // primary, backup
}

// member is one node through its lives.
type member struct {
	cfg  remote.NodeConfig
	node *remote.Node // nil while it is dead
}

// How long the nodes may take for things that should be quick, and for leaving.
const (
	patience    = 20 * time.Second
	leaveWithin = 3 * time.Second
)

// StartPair starts a primary and a backup and returns when they are paired. They
// stop when the test ends.
func StartPair(t testing.TB, opts ...Option) *Pair {
	t.Helper()
	p := &Pair{t: t, cfg: newConfig(opts)}
	var addresses [2]replica.NodeID
	if p.cfg.remoting {
		addresses = [2]replica.NodeID(freePorts(t, 2))
	} else {
		p.network = remote.NewNetwork()
		addresses = [2]replica.NodeID{p.network.NewAddress(), p.network.NewAddress()}
	}
	for i := range p.members {
		cfg := p.cfg.node
		cfg.Pair, cfg.AsPrimary, cfg.Dir = addresses, i == 0, t.TempDir()
		cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil)).With("node", []string{"primary", "backup"}[i])
		cfg.Exit = func(cause error) { t.Errorf("node %s gave up: %v", addresses[i], cause) }
		p.members[i] = &member{cfg: cfg}
		p.start(p.members[i])
	}
	t.Cleanup(p.stop)
	p.AwaitPaired()
	return p
}

// freePorts finds ports that nobody listens on. Somebody may take one before the
// node does; the test then fails with a clear error.
func freePorts(t testing.TB, n int) (addresses []replica.NodeID) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("locktest: find a free port: %v", err)
		}
		defer l.Close()
		addresses = append(addresses, replica.NodeID(l.Addr().String()))
	}
	return addresses
}

func (p *Pair) start(m *member) {
	p.t.Helper()
	starter := remote.Start
	if p.network != nil {
		starter = p.network.Start
	}
	node, err := remote.StartNode(m.cfg, starter)
	if err != nil {
		p.t.Fatalf("locktest: start a node: %v", err)
	}
	m.node = node
}

func (p *Pair) stop() {
	for _, m := range p.members {
		if m.node != nil {
			m.node.Kill()
		}
	}
}

// Nodes returns the addresses of the primary and the backup, for lockstep.Dial.
func (p *Pair) Nodes() []string {
	return []string{string(p.members[0].cfg.Pair[0]), string(p.members[0].cfg.Pair[1])}
}

// Node returns the node that was started as the primary (0) or as the backup (1)
// as it runs, to be looked at from within; nil if it is dead.
func (p *Pair) Node(i int) *remote.Node { return p.members[i].node }

// Client returns a new client of the pair, which is closed when the test ends.
func (p *Pair) Client(opts ...lockstep.Option) *lockstep.Client {
	p.t.Helper()
	return dial(p.t, p.Nodes(), opts)
}

func dial(t testing.TB, nodes []string, opts []lockstep.Option) *lockstep.Client {
	t.Helper()
	client, err := lockstep.Dial(t.Context(), nodes, opts...)
	if err != nil {
		t.Fatalf("locktest: %v", err)
	}
	t.Cleanup(func() { _ = client.Close() }) // with no node alive it cannot say goodbye
	return client
}

// Clerk returns a clerk of a new client.
func (p *Pair) Clerk() *lockstep.Clerk { return p.Client().Clerk() }

// AwaitPaired returns when both nodes live and are paired.
func (p *Pair) AwaitPaired() {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		if p.status(0).Paired && p.status(1).Paired {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("locktest: the nodes are not paired after %v: %+v and %+v", patience, p.status(0), p.status(1))
		}
		time.Sleep(p.cfg.node.Tick / 2) // a poll: nothing is assumed about how long it takes
	}
}

// status returns where a node stands; the zero value for a dead one.
func (p *Pair) status(i int) replica.Status { return statusOf(p.members[i].node) }

func statusOf(node *remote.Node) replica.Status {
	if node == nil {
		return replica.Status{}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	status, _ := node.Actors.Status(ctx)
	return status
}
