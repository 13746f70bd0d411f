package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"lockstep/actors"
	"lockstep/api"
	"lockstep/api/page"
	"lockstep/cmd/internal/cli"
	"lockstep/doors"
	"lockstep/lock"
	"lockstep/observe"
	"lockstep/remote"
)

// How long the public port may take to close: what is being answered, and then the
// node's own session.
const (
	portStop   = 400 * time.Millisecond
	agentsStop = 300 * time.Millisecond
)

// checkAPI says what is wrong with an address for the public port.
func checkAPI(address string) (string, error) {
	if path, ok := api.UnixPath(address); ok {
		return address, api.CheckUnixPath(path)
	}
	if address == "" {
		return "", nil
	}
	return address, cli.CheckBind(address, 0)
}

// apiOf is the address of one of the nodes of this process, counted from 0: the
// first has what was said, each other the next port, or the socket PATH.2 and so on.
func apiOf(address string, n int) (string, error) {
	if _, ok := api.UnixPath(address); ok && n > 0 {
		return fmt.Sprintf("%s.%d", address, n+1), nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || n == 0 || port == "0" {
		return address, nil
	}
	first, _ := strconv.Atoi(port)
	if first+n > 65535 {
		return "", cli.Misuse("-api %s leaves no port for the other nodes: each has the next one", address)
	}
	return net.JoinHostPort(host, strconv.Itoa(first+n)), nil
}

// port is the public port of one node.
type port struct {
	server  *api.Server
	doors   *doors.Doors
	journal *doors.Journal // of what they have refused
	agents  *actors.Agents // nil until the node has begun
}

// openPort opens the public port of the node that is to be started next, if the
// first one is to have one: whether it can be had is better known before the node is a part of
// anything.
func (g *group) openPort(first string, insecure bool, log *slog.Logger) (*port, error) {
	if first == "" {
		return nil, nil
	}
	address, err := apiOf(first, len(g.nodes))
	if err != nil {
		return nil, err
	}
	_, unix := api.UnixPath(address)
	if !unix {
		if err := cli.CheckListen(address, insecure || g.doors.tls != nil); err != nil {
			return nil, err
		}
	}
	opened := &port{}
	var encryption *tls.Config
	opened.doors, opened.journal, encryption = g.doors.forPort(unix, log)
	opened.server, err = api.Listen(api.ServerConfig{
		Address: address, Ports: g.planned, TLS: encryption, Door: opened.doors.Porter, Who: opened.doors.Who, Many: opened.doors.Many, Shakes: opened.doors.Shakes, Turned: opened.journal.Turned, Log: log, Ready: func(ctx context.Context) error { return api.CanGrant(ctx, opened.agents) },
	})
	if err != nil {
		return nil, portFailure(err, address)
	}
	return opened, nil
}

// portFailure says what to do about a port that cannot be had.
func portFailure(err error, address string) error {
	_, path := api.UnixPath(address)
	code, way := cli.Config, "choose another address with -api"
	switch {
	case errors.Is(err, api.ErrInUse):
		return cli.Fail(cli.Unavailable, "cannot listen on %s: something else does; stop it, or %s", address, way)
	case errors.Is(err, fs.ErrNotExist):
		code, way = cli.CantCreate, "make its folder, or "+way
	case path:
		code = cli.CantCreate
	}
	return cli.Fail(code, "cannot listen on %s: %s; %s", address, cli.Plain(err), way)
}

// add makes a node that has begun one of this process's, and has its public port
// answer.
func (g *group) add(node *remote.Node, opened *port, log *slog.Logger) {
	g.nodes, g.ports = append(g.nodes, node), append(g.ports, opened)
	if opened != nil {
		opened.serve(node, log)
	}
}

func (o *port) serve(node *remote.Node, log *slog.Logger) {
	o.agents = remote.StartAgents(node, whoAsks())
	api.Mount(o.server, o.doors.Guard(o.agents), append(api.Traced(node.Actors.Tracer()), o.doors.Listening())...)
	observe.Mount(o.server, administrators(o.doors), log, counted{node, o.journal})
	page.Mount(o.server)
	o.server.Serve()
	log.Info("serving the API", "address", o.server.Address())
}

// whoAsks is what others see of the session in which a node asks for what belongs
// to nobody's.
func whoAsks() lock.Info {
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	info, err := lock.NewInfo(map[string]string{"command": "lockd, for who uses its API", "host": host, "pid": strconv.Itoa(os.Getpid())})
	if err != nil {
		return "" // a host with such a name is its own affair
	}
	return info
}

// close ends the port before its node goes: clients go on at another one.
func (o *port) close(log *slog.Logger) {
	if o == nil {
		return
	}
	if err := o.server.Stop(portStop); err != nil {
		log.Warn("requests were cut off", "error", err)
	}
	if o.agents == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), agentsStop)
	defer cancel()
	_ = o.agents.Close(ctx) // else the node's own session expires
}
