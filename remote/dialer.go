package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"
)

var (
	errStopped     = errors.New("remote: this process has stopped")
	errNotLoopback = errors.New("remote: a process that is bound to loopback dials nobody elsewhere whom it was not told to dial")
)

const dialTimeout = 500 * time.Millisecond // of one try

// dialer makes the connections for gRPC. The library sleeps two seconds after an
// attempt that failed, so an attempt to reach a configured node does not fail: it
// polls until somebody answers. Any other address gets one try.
type dialer struct {
	persistent   func(address string) bool
	loopbackOnly bool
	refused      func(address string) // called at most once in 100 ms for each attempt

	mu    sync.Mutex
	conns map[*conn]struct{}
	quit  chan struct{}
}

func newDialer(persistent func(string) bool, loopbackOnly bool, refused func(string)) *dialer {
	return &dialer{persistent: persistent, loopbackOnly: loopbackOnly, refused: refused,
		conns: map[*conn]struct{}{}, quit: make(chan struct{})}
}

// dial is what gRPC calls to connect.
func (d *dialer) dial(ctx context.Context, address string) (net.Conn, error) {
	c := &conn{dialer: d, address: address, closed: make(chan struct{})}
	if !d.track(c) {
		return nil, errStopped
	}
	raw, err := c.connect(ctx)
	if err != nil {
		c.Close()
		return nil, err
	}
	c.mu.Lock()
	c.Conn = raw
	c.mu.Unlock()
	return c, nil
}

// connect tries once, or polls.
func (c *conn) connect(ctx context.Context) (net.Conn, error) {
	d := c.dialer
	var reported time.Time
	for {
		raw, err := d.once(ctx, c.address)
		if err == nil {
			return raw, nil
		}
		if now := time.Now(); errors.Is(err, syscall.ECONNREFUSED) && now.Sub(reported) >= refusedEvery {
			reported = now
			d.refused(c.address)
		}
		if !d.persistent(c.address) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-d.quit:
			return nil, errStopped
		case <-c.closed:
			return nil, net.ErrClosed
		case <-time.After(dialPeriod):
		}
	}
}

// once resolves the name and tries to connect to what it stands for today.
func (d *dialer) once(ctx context.Context, address string) (net.Conn, error) {
	if err := checkAddress(address); err != nil {
		return nil, fmt.Errorf("remote: %q: %w", address, err)
	}
	nd := net.Dialer{Timeout: dialTimeout}
	if d.loopbackOnly && !d.persistent(address) {
		nd.Control = onlyLoopback
	}
	return nd.DialContext(ctx, "tcp", address)
}

func onlyLoopback(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return errNotLoopback
	}
	return nil
}

// kill breaks the connections to an address. gRPC notices at once, and the
// library reports it.
func (d *dialer) kill(address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		if c.address == address {
			c.kill()
		}
	}
}

// stop breaks all connections and makes no more.
func (d *dialer) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.quit:
		return
	default:
	}
	close(d.quit)
	for c := range d.conns {
		c.kill()
	}
}

func (d *dialer) track(c *conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.quit:
		return false
	default:
	}
	d.conns[c] = struct{}{}
	return true
}

func (d *dialer) forget(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, c)
}

// conn is a connection that a node may not have answered yet. A frozen node's
// kernel accepts for it, so being connected means little. Until the first byte
// comes back, a connection that breaks is made again below gRPC, and what was
// written is written again: to gRPC it is one attempt that took long.
type conn struct {
	dialer  *dialer
	address string
	closed  chan struct{}
	once    sync.Once

	mu       sync.Mutex
	net.Conn           // the current one
	answered bool      // bytes have come back: from now on it is a plain connection
	written  []byte    // until then
	deadline time.Time // until then
}

func (c *conn) current() net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Conn
}

func (c *conn) Read(b []byte) (int, error) {
	for {
		n, err := c.current().Read(b)
		if n > 0 {
			c.mu.Lock()
			c.answered, c.written = true, nil
			c.mu.Unlock()
			return n, err
		}
		if err == nil || !c.again(err) {
			return n, err
		}
	}
}

// again makes the connection anew if nobody has answered on it.
func (c *conn) again(err error) bool {
	var timeout net.Error
	if !c.dialer.persistent(c.address) || errors.As(err, &timeout) && timeout.Timeout() {
		return false
	}
	c.mu.Lock()
	answered := c.answered
	c.mu.Unlock()
	if answered {
		return false
	}
	select {
	case <-c.closed:
		return false
	case <-c.dialer.quit:
		return false
	case <-time.After(dialPeriod): // it may break again at once
	}
	raw, err := c.connect(context.Background())
	if err != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.closed:
		raw.Close()
		return false
	default:
	}
	c.Conn.Close()
	c.Conn = raw
	raw.SetDeadline(c.deadline)
	raw.Write(c.written) // a failure shows at the next Read
	return true
}

func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	raw := c.Conn
	if c.answered || !c.dialer.persistent(c.address) {
		c.mu.Unlock()
		return raw.Write(b)
	}
	defer c.mu.Unlock()
	c.written = append(c.written, b...)
	raw.Write(b) // a failure shows at the next Read, which writes it again
	return len(b), nil
}

func (c *conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return c.Conn.SetDeadline(t)
}

// kill breaks the connection underneath.
func (c *conn) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Conn != nil {
		c.Conn.Close()
	}
}

func (c *conn) Close() error {
	var err error
	c.once.Do(func() {
		close(c.closed)
		c.dialer.forget(c)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.Conn != nil {
			err = c.Conn.Close()
		}
	})
	return err
}
