package api

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// maxConnections is how many connections the port holds at once, and how many more it
// sends away at once.
const maxConnections = 8192

// connections is how many those are in a process that may open so many files, and has so
// many ports. Each costs it a file, which the log on disk and the other nodes need too:
// all together have half of what there is.
func connections(files, ports int) int { return min(maxConnections, files/(2*2*ports)) }

// Whoever is sent away is told so after a while, unless many are: who comes again at
// once, as crowds do, comes once in that while, and takes no processor's time meanwhile.
const toldAfter = 2 * time.Second

// unreadBytes are kept of answers that a client does not read, before whoever answers
// waits for it. The system may keep twice as many, and would else keep some millions.
const unreadBytes = 128 << 10

// crowd is a listener with room for so many, and for a part of them from one
// origin. When little is left, who idles makes room for who comes; whoever comes when it
// is full is sent away.
type crowd struct {
	net.Listener
	room   chan struct{}
	untold chan struct{}
	each   int // of one origin
	idlers idlers
	shakes func(from net.Addr) bool
	many   func(from net.Addr) bool // whether somebody connects for many others; nil: nobody
	turned func(Turned)

	mu   sync.Mutex
	from map[string]int // how many are here
}

// originShare is which part of the room one origin can have.
const originShare = 8

func newCrowd(l net.Listener, most int, shakes func(net.Addr) bool, turned func(Turned)) *crowd {
	return &crowd{
		Listener: l, room: make(chan struct{}, most), untold: make(chan struct{}, most), each: max(1, most/originShare),
		idlers: idlers{few: most / originShare}, shakes: shakes, turned: turned, from: map[string]int{},
	}
}

// Origin is the part of a remote address that whoever comes does not choose: its IP,
// or of one of version 6 the network, of which a host has all. It is empty if there
// is none, as on a socket with a path.
func Origin(address string) string {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return ""
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	network, _ := ip.Prefix(64) // which every address of version 6 has
	return network.String()
}

func (c *crowd) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		origin := c.origin(conn.RemoteAddr())
		switch {
		case !c.shakes(conn.RemoteAddr()):
			c.turned(Turned{TooManyHands, conn.RemoteAddr(), "more handshakes than are due"})
		case !c.comeIn(origin):
			c.turned(Turned{NoRoom, conn.RemoteAddr(), "no room for one more connection"})
		default:
			if c, ok := conn.(*net.TCPConn); ok {
				_ = c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true})
				_ = c.SetWriteBuffer(unreadBytes) // else it has some, which is only more
			}
			here, end := context.WithCancel(context.Background())
			in := &inCrowd{Conn: conn, here: here, idlers: &c.idlers, origin: origin, came: time.Now()}
			silence := time.AfterFunc(silentFor, in.endSilence)
			in.leave = sync.OnceFunc(func() { end(); silence.Stop(); c.idlers.leave(in); c.leave(origin) })
			return in, nil
		}
		c.sendAway(conn)
	}
}

func (c *crowd) sendAway(conn net.Conn) {
	select {
	case c.untold <- struct{}{}:
		time.AfterFunc(toldAfter, func() { _ = conn.Close(); <-c.untold })
	default:
		_ = conn.Close()
	}
}

// origin is whose share of the room a connection takes; empty is nobody's.
func (c *crowd) origin(from net.Addr) string {
	if c.many != nil && c.many(from) {
		return ""
	}
	return Origin(from.String())
}

// comeIn is enter, but for whom there is little room left somebody makes some.
func (c *crowd) comeIn(origin string) bool {
	if len(c.room)*crowdedOf >= cap(c.room)*crowdedFrom && c.isDue(origin) {
		if idler := c.idlers.longest(len(c.room) == cap(c.room)); idler != nil {
			idler.gone.Store(true) // and is told of here
			_ = idler.Close()
			c.turned(Turned{NoRoom, idler.RemoteAddr(), "closed to make room: nothing that counts was under way"})
		}
	}
	return c.enter(origin)
}

// isDue reports whether an origin has one connection more to have.
func (c *crowd) isDue(origin string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.isDueLocked(origin)
}

func (c *crowd) isDueLocked(origin string) bool { return origin == "" || c.from[origin] < c.each }

// enter takes the room for one, if there is any.
func (c *crowd) enter(origin string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isDueLocked(origin) {
		return false
	}
	select {
	case c.room <- struct{}{}:
		c.from[origin]++
		return true
	default:
		return false
	}
}

func (c *crowd) leave(origin string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from[origin]--; c.from[origin] == 0 {
		delete(c.from, origin)
	}
	<-c.room
}

// inCrowd is a connection that there was room for.
type inCrowd struct {
	net.Conn
	here   context.Context // ends when it leaves
	leave  func()
	idlers *idlers
	idling idling // belongs to idlers
	origin string
	came   time.Time
	asked  atomic.Bool // it has had a request
	known  atomic.Bool // of somebody who is known
	gone   atomic.Bool // its client has left, or had to

	turn atomic.Pointer[Turn] // nil but while it has one
}

// Read gives a turn back, since now it is the client's.
func (c *inCrowd) Read(p []byte) (int, error) {
	c.endTurn()
	n, err := c.Conn.Read(p)
	c.look(err)
	return n, err
}

func (c *inCrowd) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.look(err)
	return n, err
}

// look sees whether an error is that the client has left.
func (c *inCrowd) look(err error) {
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, net.ErrClosed) {
		c.gone.Store(true)
	}
}

// endSilence closes a connection that has had no request. On HTTP/2 no other clock runs
// for it but that of whoever has asked, and rests.
func (c *inCrowd) endSilence() {
	if !c.asked.Load() {
		_ = c.Conn.Close() // the server leaves then
	}
}

func (c *inCrowd) Close() error {
	defer c.leave()
	defer c.endTurn()
	return c.Conn.Close()
}

func (c *inCrowd) takeTurn(ctx context.Context, at *Turns) error {
	ctx, cancel := context.WithTimeout(ctx, headerWithin)
	defer cancel()
	defer context.AfterFunc(c.here, cancel)()
	turn, err := at.Take(ctx, c.origin)
	if err != nil {
		return errors.New("too many handshakes at once")
	}
	c.turn.Store(turn)
	return nil
}

func (c *inCrowd) endTurn() {
	if c.turn.Load() == nil { // as ever, but for once
		return
	}
	if t := c.turn.Swap(nil); t != nil {
		t.End()
	}
}
