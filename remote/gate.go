package remote

import (
	"container/list"
	"errors"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
)

// Limits of incoming connections. A connection is a visitor until a frame on it
// has proven its sender.
const (
	maxConnections = 8192
	maxVisitors    = 512
	visitorBytes   = 64 << 10        // a knock has two hundred
	visitorTime    = 5 * time.Second // a handshake takes a millisecond
)

var errFull = errors.New("remote: too many connections")

// gate bounds what strangers can hold open. gRPC shows it every connection that
// was accepted, in its handshake. Strangers compete with each other only: when
// there are too many, the oldest goes, which has had the most time to prove
// itself; who has proven itself stays.
type gate struct {
	credentials.TransportCredentials
	refusals *refusals

	mu       sync.Mutex
	visitors *list.List // of *visitor, the oldest first
	all      map[*visitor]struct{}
	stopped  bool
}

func newGate(creds credentials.TransportCredentials, r *refusals) *gate {
	return &gate{TransportCredentials: creds, refusals: r, visitors: list.New(), all: map[*visitor]struct{}{}}
}

// ServerHandshake lets a connection in.
func (g *gate) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	v := &visitor{Conn: raw, gate: g, since: time.Now()}
	if !g.admit(v) {
		raw.Close()
		return nil, nil, errFull
	}
	secured, info, err := g.TransportCredentials.ServerHandshake(v)
	if err != nil {
		v.Close()
		return nil, nil, err
	}
	return secured, info, nil
}

func (g *gate) Clone() credentials.TransportCredentials { return g }

func (g *gate) admit(v *visitor) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return false
	}
	if len(g.all) >= maxConnections {
		g.refusals.count("too many connections", v.Conn.RemoteAddr().String())
		return false
	}
	if g.visitors.Len() >= maxVisitors {
		g.evictLocked("too many unproven connections")
	}
	v.entry = g.visitors.PushBack(v)
	g.all[v] = struct{}{}
	return true
}

// evictLocked closes the oldest visitor.
func (g *gate) evictLocked(reason string) {
	v := g.visitors.Front().Value.(*visitor)
	g.refusals.count(reason, v.Conn.RemoteAddr().String())
	g.leaveLocked(v)
	v.Conn.Close()
}

func (g *gate) leaveLocked(v *visitor) {
	if v.entry != nil {
		g.visitors.Remove(v.entry)
		v.entry = nil
	}
	delete(g.all, v)
}

// sweep closes visitors that have had their time.
func (g *gate) sweep() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.visitors.Len() > 0 && time.Since(g.visitors.Front().Value.(*visitor).since) > visitorTime {
		g.evictLocked("unproven for too long")
	}
}

// stop closes every connection and lets no more in. gRPC would wait for those
// whose handshake is not over.
func (g *gate) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
	for v := range g.all {
		g.leaveLocked(v)
		v.Conn.Close()
	}
}

// visitor is an incoming connection.
type visitor struct {
	net.Conn
	gate  *gate
	since time.Time

	// Belong to the gate; entry is nil once the visitor was proven or has left.
	entry *list.Element

	read   int // by the one goroutine that reads
	proven bool
	mu     sync.Mutex // guards proven
}

// Read bounds what a stranger can make this process keep in memory.
func (v *visitor) Read(b []byte) (int, error) {
	n, err := v.Conn.Read(b)
	if v.read <= visitorBytes {
		v.read += n
	} else if !v.isProven() {
		v.gate.refusals.count("too much from an unproven connection", v.Conn.RemoteAddr().String())
		v.Close()
		return 0, errFull
	}
	return n, err
}

func (v *visitor) isProven() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.proven
}

// prove makes the visitor a guest who may stay.
func (v *visitor) prove() {
	v.mu.Lock()
	v.proven = true
	v.mu.Unlock()
	v.gate.mu.Lock()
	defer v.gate.mu.Unlock()
	if v.entry != nil {
		v.gate.visitors.Remove(v.entry)
		v.entry = nil
	}
}

func (v *visitor) Close() error {
	v.gate.mu.Lock()
	v.gate.leaveLocked(v)
	v.gate.mu.Unlock()
	return v.Conn.Close()
}

// RemoteAddr is how the guard finds the connection that a stream came on: gRPC
// passes it along.
func (v *visitor) RemoteAddr() net.Addr { return visitorAddr{v.Conn.RemoteAddr(), v} }

type visitorAddr struct {
	net.Addr
	visitor *visitor
}
