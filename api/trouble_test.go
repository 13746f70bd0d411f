package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// encrypted is a server with TLS that asks for a client's certificate, whom it tells
// of troubles, and how to reach it.
func encrypted(t *testing.T, shakes func(net.Addr) bool) (*Server, chan Turned, *tls.Config) {
	t.Helper()
	lent := httptest.NewTLSServer(nil) // for its certificate
	lent.Close()
	told := make(chan Turned, 100)
	cfg := config("127.0.0.1:0")
	cfg.TLS = &tls.Config{Certificates: lent.TLS.Certificates, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: x509.NewCertPool()}
	cfg.Shakes, cfg.Turned = shakes, func(t Turned) { told <- t }
	client := lent.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "example.com"
	client.NextProtos = []string{"http/1.1"}
	client.Certificates = lent.TLS.Certificates // which no authority here has signed
	return serve(t, cfg, nil), told, client
}

// TestHandshakesAreTurns: that of a connection to the port is one, and no longer than
// it must.
func TestHandshakesAreTurns(t *testing.T) {
	lent := httptest.NewTLSServer(nil) // for its certificate
	defer lent.Close()
	in := make(chan *inCrowd, 1)
	cfg := config("127.0.0.1:0")
	cfg.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if c := hello.Conn.(*inCrowd); c.turn.Load() != nil {
			in <- c
		}
		return &tls.Config{Certificates: lent.TLS.Certificates}, nil
	}}
	s := serve(t, cfg, nil)
	shows := lent.Client().Transport.(*http.Transport).TLSClientConfig
	if answer, _ := get(t, &http.Transport{TLSClientConfig: shows}, "https://"+s.Address()+"/livez"); answer.StatusCode != 200 {
		t.Error(answer.Status)
	}
	select {
	case c := <-in:
		if c.turn.Load() != nil {
			t.Error("a turn is not over when a request is answered")
		}
	default:
		t.Error("there was a handshake out of turn")
	}
}

// TestHandshakesThatFail: each is told of, with its reason, and who only looks whether
// the port is there is none.
func TestHandshakesThatFail(t *testing.T) {
	s, told, shows := encrypted(t, nil)
	dial := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", s.Address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		return conn
	}
	_ = dial().Close() // a probe

	alien := tls.Client(dial(), shows)
	if _, err := io.Copy(io.Discard, alien); err == nil {
		t.Error("whoever shows a certificate of nobody is let in")
	}
	if got := <-told; got.Why != BadHand || !strings.Contains(got.What, "certificate") || got.From.String() != alien.LocalAddr().String() {
		t.Errorf("told %+v", got)
	}

	plain := dial()
	_, _ = io.WriteString(plain, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if text, _ := io.ReadAll(plain); !strings.Contains(string(text), "HTTP request to an HTTPS server") {
		t.Errorf("without TLS: %q", text)
	}
	if got := <-told; got.Why != BadHand || got.What != "what came is no TLS" {
		t.Errorf("told %+v", got)
	}

	shows.Certificates = nil
	if answer, _ := get(t, &http.Transport{TLSClientConfig: shows}, "https://"+s.Address()+"/livez"); answer.StatusCode != 200 {
		t.Error(answer.Status)
	}
	leaves := tls.Client(dial(), shows)
	if err := leaves.Handshake(); err != nil {
		t.Error(err)
	}
	_ = leaves.Close() // and says so
	_, _ = io.Copy(io.Discard, leaves.NetConn())
	if err := s.Stop(time.Second); err != nil || len(told) > 0 {
		t.Errorf("%v; told of %d more", err, len(told))
	}
}

// TestWhoMayNotShakeHands: they are sent away before anything is read of them.
func TestWhoMayNotShakeHands(t *testing.T) {
	var may atomic.Bool
	may.Store(true)
	s, told, shows := encrypted(t, func(net.Addr) bool { return may.Load() })
	shows.Certificates = nil
	c := &http.Transport{TLSClientConfig: shows}
	if answer, _ := get(t, c, "https://"+s.Address()+"/livez"); answer.StatusCode != 200 {
		t.Error(answer.Status)
	}
	may.Store(false)
	if _, err := (&http.Client{Transport: c}).Get("https://" + s.Address() + "/livez"); err == nil {
		t.Error("a handshake that may not be was begun")
	}
	if got := <-told; got.Why != TooManyHands {
		t.Errorf("told %+v", got)
	}
}

