package tests

import (
	"net"
	"sync"
	"testing"
)

// proxy is a piece of network between processes: it carries connections to a
// node, and can hold them up or cut them.
type proxy struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	conns map[net.Conn]bool
	gate  chan struct{} // closed while traffic flows
	done  sync.WaitGroup
}

// startProxy carries what arrives at an address to the target until the test
// ends.
func startProxy(t testing.TB, address, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, target: target, conns: map[net.Conn]bool{}, gate: make(chan struct{})}
	close(p.gate)
	p.done.Go(p.accept)
	t.Cleanup(func() {
		listener.Close()
		p.flow()
		p.cut()
		p.done.Wait()
	})
	return p
}

// stall holds everything up that is on its way or comes; nothing is lost.
func (p *proxy) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gate = make(chan struct{})
}

// flow lets the traffic go on.
func (p *proxy) flow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.gate:
	default:
		close(p.gate)
	}
}

// cut breaks all connections, with what is on its way.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

func (p *proxy) accept() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", p.target)
		if err != nil {
			from.Close() // nobody listens there: neither does anybody here
			continue
		}
		p.keep(from, to)
		p.done.Go(func() { p.carry(from, to) })
		p.done.Go(func() { p.carry(to, from) })
	}
}

func (p *proxy) keep(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = true
	}
}

// carry copies one direction. When it ends, so does the connection.
func (p *proxy) carry(from, to net.Conn) {
	defer p.drop(from, to)
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		<-p.open()
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) open() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gate
}

func (p *proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		c.Close()
		delete(p.conns, c)
	}
}
