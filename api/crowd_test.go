package api

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestACrowdIsBounded: who comes when there is no room is sent away and counted,
// and whoever leaves, however often he says so, makes room for one.
func TestACrowdIsBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := make(chan net.Addr, 10)
	c := newCrowd(l, 2, func(net.Addr) bool { return true }, func(told Turned) {
		if told.Why != NoRoom {
			t.Errorf("told %+v", told)
		}
		refused <- told.From
	})
	c.each = 2
	defer c.Close()
	in := make(chan net.Conn, 10)
	go func() {
		for {
			conn, err := c.Accept()
			if err != nil {
				return
			}
			in <- conn
		}
	}()
	come := func() net.Conn {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	come()
	first := <-in
	come()
	<-in
	third := come()
	if from := <-refused; from.String() != third.LocalAddr().String() {
		t.Errorf("%v was refused, and %v came", from, third.LocalAddr())
	}
	third.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := third.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the third one reads %v", err)
	}
	first.Close()
	first.Close()
	come()
	<-in
	come()
	<-refused
}

// TestWhoIsSentAwayWaits: a while, before he is told, and takes no room meanwhile; when
// many do, others are told at once.
func TestWhoIsSentAwayWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(nil, 2, nil, nil)
		for i, want := range []time.Duration{toldAfter, toldAfter, 0, toldAfter} {
			near, far := net.Pipe()
			began := time.Now()
			c.sendAway(far)
			told := make(chan time.Duration, 1)
			go func() {
				_, err := near.Read(make([]byte, 1))
				if err != io.EOF {
					t.Error(err)
				}
				told <- time.Since(began)
			}()
			if want == 0 {
				if after := <-told; after != 0 {
					t.Errorf("number %d is told after %v", i+1, after)
				}
				time.Sleep(toldAfter)
				synctest.Wait()
				continue
			}
			t.Cleanup(func() {
				if after := <-told; after != want {
					t.Errorf("number %d is told after %v, not %v", i+1, after, want)
				}
			})
		}
		for range cap(c.room) {
			if !c.enter("") {
				t.Error("who is sent away takes room")
			}
		}
	})
}

// TestWhatIsNotReadIsBounded: whoever answers waits for who does not read, before he has
// answered at length.
func TestWhatIsNotReadIsBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := newCrowd(l, originShare, func(net.Addr) bool { return true }, nil)
	defer c.Close()
	reader, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := reader.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	conn, err := c.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := conn.Write(make([]byte, 64*unreadBytes))
	if !errors.Is(err, os.ErrDeadlineExceeded) || n > 8*unreadBytes {
		t.Errorf("%d KiB were written to somebody who reads nothing, then %v", n>>10, err)
	}
}

// TestFilesAreLeft: for the log and the other nodes, however few there are.
func TestFilesAreLeft(t *testing.T) {
	for _, test := range []struct{ files, ports, want int }{{1024, 1, 256}, {1024, 3, 85}, {32768, 1, 8192}, {32768, 2, 4096}, {1 << 20, 3, 8192}} {
		if got := connections(test.files, test.ports); got != test.want {
			t.Errorf("%+v: %d are for connections", test, got)
		}
	}
}

// TestOneOriginLeavesRoomForOthers: however many come from it, and again when some
// have left.
func TestOneOriginLeavesRoomForOthers(t *testing.T) {
	c := newCrowd(nil, 2*originShare, nil, nil)
	one, other := Origin("192.0.2.1:5"), Origin("192.0.2.2:5")
	for _, step := range []struct {
		origin string
		enters bool
	}{{one, true}, {one, true}, {one, false}, {other, true}, {other, true}, {other, false}} {
		if c.enter(step.origin) != step.enters {
			t.Fatalf("one more of %s: entered is %v", step.origin, !step.enters)
		}
	}
	c.leave(one)
	if !c.enter(one) || c.enter(one) {
		t.Error("who left made no room for one, or for more")
	}
	for range 2*originShare - 4 {
		if !c.enter("") {
			t.Fatal("a socket with a path is held to a share")
		}
	}
	if c.enter("") || c.enter("one more") {
		t.Error("there is more room than there is")
	}
	c.leave(one)
	c.leave(one)
	if len(c.from) != 2 {
		t.Errorf("who has gone is remembered: %v", c.from)
	}
}

// TestWhoConnectsForManyHasNoShare: a proxy is not one origin.
func TestWhoConnectsForManyHasNoShare(t *testing.T) {
	proxy, other := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 5}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5}
	c := newCrowd(nil, 2*originShare, nil, nil)
	c.many = func(from net.Addr) bool { return from == proxy }
	for i := range 2*originShare - 2 {
		if !c.enter(c.origin(proxy)) {
			t.Fatalf("connection %d of a proxy is one too many", i+1)
		}
	}
	for i, enters := range []bool{true, true, false} {
		if c.enter(c.origin(other)) != enters {
			t.Errorf("connection %d of another: entered is %v", i+1, !enters)
		}
	}
}

// TestOrigins: what whoever comes can choose makes no difference.
func TestOrigins(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "192.0.2.1:6": "192.0.2.1", "[::ffff:192.0.2.1]:7": "192.0.2.1",
		"[2001:db8::1]:5": "2001:db8::/64", "[2001:db8::ffff:1]:5": "2001:db8::/64", "[2001:db8:0:1::1]:5": "2001:db8:0:1::/64",
		"[fe80::1%eth0]:5": "fe80::/64", "@": "", "": "", "/tmp/s": "",
	} {
		if got := Origin(address); got != want {
			t.Errorf("%s is from %q, want %q", address, got, want)
		}
	}
}
