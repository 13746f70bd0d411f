package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func always(string) bool { return true }
func never(string) bool  { return false }

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// A node is dialled until somebody listens; refusals are reported, not too often.
func TestDialerPolls(t *testing.T) {
	address := string(freeAddress(t))
	var refused atomic.Int32
	d := newDialer(always, true, func(string) { refused.Add(1) })
	began := time.Now()
	type result struct {
		conn net.Conn
		err  error
	}
	dialled := make(chan result, 1)
	go func() {
		c, err := d.dial(context.Background(), address)
		dialled <- result{c, err}
	}()
	eventually(t, "two refusals", func() bool { return refused.Load() >= 2 })
	if time.Since(began) < refusedEvery {
		t.Error("refusals are reported too often")
	}
	listen(t, address)
	r := <-dialled
	if r.err != nil {
		t.Fatal(r.err)
	}
	r.conn.Close()
}

func TestDialerTriesOthersOnce(t *testing.T) {
	var refused atomic.Int32
	d := newDialer(never, true, func(string) { refused.Add(1) })
	if _, err := d.dial(context.Background(), string(freeAddress(t))); err == nil || refused.Load() != 1 {
		t.Errorf("%v, %d refusals", err, refused.Load())
	}
	if len(d.conns) != 0 {
		t.Errorf("%d connections are kept", len(d.conns))
	}
}

func TestDialerStaysOnLoopback(t *testing.T) {
	d := newDialer(never, true, func(string) {})
	if _, err := d.dial(context.Background(), "192.0.2.1:80"); !errors.Is(err, errNotLoopback) {
		t.Error(err)
	}
	for _, address := range []string{"unix:1", "127.0.0.1", "a b:1", "127.0.0.1:http", "127.0.0.1:0", ":1"} {
		if _, err := d.dial(context.Background(), address); err == nil {
			t.Errorf("%q was dialled", address)
		}
	}
}

func TestDialerStops(t *testing.T) {
	address := string(freeAddress(t))
	d := newDialer(always, true, func(string) {})
	ended := make(chan error, 1)
	go func() {
		_, err := d.dial(context.Background(), address)
		ended <- err
	}()
	d.stop()
	if err := <-ended; !errors.Is(err, errStopped) {
		t.Error(err)
	}
	if _, err := d.dial(context.Background(), address); !errors.Is(err, errStopped) {
		t.Error(err)
	}
}

// Until the other side has spoken, a connection that breaks is made again and
// what was written is written again; afterwards it is a plain connection.
func TestConnectionBeforeTheFirstAnswer(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	d := newDialer(always, true, func(string) {})
	c, err := d.dial(context.Background(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "hello ")
	answer := make(chan error, 1)
	go func() {
		b := make([]byte, 2)
		_, err := io.ReadFull(c, b)
		answer <- err
	}()
	first, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	second, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "there")
	expect(t, second, "hello there")
	d.kill(l.Addr().String()) // as Reset would
	third, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	expect(t, third, "hello there")
	io.WriteString(third, "hi")
	if err := <-answer; err != nil {
		t.Fatal(err)
	}
	d.kill(l.Addr().String())
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a connection that was answered on was made again")
	}
	c.Close()
}

func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(r, b); err != nil || string(b) != want {
		t.Fatalf("read %q, %v", b, err)
	}
}

func TestAddresses(t *testing.T) {
	for _, good := range []string{"127.0.0.1:1", "[::1]:7001", "[fe80::1%eth0]:1", "node-1.example.org:65535", "a_b:1"} {
		if err := checkAddress(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", ":", "a", "a:", "a:0", "a:65536", "a:-1", "a:x", ":1", "a\x00:1", "ä:1", "dns:1", "a/b:1", strings.Repeat("a", 300) + ":1"} {
		if checkAddress(bad) == nil {
			t.Errorf("%q is an address", bad)
		}
	}
}
