package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Limits of the port. What is slower or larger is cut off, whoever it is.
const (
	MaxRequestBytes = 64 << 10 // of a request's body; the service's own limit is the same
	maxHeaderBytes  = 16 << 10
	maxStreams      = 256 // under way at once on one HTTP/2 connection

	headerWithin = 5 * time.Second  // for a request's header to come
	silentFor    = 15 * time.Second // a connection that never had one is closed then: it had to shake hands before
	bodyWithin   = 10 * time.Second // for its body
	WriteWithin  = 10 * time.Second // for a reader to take what is written to it
	idleFor      = 2 * time.Minute  // a connection without a request is closed then
	pingAfter    = 30 * time.Second // of silence on an HTTP/2 connection; its peer may be gone
)

// ServerConfig is what a Server is started with.
type ServerConfig struct {
	// Address is host:port, or unix:PATH for a socket that programs of this
	// machine reach if they may write to it: its mode is 0660.
	Address string
	// TLS is nil for a port without encryption. With it HTTP/2 is negotiated;
	// without it HTTP/2 is spoken to whoever begins with it, as gRPC clients do.
	TLS *tls.Config
	// Door, if there is one, stands before everything that is mounted: it lets a
	// request in, or answers it.
	Door func(http.Handler) http.Handler
	// Who, if there is one, says whom it has let in.
	Who func(context.Context) Caller
	// Many, if there is one, says of whoever connects whether it does so for many, as a
	// proxy does: then it is not held to what one origin can have of the room.
	Many func(from net.Addr) bool
	// Room is how many connections the port holds at once; 0 is as many as it can.
	Room int
	// Ports is how many ports this process has, which share its files; 0 is one.
	Ports int
	// Shakes, if there is one, is asked about each connection that is to be encrypted:
	// to shake hands costs the node much more than to send somebody away.
	Shakes func(from net.Addr) bool
	// Turned, if there is one, is told of each connection that came to nothing.
	Turned func(Turned)
	// Ready says why this node cannot grant a lock now, or nil. It is asked for
	// /readyz, and ends when its context does.
	Ready func(context.Context) error
	Log   *slog.Logger
}

// Server is the public port of a node.
type Server struct {
	mux      *http.ServeMux
	http     *http.Server
	listener net.Listener
	address  string
	stopping context.Context
	depart   context.CancelFunc // ends stopping
	stop     sync.Once
	cancel   context.CancelFunc // ends the requests under way
	turned   func(Turned)
	ready    *readiness
	who      func(context.Context) Caller
}

// Listen opens the port, and answers nobody yet: who connects waits until Serve.
func Listen(cfg ServerConfig) (*Server, error) {
	listener, err := listen(cfg.Address)
	if err != nil {
		return nil, err
	}
	if cfg.Shakes == nil || cfg.TLS == nil {
		cfg.Shakes = func(net.Addr) bool { return true }
	}
	if cfg.Turned == nil {
		cfg.Turned = func(Turned) {}
	}
	if cfg.Room == 0 {
		files := maxFiles()
		if cfg.Room = connections(files, max(1, cfg.Ports)); cfg.Room < maxConnections {
			cfg.Log.Warn(fmt.Sprintf("the API's port holds %d connections and not %d, since this process may open no more than %d files: raise that with ulimit -n, or LimitNOFILE of systemd",
				cfg.Room, maxConnections, files))
		}
	}
	crowd := newCrowd(listener, cfg.Room, cfg.Shakes, cfg.Turned)
	crowd.many = cfg.Many
	return newServer(cfg, crowd), nil
}