// TestHandshakesTakeTurns: while as many as may are busy with one, others wait, and
// whoever waits for its client is busy no more.
func TestHandshakesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := oneTurn()
		h.rest = afterHandshake
		free := func() bool {
			synctest.Wait()
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.free == 1
		}
		near, far := net.Pipe()
		defer near.Close()
		here := t.Context()
		one, other := &inCrowd{Conn: far, here: here, leave: func() {}}, &inCrowd{here: here, leave: func() {}}
		if err := one.takeTurn(t.Context(), h); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := other.takeTurn(t.Context(), h); err == nil || time.Since(began) != headerWithin {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if other.takeTurn(gone, h) == nil {
			t.Error("who has gone takes a turn")
		}
		left, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		began = time.Now()
		if err := (&inCrowd{here: left}).takeTurn(t.Context(), h); err == nil || time.Since(began) != time.Second {
			t.Errorf("who was closed waits for a turn: %v after %v", err, time.Since(began))
		}
		waits := make(chan error)
		go func() { waits <- other.takeTurn(t.Context(), h) }()
		synctest.Wait()
		go func() { _, _ = one.Read(make([]byte, 1)) }() // what its client says next
		began = time.Now()
		if err := <-waits; err != nil || time.Since(began) != afterHandshake.Longest {
			t.Errorf("a turn that was given back after a long time: %v after %v", err, time.Since(began))
		}
		_ = one.Close() // has none
		if time.Sleep(afterHandshake.Longest); free() {
			t.Error("a turn was given back twice")
		}
		other.turn.Load().since = time.Now()
		time.Sleep(time.Millisecond) // of work
		other.Conn = near
		_ = other.Close()
		time.Sleep(afterHandshake.Times*time.Millisecond - time.Nanosecond)
		if free() {
			t.Error("there is no rest after a turn")
		}
		time.Sleep(time.Nanosecond)
		if !free() {
			t.Error("who was closed keeps a turn")
		}
	})
}

// TestSilence: who asks nothing in time is told of, and once; who goes before is not.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network, told := newPipes(), make(chan Turned, 10)
		cfg := config("bubble")
		cfg.Turned = func(t Turned) { told <- t }
		s := newServer(cfg, newCrowd(network, 10, func(net.Addr) bool { return true }, cfg.Turned))
		s.Handle("/", http.HandlerFunc(nothing))
		s.Serve()
		dial := func(says string) net.Conn {
			conn := network.dial()
			_, _ = io.WriteString(conn, says)
			return conn
		}
		silent, half, gone, asks := dial(""), dial("GET / HTTP/1.1\r\nHost"), dial(""), dial("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		_ = gone.Close()
		go untilClosed(asks)
		time.Sleep(headerWithin - time.Nanosecond)
		synctest.Wait()
		if len(told) > 0 {
			t.Errorf("told %+v too early", <-told)
		}
		go untilClosed(silent)
		go untilClosed(half)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(told) != 2 {
			t.Errorf("told of %d, want 2", len(told))
		}
		for len(told) > 0 {
			if got := <-told; got.Why != Silence {
				t.Errorf("told %+v", got)
			}
		}
		two := dial("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00") // a frame of settings
		go untilClosed(two)
		time.Sleep(silentFor - time.Nanosecond)
		if synctest.Wait(); len(told) > 0 {
			t.Errorf("told %+v too early", <-told)
		}
		time.Sleep(time.Nanosecond)
		if synctest.Wait(); len(told) != 1 || (<-told).Why != Silence {
			t.Error("who begins with HTTP/2 and asks for nothing may stay")
		}
		for _, c := range []net.Conn{silent, half, asks, two} {
			_ = c.Close()
		}
		if err := s.Stop(time.Second); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
