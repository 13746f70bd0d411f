package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"lockstep/replica"
	"lockstep/trust"
)

// credentialsOf serve both directions: with TLS both sides show a certificate.
func credentialsOf(p *Process, claims *claims) credentials.TransportCredentials {
	if p.cfg.TLS == nil {
		return insecure.NewCredentials()
	}
	return &mutual{process: p, claims: claims}
}

// mutual is TLS in which each side asks for the other's certificate, with the
// identity that counts at that moment.
type mutual struct {
	process *Process
	claims  *claims
}

// ServerHandshake takes a connection of somebody whose certificate an authority
// has signed. Who may claim what with it is decided in the greeting.
func (m *mutual) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := credentials.NewTLS(m.process.cfg.TLS.Identity().Listening()).ServerHandshake(raw)
	if err != nil {
		m.process.refusals.count("TLS handshake", fmt.Sprintf("from %s: %.200s", raw.RemoteAddr(), err))
	}
	return secured, info, err
}

// ClientHandshake talks to whoever may be at an address.
func (m *mutual) ClientHandshake(ctx context.Context, address string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	config := m.process.cfg.TLS.Identity().Dialling(func(who trust.Party) error { return m.check(replica.NodeID(address), who) })
	secured, info, err := credentials.NewTLS(config).ClientHandshake(ctx, address, raw)
	if err != nil {
		m.process.refusals.count("TLS handshake", fmt.Sprintf("with %s: %.200s", address, err))
		return nil, nil, err
	}
	return &heeded{Conn: secured, address: address, refusals: m.process.refusals}, info, nil
}

// check decides who may be at an address that is dialled: where a node is, a node
// of that host; elsewhere also a client that says at this moment, on a stream of
// its own, that it is there.
func (m *mutual) check(address replica.NodeID, who trust.Party) error {
	host, _, err := net.SplitHostPort(string(address))
	if err != nil {
		return err
	}
	if who.IsNode(host) || who.IsClient() && !m.process.configured(address) && m.claims.has(claim{address, who.Name()}) {
		return nil
	}
	return fmt.Errorf("the certificate there is for %s, who was not expected", who)
}

func (m *mutual) Info() credentials.ProtocolInfo { return credentials.NewTLS(&tls.Config{}).Info() }

func (m *mutual) Clone() credentials.TransportCredentials { return m }

func (m *mutual) OverrideServerName(string) error {
	return errors.New("remote: names are checked against addresses")
}

// heeded is a connection that says why it breaks if the other side refuses our
// certificate, which it can do only after the handshake.
type heeded struct {
	net.Conn
	address  string
	refusals *refusals
}

func (h *heeded) Read(b []byte) (int, error) {
	n, err := h.Conn.Read(b)
	var alert *net.OpError
	if errors.As(err, &alert) && alert.Op == "remote error" {
		h.refusals.count("our certificate was refused", fmt.Sprintf("by %s: %.200s", h.address, alert.Err))
	}
	return n, err
}

// claim is that a principal is at an address.
type claim struct {
	address   replica.NodeID
	principal string
}

// claims are those that clients make at this moment, one for each stream. They
// are as many as there are streams at most.
type claims struct {
	mu  sync.Mutex
	all map[claim]int
}

func newClaims() *claims { return &claims{all: map[claim]int{}} }

func (c *claims) add(one claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all[one]++
}

func (c *claims) drop(one claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all[one]--; c.all[one] <= 0 {
		delete(c.all, one)
	}
}

func (c *claims) has(one claim) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[one] > 0
}
