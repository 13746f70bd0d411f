package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep"
	"lockstep/actors"
	"lockstep/lock"
	"lockstep/messages"
	"lockstep/remote"
	"lockstep/replica"
	"lockstep/trust"
)

// fleet is the callers of a run and what they share.
type fleet struct {
	members []member
	close   func()
}

// reach says how the nodes are reached.
type reach struct {
	nodes    []string
	listen   string
	insecure bool
	tls      trust.Files
	log      *slog.Logger
}

// identity is what the callers show, if anything.
func (r reach) identity() (trust.Source, error) {
	if !r.tls.Given() {
		return nil, nil
	}
	return trust.Open(r.tls, r.log)
}

// options are those of a client of Go.
func (r reach) options() []lockstep.Option {
	opts := []lockstep.Option{lockstep.WithListen(r.listen), lockstep.WithLogger(r.log)}
	if r.insecure {
		opts = append(opts, lockstep.WithInsecure())
	}
	if r.tls.Given() {
		opts = append(opts, lockstep.WithTLS(r.tls.Certificate, r.tls.Key, r.tls.Authorities))
	}
	return opts
}

// oneClient is a program of many goroutines: each has a clerk of one client.
func oneClient(r reach, goroutines int) (*fleet, error) {
	client, err := lockstep.Dial(context.Background(), r.nodes, r.options()...)
	if err != nil {
		return nil, err
	}
	f := &fleet{close: func() { _ = client.Close() }} // with no node alive it cannot say goodbye
	for range goroutines {
		f.members = append(f.members, member{client.Clerk(), clientTenant{client}})
	}
	return f, nil
}

// crew says which client actors there are.
type crew struct {
	clients int
	ttl     time.Duration // of their sessions; zero: the default
	tick    time.Duration // of their clocks; zero: what clients have
}

// ticks turns ticks of a common client into as much time of this crew's.
func (c crew) ticks(n int) int {
	return max(1, int(time.Duration(n)*actors.ClientTick/cmp.Or(c.tick, actors.ClientTick)))
}

// clientActors are many clients, each an actor with a session of its own, in one
// actor system: they share a connection, as the programs of one machine that use
// a common process would.
func clientActors(r reach, c crew) (*fleet, error) {
	ids := make([]replica.NodeID, len(r.nodes))
	for i, node := range r.nodes {
		ids[i] = replica.NodeID(node)
	}
	start := remote.Start
	if network := remote.NetworkOf(ids[0]); network != nil {
		start = network.Start
	}
	identity, err := r.identity()
	if err != nil {
		return nil, err
	}
	process, err := start(remote.Config{
		Listen: r.listen, Insecure: r.insecure, TLS: identity, Nodes: ids, Log: r.log,
		Incarnation: replica.Incarnation(time.Now().UnixMilli()),
	})
	if err != nil {
		return nil, err
	}
	ticker := actors.SpawnTicker(process, cmp.Or(c.tick, actors.ClientTick))
	var callers []*actors.Caller
	f := &fleet{close: func() { closeActors(process, ticker, callers) }}
	for i := range c.clients {
		cfg := replica.ClientConfig{
			Nodes: ids, Seed: seed(), TTL: lock.Millis(c.ttl.Milliseconds()),
			FirstAttempt: c.ticks(10), MaxAttempt: c.ticks(40), // as long as those of other clients
		}
		caller := actors.SpawnClient(process, ticker, messages.ClientID(i+1), cfg)
		callers = append(callers, caller)
		f.members = append(f.members, member{actorClerk{caller, caller.NewClerk()}, actorTenant{caller}})
	}
	return f, nil
}

func seed() uint64 {
	var b [8]byte
	rand.Read(b[:]) // it never fails: the runtime ends the process instead
	return binary.BigEndian.Uint64(b[:])
}

// closeActors closes all sessions at once and then the network.
func closeActors(process *remote.Process, ticker *actor.PID, callers []*actors.Caller) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var group sync.WaitGroup
	for _, c := range callers {
		group.Go(func() { _ = c.Close(ctx) }) // one attempt, as for any client
	}
	group.Wait()
	process.Root().Stop(ticker)
	process.Stop(500 * time.Millisecond)
}

// actorClerk is the one clerk of a client actor.
type actorClerk struct {
	caller *actors.Caller
	id     replica.ClerkID
}

func (k actorClerk) Lock(ctx context.Context, name string) (bool, error) {
	result, err := k.caller.Call(ctx, k.id, lock.Lock, name)
	return result.Outcome == lock.Granted, err
}

func (k actorClerk) Unlock(ctx context.Context, name string) (bool, error) {
	result, err := k.caller.Call(ctx, k.id, lock.Unlock, name)
	return result.Outcome == lock.Released, err
}
