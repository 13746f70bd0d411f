package remote

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	proto "github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"lockstep/messages"
	"lockstep/replica"
)

// What gRPC may do. A batch of the library is one gRPC message: a larger one than
// the receiver allows is lost without a word, with all that is in it.
const (
	writerBatch     = 4 // frames in a message
	maxMessageBytes = writerBatch*(maxFrameBytes+8192) + 64<<10
	attemptTime     = 24 * time.Hour // an attempt lasts until somebody answers
	// A window that gRPC may size by itself costs a ping and its answer for nearly
	// every message: two more system calls and two more wake-ups on either side.
	flowWindow = 1 << 20
)

// Start starts a process that talks over proto.actor's remoting.
func Start(cfg Config) (*Process, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	if err := cfg.checkListen(); err != nil {
		return nil, err
	}
	p := newProcess(cfg)
	r := newRemoting(p)
	p.transport = r
	if err := r.start(); err != nil {
		p.workers.Close()
		return nil, err
	}
	p.dialNodes()
	return p, nil
}

// errInUse says what to do about an address that cannot be bound.
func errInUse(address string, err error) error {
	return fmt.Errorf("remote: cannot listen on %s: %w (is another process running there? choose another address, or port 0 for a free one)", address, err)
}

// remoting is the transport over proto.actor's remoting. It is the only place
// that knows the library.
type remoting struct {
	process *Process
	remote  *proto.Remote
	creds   credentials.TransportCredentials
	dialer  *dialer
	gate    *gate
	guard   *guard
}

var _ transport = (*remoting)(nil)

func newRemoting(p *Process) *remoting {
	r := &remoting{process: p}
	host, _, _ := net.SplitHostPort(p.cfg.Listen)
	r.dialer = newDialer(
		func(address string) bool { return p.configured(replica.NodeID(address)) },
		isLoopback(host),
		func(address string) { p.refused(replica.NodeID(address)) })
	claims := newClaims()
	r.creds = credentialsOf(p, claims)
	r.gate = newGate(r.creds, p.refusals)
	r.guard = &guard{process: p, refusals: p.refusals, root: p.system.Root, claims: claims, secure: p.cfg.TLS != nil}
	return r
}

// start binds, and opens the door before anybody can have found it.
func (r *remoting) start() error {
	p := r.process
	host, port, err := bindable(p.cfg.Listen)
	if err != nil {
		return errInUse(p.cfg.Listen, err)
	}
	name := p.cfg.Advertise
	if name == "" {
		givenHost, _, _ := net.SplitHostPort(p.cfg.Listen)
		name = net.JoinHostPort(givenHost, strconv.Itoa(port))
	}
	if err := checkOwn(p.cfg.TLS, name); err != nil {
		return err
	}
	// The door comes first: the library lets strangers in from its first moment.
	// It would also give the door's address itself, but only then.
	p.system.ProcessRegistry.Address = name
	p.address = replica.NodeID(name)
	if err := p.begin(); err != nil {
		return err
	}
	r.guard.door = p.door
	if err := r.startLibrary(host, port, name); err != nil {
		p.system.Root.Stop(p.door)
		return errInUse(p.cfg.Listen, err)
	}
	p.system.EventStream.Subscribe(r.event)
	return nil
}

// bindable binds an address for a moment. The library can be given neither a
// listener nor a way to report that it could not listen: it panics.
func bindable(listen string) (host string, port int, err error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return "", 0, err
	}
	defer l.Close()
	tcp := l.Addr().(*net.TCPAddr)
	host = tcp.IP.String()
	if tcp.IP.To4() == nil {
		host = "[" + host + "]"
	}
	return host, tcp.Port, nil
}

// startLibrary starts remoting, which panics if the port was taken meanwhile.
func (r *remoting) startLibrary(host string, port int, name string) (err error) {
	cfg := proto.Configure(host, port,
		proto.WithAdvertisedHost(name),
		proto.WithEndpointWriterBatchSize(writerBatch),
		proto.WithEndpointWriterQueueSize(128), // the first size of a queue; links bound it
		proto.WithServerOptions(r.serverOptions()...),
		proto.WithDialOptions(r.dialOptions()...))
	cfg.MaxRetryCount = 1
	r.remote = proto.NewRemote(r.process.system, cfg)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	r.remote.Start()
	return nil
}

func (r *remoting) serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.Creds(r.gate),
		grpc.StreamInterceptor(r.guard.stream),
		grpc.UnaryInterceptor(r.guard.unary),
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.StaticStreamWindowSize(flowWindow),
		grpc.StaticConnWindowSize(flowWindow),
		grpc.MaxConcurrentStreams(4),
		grpc.MaxHeaderListSize(16 << 10),
		grpc.ConnectionTimeout(visitorTime),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: time.Minute}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	}
}

func (r *remoting) dialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(r.creds),
		grpc.WithContextDialer(r.dialer.dial),
		grpc.WithResolvers(asWritten{}),
		grpc.WithStreamInterceptor(outgoing),
		grpc.WithStaticStreamWindowSize(flowWindow),
		grpc.WithStaticConnWindowSize(flowWindow),
		// A machine that has vanished is noticed even by those who have no
		// heartbeats of their own.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
		grpc.WithConnectParams(grpc.ConnectParams{
			MinConnectTimeout: attemptTime,
			// After a failure the library sleeps and begins anew: gRPC need not try
			// behind its back.
			Backoff: backoff.Config{BaseDelay: time.Minute, MaxDelay: time.Minute},
		}),
	}
}

// event takes what the library reports, on whatever goroutine, and passes it on.
// The library's own bookkeeping has subscribed before: it is done.
func (r *remoting) event(e any) {
	switch e := e.(type) {
	case *proto.EndpointConnectedEvent:
		r.process.connected(replica.NodeID(e.Address))
	case *proto.EndpointTerminatedEvent:
		r.process.terminated(replica.NodeID(e.Address))
	}
}

func (r *remoting) transmit(to replica.NodeID, f *messages.Frame) {
	r.process.system.Root.Send(actor.NewPID(string(to), doorName), f)
}

func (r *remoting) cut(to replica.NodeID) { r.dialer.kill(string(to)) }

func (r *remoting) maintain() { r.gate.sweep() }

// stop ends the library's server and then its actors, which its own graceful
// shutdown does by telling the others to disconnect and waiting ten seconds for
// those that cannot.
func (r *remoting) stop() {
	r.gate.stop()
	r.remote.Shutdown(false)
	r.dialer.stop()
	for _, name := range []string{"EndpointSupervisor", "activator"} {
		r.process.system.Root.Stop(r.process.system.NewLocalPID(name))
	}
}
