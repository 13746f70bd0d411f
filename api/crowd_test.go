package api

import (
	"io"
	"net"
	"testing"
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
	c := newCrowd(l, 2, func(from net.Addr) { refused <- from })
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
