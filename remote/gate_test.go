package remote

import (
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/grpc/credentials/insecure"
)

func discardLog(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }

func newTestGate() *gate { return newGate(insecure.NewCredentials(), newRefusals(discardLog(nil))) }

func visit(t *testing.T, g *gate) (outside net.Conn, v *visitor) {
	t.Helper()
	outside, inside := net.Pipe()
	c, _, err := g.ServerHandshake(inside)
	if err != nil {
		t.Fatal(err)
	}
	return outside, c.RemoteAddr().(visitorAddr).visitor
}

func isClosed(c net.Conn) bool {
	c.SetReadDeadline(time.Now().Add(-time.Second))
	_, err := c.Read(make([]byte, 1))
	timeout, ok := err.(net.Error)
	return !ok || !timeout.Timeout()
}

// The oldest stranger goes when there are too many; who is proven stays.
func TestGateEvictsTheOldest(t *testing.T) {
	g := newTestGate()
	guest, v := visit(t, g)
	v.prove()
	oldest, _ := visit(t, g)
	next, _ := visit(t, g)
	for range maxVisitors - 1 {
		visit(t, g)
	}
	if isClosed(guest) || !isClosed(oldest) || isClosed(next) {
		t.Errorf("guest closed %v, oldest closed %v, next closed %v", isClosed(guest), isClosed(oldest), isClosed(next))
	}
	g.stop()
	if !isClosed(guest) || !isClosed(next) {
		t.Error("connections are open after the stop")
	}
	if _, _, err := g.ServerHandshake(guest); err == nil {
		t.Error("a connection was let in after the stop")
	}
}

func TestGateLimitsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGate()
		stranger, _ := visit(t, g)
		guest, v := visit(t, g)
		v.prove()
		time.Sleep(visitorTime)
		g.sweep()
		if isClosed(stranger) {
			t.Error("closed too early")
		}
		time.Sleep(time.Nanosecond)
		g.sweep()
		if !isClosed(stranger) || isClosed(guest) {
			t.Errorf("stranger closed %v, guest closed %v", isClosed(stranger), isClosed(guest))
		}
	})
}

func TestGateLimitsBytes(t *testing.T) {
	for _, proven := range []bool{false, true} {
		g := newTestGate()
		outside, v := visit(t, g)
		if proven {
			v.prove()
		}
		go func() {
			for range 3 {
				outside.Write(make([]byte, visitorBytes))
			}
			outside.Close()
		}()
		read := 0
		for b := make([]byte, 32<<10); ; {
			n, err := v.Read(b)
			if read += n; err != nil {
				break
			}
		}
		if proven != (read == 3*visitorBytes) || read > 4*visitorBytes {
			t.Errorf("proven %v: %d bytes were read", proven, read)
		}
	}
}
