package lockstep

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/actors"
	"lockstep/observe/traces"
	"lockstep/remote"
	"lockstep/replica"
	"lockstep/trust"
)

// Client is a program's connection to the lock service. One client serves
// thousands of goroutines: their requests travel together. It is safe for
// concurrent use.
type Client struct {
	process *remote.Process
	ticker  *actor.PID
	caller  *actors.Caller
	repeat  bool // see WithAtLeastOnce
	tracer  traces.Tracer
}

// callerID is the only client actor of its process.
const callerID = 1

// known lists the nodes that are asked, for people.
func (c *Client) known() (nodes []string) {
	for _, node := range c.caller.Known() {
		nodes = append(nodes, string(node))
	}
	return nodes
}

// Dial returns a client of the given nodes, each host:port, the one to be asked
// first in front. One that lives is enough: it tells who the others are, and the
// client follows when they change. It does not wait for any of them: a node that does not answer
// yet is asked again by every call. Errors are addresses that cannot be meant,
// options that cannot be obeyed, or that this process cannot listen for answers.
func Dial(ctx context.Context, nodes []string, opts ...Option) (*Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	o := defaults()
	for _, option := range opts {
		option(&o)
	}
	cfg, err := clientConfig(nodes, o)
	if err != nil {
		return nil, fmt.Errorf("lockstep: %w", err)
	}
	process, err := o.start(cfg.Nodes)
	if err != nil {
		return nil, fmt.Errorf("lockstep: %w", err)
	}
	c := &Client{process: process, repeat: o.repeat, tracer: o.tracer}
	c.ticker = actors.SpawnTicker(process, actors.ClientTick)
	c.caller = actors.SpawnClient(process, c.ticker, callerID, cfg, o.callerOptions(clockFor(cfg.Nodes, o.clock))...)
	return c, nil
}

// start makes this process one of the network.
func (o *options) start(nodes []replica.NodeID) (*remote.Process, error) {
	cfg := remote.Config{
		Listen: o.listen, Insecure: o.insecure, Nodes: nodes, Log: o.log,
		Incarnation: replica.Incarnation(time.Now().UnixMilli()),
	}
	if o.tls.Given() {
		identity, err := trust.Open(o.tls, o.log)
		if err != nil {
			return nil, err
		}
		cfg.TLS = identity
	}
	return starter(nodes)(cfg)
}

// asksAgain reports whether a request is made anew, since the session ended under
// it. The next session has to be opened by the nodes, so this is not fast.
func (c *Client) asksAgain(err error) bool {
	return c.repeat && errors.Is(err, replica.ErrSessionExpired)
}

func clientConfig(nodes []string, o options) (cfg replica.ClientConfig, err error) {
	if err := checkNodes(nodes); err != nil {
		return cfg, err
	}
	if err := checkListen(o.listen, nodes); err != nil {
		return cfg, err
	}
	cfg = replica.ClientConfig{Nodes: nodeIDs(nodes), Seed: seed()}
	if cfg.TTL, err = checkTTL(o.ttl); err != nil {
		return cfg, err
	}
	attempt, err := attemptFor(o)
	if err != nil {
		return cfg, err
	}
	cfg.FirstAttempt = ticks(attempt)
	cfg.Info, err = presence(o.info)
	return cfg, err
}

// attemptFor is how long an attempt takes. One that leaves no time for others is
// refused: a sign of life is due in a third of the TTL, and one that is lost has
// to be repeated before the leases end.
func attemptFor(o options) (time.Duration, error) {
	most := o.ttl / 6
	switch {
	case o.attempt == 0:
		return min(defaultAttempt, most), nil
	case o.attempt > most:
		return 0, fmt.Errorf("an attempt of %v is too long for a TTL of %v: what is lost could not be repeated in time; give WithAttempt at most %v", o.attempt, o.ttl, most)
	default:
		return o.attempt, nil
	}
}

func nodeIDs(nodes []string) []replica.NodeID {
	ids := make([]replica.NodeID, len(nodes))
	for i, node := range nodes {
		ids[i] = replica.NodeID(node)
	}
	return ids
}

func checkNodes(nodes []string) error {
	if len(nodes) == 0 {
		return errors.New("no nodes to ask: give at least one host:port")
	}
	if len(nodes) > replica.MaxClientNodes {
		return fmt.Errorf("%d nodes are too many: give at most %d", len(nodes), replica.MaxClientNodes)
	}
	for i, node := range nodes {
		if slices.Contains(nodes[:i], node) {
			return fmt.Errorf("node %s is named twice", node)
		}
	}
	return nil
}

// checkListen refuses an address for answers that the nodes cannot reach: every
// call would wait in vain.
func checkListen(listen string, nodes []string) error {
	if !loopback(listen) {
		return nil
	}
	for _, node := range nodes {
		if host, _, _ := net.SplitHostPort(node); net.ParseIP(host) != nil && !loopback(node) {
			return fmt.Errorf("node %s is on another machine and cannot answer to %s: give an address of this machine that it can reach with WithListen", node, listen)
		}
	}
	return nil
}

func loopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// starter picks the in-process network that the nodes live on, if any.
func starter(nodes []replica.NodeID) remote.Starter {
	if network := remote.NetworkOf(nodes[0]); network != nil {
		return network.Start
	}
	return remote.Start
}

// clockFor picks the clock that leases are measured by. The in-process network
// has Go's own, so that it can run in a synctest bubble.
func clockFor(nodes []replica.NodeID, given func() time.Duration) actors.Clock {
	switch {
	case given != nil:
		return func() replica.Instant { return replica.Instant(given().Milliseconds()) }
	case remote.NetworkOf(nodes[0]) != nil:
		return actors.Monotonic()
	default:
		return actors.ThroughSuspend()
	}
}

func ticks(d time.Duration) int { return max(1, int(d/actors.ClientTick)) }

// seed makes this client's nonces unlike everybody else's.
func seed() uint64 {
	var b [8]byte
	rand.Read(b[:]) // it never fails: the runtime ends the process instead
	return binary.BigEndian.Uint64(b[:])
}

// How long Close may take, in all.
const (
	closing  = time.Second            // for one attempt at closing the session
	stopping = 500 * time.Millisecond // for the connections
)

// Close ends the client's leases with ErrReleased, and then its session with one
// attempt at telling the nodes, so that its locks are free and its waits are
// over; if no node hears of it, they are when the TTL has passed. Calls that are
// outstanding return ErrClosed. It takes two seconds at most. What clerks have
// locked stays so: it has no owner.
func (c *Client) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	err := c.caller.Close(ctx)
	c.process.Root().Stop(c.ticker)
	c.process.Stop(stopping)
	return err
}
