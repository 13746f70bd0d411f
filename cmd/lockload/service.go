package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lockstep"
	"lockstep/remote"
	"lockstep/replica"
)

// service is the nodes under load.
type service struct {
	kind  string // "given", "embedded" or "spawned"
	nodes []string
	pids  []int // of the nodes, as far as they are known and not this process
	stop  func()
}

// readyWithin is how long nodes on this machine may take to find each other.
const readyWithin = 15 * time.Second

// startEmbedded runs both nodes in this process, over real connections.
func startEmbedded(log *slog.Logger) (*service, error) {
	dir, err := os.MkdirTemp("", "lockload-")
	if err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(2)
	if err != nil {
		return nil, err
	}
	var running []*remote.Node
	s := &service{kind: "embedded", nodes: addresses, stop: func() {
		for _, n := range running {
			n.Kill()
		}
		os.RemoveAll(dir)
	}}
	for i := range addresses {
		node, err := remote.StartNode(remote.NodeConfig{
			Pair:      [2]replica.NodeID{replica.NodeID(addresses[0]), replica.NodeID(addresses[1])},
			AsPrimary: i == 0, Dir: filepath.Join(dir, fmt.Sprint(i)), Log: log,
			Exit: func(cause error) { log.Error("an embedded node gave up", "node", addresses[i], "reason", cause) },
		}, remote.Start)
		if err != nil {
			s.stop()
			return nil, err
		}
		running = append(running, node)
	}
	if err := awaitReady(s.nodes, setup{}.ready); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// freeAddresses finds ports that nobody listens on. Somebody may take one before
// the node does; the node then says so.
func freeAddresses(n int) (addresses []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}

// awaitReady returns when the nodes stand as wanted.
func awaitReady(nodes []string, ready func([]lockstep.NodeStatus) bool) error {
	client, err := lockstep.Dial(context.Background(), nodes)
	if err != nil {
		return err
	}
	defer client.Close()
	var last []lockstep.NodeStatus
	for deadline := time.Now().Add(readyWithin); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		last = client.Status(ctx)
		cancel()
		if ready(last) {
			return nil
		}
	}
	var how []string
	for i, s := range last {
		how = append(how, fmt.Sprintf("%s is %s", nodes[i], standing(s)))
	}
	return fmt.Errorf("%s, which is not what they were started for, after %v", strings.Join(how, " and "), readyWithin)
}

func standing(s lockstep.NodeStatus) string {
	if s.Err != nil {
		return "silent"
	}
	return s.Role
}

// reachable asks for a lock once, so that a run against nobody ends with one
// clear line instead of a page of errors.
func reachable(r reach, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	f, err := oneClient(r, 1)
	if err != nil {
		return err
	}
	defer f.close()
	name := "load-" + runName() + "-probe"
	if _, err := f.members[0].clerk.Lock(ctx, name); err != nil {
		return fmt.Errorf("cannot begin: %w", err)
	}
	_, err = f.members[0].clerk.Unlock(ctx, name)
	if errors.Is(err, lockstep.ErrUnknown) {
		return nil // it did answer a moment ago: what comes is for the run to tell
	}
	return err
}