func newServer(cfg ServerConfig, listener net.Listener) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	stopping, depart := context.WithCancel(ctx)
	s := &Server{
		mux: http.NewServeMux(), listener: listener, address: cfg.Address, ready: newReadiness(cfg.Ready), who: cfg.Who,
		stopping: stopping, depart: depart, cancel: cancel, turned: cfg.Turned,
	}
	if cfg.TLS != nil {
		cfg.TLS = inTurns(cfg.TLS, NewTurns(afterHandshake))
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok {
		s.address = tcp.String()
	}
	var inner http.Handler = s.mux
	if cfg.Door != nil {
		inner = cfg.Door(inner)
	}
	s.http = &http.Server{
		Handler:           bounded(inner),
		TLSConfig:         cfg.TLS,
		ReadHeaderTimeout: headerWithin,
		IdleTimeout:       idleFor,
		MaxHeaderBytes:    maxHeaderBytes,
		Protocols:         protocols(cfg.TLS != nil),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams,
			SendPingTimeout:      pingAfter, PingTimeout: WriteWithin, WriteByteTimeout: WriteWithin,
		},
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnContext: remember,
		ConnState:   s.state,
		ErrorLog:    slog.NewLogLogger(complaints{cfg.Log.Handler()}, slog.LevelDebug),
	}
	s.mux.HandleFunc("GET /livez", live)
	s.mux.Handle("GET /readyz", s.ready)
	return s
}

func protocols(encrypted bool) *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetHTTP2(encrypted)
	p.SetUnencryptedHTTP2(!encrypted)
	return &p
}

// Handle mounts a handler, as http.ServeMux does. It is called before Serve.
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

// Address is where the server listens: of a port 0 it is the one that was found.
func (s *Server) Address() string { return s.address }

// Stopping ends when the server begins to stop. Requests that go on by themselves,
// as a watch does, end then.
func (s *Server) Stopping() context.Context { return s.stopping }

// Serve begins to answer, in the background. It ends with Stop only: a listener
// that cannot accept for a while, for want of files, is tried again.
func (s *Server) Serve() {
	go func() {
		if s.http.TLSConfig != nil {
			_ = s.http.ServeTLS(s.listener, "", "")
			return
		}
		_ = s.http.Serve(s.listener)
	}()
}

// Stop takes no more requests, lets those under way end within the given time,
// and cuts off what is left. It returns an error if there was such. A server that
// never served only gives its address up.
func (s *Server) Stop(within time.Duration) (err error) {
	s.stop.Do(func() {
		s.depart()
		defer s.cancel()
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		if err = s.http.Shutdown(ctx); err != nil {
			err = fmt.Errorf("api: requests were cut off when the port was closed: %w", errors.Join(err, s.http.Close()))
		}
		_ = s.listener.Close() // closed already, if it has served
	})
	return err
}

// bounded holds each request to the limits. What is mounted may stream for hours:
// no clock runs but while a body is being read or an answer is being written.
func bounded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asks(r.Context())
		b := &boundedWriter{ResponseWriter: w, control: http.NewResponseController(w)}
		b.lift()
		if r.Body != nil && r.Body != http.NoBody {
			_ = b.control.SetReadDeadline(time.Now().Add(bodyWithin))
			r.Body = &boundedBody{http.MaxBytesReader(w, r.Body, MaxRequestBytes), b.control}
		}
		defer b.arm() // for what is written after the handler
		h.ServeHTTP(b, r)
	})
}

// boundedWriter gives a reader some time for each write. That a deadline cannot
// be set happens on connections of tests only, which have no network below.
type boundedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
}

// Unwrap lets a handler reach what only the connection can do.
func (b *boundedWriter) Unwrap() http.ResponseWriter { return b.ResponseWriter }

func (b *boundedWriter) arm()  { _ = b.control.SetWriteDeadline(time.Now().Add(WriteWithin)) }
func (b *boundedWriter) lift() { _ = b.control.SetWriteDeadline(time.Time{}) }

func (b *boundedWriter) Write(p []byte) (int, error) {
	b.arm()
	defer b.lift()
	return b.ResponseWriter.Write(p)
}

// Flush is what streams end each message with.
func (b *boundedWriter) Flush() {
	b.arm()
	defer b.lift()
	_ = b.control.Flush() // the next write fails, too
}

// boundedBody lifts the limit of time when all has come: on HTTP/1 it would go on
// to count against the connection.
type boundedBody struct {
	io.ReadCloser
	control *http.ResponseController
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// complaints makes a panic in a handler loud, and leaves what scanners and lost
// connections cause to those who look for it.
type complaints struct{ slog.Handler }

func (c complaints) Enabled(context.Context, slog.Level) bool { return true }

func (c complaints) Handle(ctx context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "panic") {
		r.Level = slog.LevelError
	}
	if !c.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return c.Handler.Handle(ctx, r)
}
