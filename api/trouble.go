package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Trouble is why a connection came to nothing before it had a request.
type Trouble uint8

// The troubles.
const (
	NoRoom       Trouble = iota + 1 // for one more, or for one more of its origin, or not any longer
	TooManyHands                    // Shakes has sent it away
	BadHand                         // it could not be encrypted: a certificate that does not count, or what is no TLS
	Silence                         // nothing was asked in time
)

// Turned is a connection that came to nothing.
type Turned struct {
	Why  Trouble
	From net.Addr
	What string // for people
}

// connKey has the connection of a request.
type connKey struct{}

// remember puts a connection where its requests find it.
func remember(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, below(c))
}

// asks takes note that a connection has a request.
func asks(ctx context.Context) {
	if c := connectionOf(ctx); c != nil {
		c.asked.Store(true)
	}
}

// connectionOf is the connection of a request, or nil if it is none of a crowd.
func connectionOf(ctx context.Context) *inCrowd {
	c, _ := ctx.Value(connKey{}).(*inCrowd)
	return c
}

// below is the connection under the encryption, if it is one of a crowd.
func below(c net.Conn) *inCrowd {
	if encrypted, ok := c.(*tls.Conn); ok {
		c = encrypted.NetConn()
	}
	in, _ := c.(*inCrowd)
	return in
}

// state follows a connection.
func (s *Server) state(c net.Conn, state http.ConnState) {
	in := below(c)
	if in == nil {
		return
	}
	switch state {
	case http.StateNew, http.StateIdle:
		in.idlers.begin(in)
	case http.StateActive:
		in.idlers.end(in)
	case http.StateClosed:
		s.ended(c, in)
	}
}

// ended looks at a connection that has. One whose client goes as it came, as probes of
// load balancers do, is no trouble.
func (s *Server) ended(c net.Conn, in *inCrowd) {
	if in.asked.Load() || in.gone.Load() || s.stopping.Err() != nil {
		return
	}
	encrypted, ok := c.(*tls.Conn)
	switch {
	case ok && !encrypted.ConnectionState().HandshakeComplete:
		s.turned(Turned{BadHand, c.RemoteAddr(), handshakeFailure(encrypted)})
	case time.Since(in.came) >= headerWithin: // else its client has taken leave
		s.turned(Turned{Silence, c.RemoteAddr(), "nothing was asked in time"})
	}
}

// handshakeFailure is how a handshake ended, which the connection remembers.
func handshakeFailure(c *tls.Conn) string {
	err := c.Handshake()
	if noTLS := new(tls.RecordHeaderError); errors.As(err, noTLS) {
		return "what came is no TLS"
	}
	return fmt.Sprint(err)
}

// afterHandshake is the rest of those who have taken a turn at one.
var afterHandshake = Rest{Times: 3, Longest: 10 * time.Millisecond}

// inTurns has the costly part of handshakes done by a few at a time: from a client's
// hello until there is something to wait for. So however many come, most of the
// processors' time is left to serve whoever is in already.
func inTurns(cfg *tls.Config, at *Turns) *tls.Config {
	cfg = cfg.Clone()
	next := cfg.GetConfigForClient
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if in, ok := hello.Conn.(*inCrowd); ok {
			if err := in.takeTurn(hello.Context(), at); err != nil {
				return nil, err
			}
		}
		if next == nil {
			return nil, nil
		}
		return next(hello)
	}
	return cfg
}
