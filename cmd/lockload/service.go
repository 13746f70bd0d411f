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
	"lockstep/actors"
	"lockstep/api"
	"lockstep/remote"
	"lockstep/replica"
)

// service is the nodes under load.
type service struct {
	kind  string // "given", "embedded" or "spawned"
	nodes []string
	apis  []string // of the nodes, in their order, if they have any
	pids  []int    // of the nodes, as far as they are known and not this process
	stop  func()
}

// readyWithin is how long nodes on this machine may take to find each other.
const readyWithin = 15 * time.Second

// startEmbedded runs both nodes in this process, over real connections; with an API,
// if one is wanted.
func startEmbedded(withAPI bool, log *slog.Logger) (*service, error) {
	dir, err := os.MkdirTemp("", "lockload-")
	if err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(2)
	if err != nil {
		return nil, err
	}
	var running []*remote.Node
	var ports []*embeddedAPI
	s := &service{kind: "embedded", nodes: addresses, stop: func() {
		for _, p := range ports {
			p.stop()
		}
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
		if !withAPI {
			continue
		}
		port, err := embedAPI(node, log)
		if err != nil {
			s.stop()
			return nil, err
		}
		ports, s.apis = append(ports, port), append(s.apis, port.server.Address())
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

// embeddedAPI is the public port of a node in this process.
type embeddedAPI struct {
	server *api.Server
	agents *actors.Agents
}

func embedAPI(node *remote.Node, log *slog.Logger) (*embeddedAPI, error) {
	agents := remote.StartAgents(node, "")
	server, err := api.Listen(api.ServerConfig{
		Address: "127.0.0.1:0", Log: log, Ready: func(ctx context.Context) error { return api.CanGrant(ctx, agents) },
	})
	if err != nil {
		return nil, err
	}
	api.Mount(server, agents)
	server.Serve()
	return &embeddedAPI{server, agents}, nil
}

// stop closes the port; what the node has asked in a session of its own goes with
// the node.
func (e *embeddedAPI) stop() {
	_ = e.server.Stop(time.Second)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = e.agents.Close(ctx)
}

// awaitReady returns when the nodes stand as wanted.
func awaitReady(nodes []string, ready func([]lockstep.NodeStatus) bool, opts ...lockstep.Option) error {
	client, err := lockstep.Dial(context.Background(), nodes, opts...)
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

// atPrimary is which of the nodes is the primary now, counted from 0.
func (s *service) atPrimary(r reach, within time.Duration) (int, error) {
	client, err := lockstep.Dial(context.Background(), r.nodes, r.options()...)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for i, n := range client.Status(ctx) {
		if n.Err == nil && (n.Role == "primary" || n.Role == "solo") && i < len(s.nodes) {
			return i, nil
		}
	}
	return 0, errors.New("cannot begin: no node says that it is the primary")
}
