package api

import (
	"net"
	"sync"
)

// maxConnections is how many connections the port holds at once. Each costs the
// process a file, which the log on disk and the other nodes need too.
const maxConnections = 8192

// crowd is a listener with room for so many. Whoever comes when it is full is sent
// away at once: who says nothing in time makes room before long.
type crowd struct {
	net.Listener
	room    chan struct{}
	refused func(from net.Addr)
}

func newCrowd(l net.Listener, most int, refused func(net.Addr)) *crowd {
	return &crowd{Listener: l, room: make(chan struct{}, most), refused: refused}
}

func (c *crowd) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case c.room <- struct{}{}:
			return &inCrowd{Conn: conn, leave: sync.OnceFunc(func() { <-c.room })}, nil
		default:
			c.refused(conn.RemoteAddr())
			_ = conn.Close()
		}
	}
}

type inCrowd struct {
	net.Conn
	leave func()
}

func (c *inCrowd) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
