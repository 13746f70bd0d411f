package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"lockstep"
	"lockstep/actors"
	"lockstep/lock"
	"lockstep/messages"
	"lockstep/remote"
	"lockstep/replica"
)

// lockstepNodes are lockd processes with their default settings: a pair, or three.
type lockstepNodes struct {
	processes []*process
	addresses []string
	home      string // removed in the end; empty: somebody else does
}

// buildLockd builds lockd from the tree that this module lies in.
func buildLockd(ctx context.Context, dir string) (path string, err error) {
	path = filepath.Join(dir, "lockd")
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "./cmd/lockd")
	build.Dir = ".." // with the versions that it is released with
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build lockd (run this in the folder bench/): %w: %s", err, strings.TrimSpace(string(out)))
	}
	return path, nil
}

// startPair runs a primary and a backup.
func startPair(ctx context.Context, lockd, dir string) (pair *lockstepNodes, err error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	pair = &lockstepNodes{addresses: []string{fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1])}}
	defer func() {
		if err != nil {
			pair.stop()
		}
	}()
	for i, role := range []string{"-p", "-b"} {
		home := filepath.Join(dir, fmt.Sprintf("lockstep-%d", i))
		if err := os.Mkdir(home, 0o700); err != nil {
			return nil, err
		}
		p, err := start(home+".log", lockd, role, pair.addresses[0], pair.addresses[1], "-data", home)
		if err != nil {
			return nil, err
		}
		pair.processes = append(pair.processes, p)
	}
	if err := pair.await(ctx, paired); err != nil {
		return nil, fmt.Errorf("the two lockd did not become a pair: %w", err)
	}
	return pair, nil
}

func (l *lockstepNodes) stop() {
	for _, p := range l.processes {
		p.stop()
	}
	if l.home != "" {
		os.RemoveAll(l.home)
	}
}

func (l *lockstepNodes) pids() (pids []int) {
	for _, p := range l.processes {
		pids = append(pids, p.cmd.Process.Pid)
	}
	return pids
}

// connect returns clerks of one client, as a program of many goroutines has them.
func (l *lockstepNodes) connect(ctx context.Context, callers int) ([]clerk, func(), error) {
	client, err := lockstep.Dial(ctx, l.addresses)
	if err != nil {
		return nil, nil, err
	}
	clerks := make([]clerk, callers)
	for i := range clerks {
		clerks[i] = lockstepClerk{client.Clerk()}
	}
	return clerks, func() { client.Close() }, nil
}

type lockstepClerk struct{ *lockstep.Clerk }

func (k lockstepClerk) lock(ctx context.Context, name string) (bool, error) { return k.Lock(ctx, name) }
func (k lockstepClerk) unlock(ctx context.Context, name string) (bool, error) {
	return k.Unlock(ctx, name)
}

// clientActors is a way to the same nodes by many clients instead of one.
type clientActors struct{ *lockstepNodes }

// connect returns clerks of clients that are actors of one system, each with a
// session of its own.
func (l clientActors) connect(_ context.Context, clients int) ([]clerk, func(), error) {
	callers, free, err := l.spawnClients(clients)
	clerks := make([]clerk, len(callers))
	for i, c := range callers {
		clerks[i] = actorClerk{c, c.NewClerk()}
	}
	return clerks, free, err
}

// spawnClients starts clients in one actor system.
func (l *lockstepNodes) spawnClients(n int) ([]*actors.Caller, func(), error) {
	nodes := make([]replica.NodeID, len(l.addresses))
	for i, a := range l.addresses {
		nodes[i] = replica.NodeID(a)
	}
	process, err := remote.Start(remote.Config{
		Listen: "127.0.0.1:0", Nodes: nodes, Incarnation: replica.Incarnation(time.Now().UnixMilli()),
	})
	if err != nil {
		return nil, nil, err
	}
	ticker := actors.SpawnTicker(process, actors.ClientTick)
	callers := make([]*actors.Caller, n)
	for i := range callers {
		var seed [8]byte
		rand.Read(seed[:]) // it never fails
		callers[i] = actors.SpawnClient(process, ticker, messages.ClientID(i+1),
			replica.ClientConfig{Nodes: nodes, Seed: binary.BigEndian.Uint64(seed[:])})
	}
	return callers, func() { closeAll(callers); process.Stop(500 * time.Millisecond) }, nil
}

func closeAll(callers []*actors.Caller) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var group sync.WaitGroup
	for _, c := range callers {
		group.Go(func() { _ = c.Close(ctx) }) // one attempt, as for any client
	}
	group.Wait()
}

type actorClerk struct {
	caller *actors.Caller
	id     replica.ClerkID
}

func (k actorClerk) lock(ctx context.Context, name string) (bool, error) {
	result, err := k.caller.Call(ctx, k.id, lock.Lock, name)
	return result.Outcome == lock.Granted, err
}

func (k actorClerk) unlock(ctx context.Context, name string) (bool, error) {
	result, err := k.caller.Call(ctx, k.id, lock.Unlock, name)
	return result.Outcome == lock.Released, err
}
