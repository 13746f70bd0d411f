package api

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ready(context.Context) error { return nil }

func config(address string) ServerConfig {
	return ServerConfig{Address: address, Ready: ready, Log: slog.New(slog.DiscardHandler)}
}

// serve starts a server that ends with the test, with what mount puts on it.
func serve(t *testing.T, cfg ServerConfig, mount func(*Server)) *Server {
	t.Helper()
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if mount != nil {
		mount(s)
	}
	s.Serve()
	t.Cleanup(func() { _ = s.Stop(time.Second) })
	return s
}

// get asks once, over a connection of its own.
func get(t *testing.T, c *http.Transport, url string) (*http.Response, string) {
	t.Helper()
	defer c.CloseIdleConnections()
	answer, err := (&http.Client{Transport: c, Timeout: 10 * time.Second}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func TestLiveAndReady(t *testing.T) {
	var cannot error
	cfg := config("127.0.0.1:0")
	cfg.Ready = func(context.Context) error { return cannot }
	cannot = errors.New("no quorum")
	s := serve(t, cfg, nil)
	for path, want := range map[string]int{"/livez": 200, "/readyz": 503, "/nothing": 404} {
		answer, body := get(t, &http.Transport{}, "http://"+s.Address()+path)
		if answer.StatusCode != want {
			t.Errorf("%s: %s %q, want %d", path, answer.Status, body, want)
		}
		if path == "/readyz" && body != "no quorum\n" {
			t.Errorf("/readyz says %q", body)
		}
	}
}

// TestReadyIsAskedForAll: who asks often costs the nodes no more, and hears of a
// change soon.
func TestReadyIsAskedForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		r := newReadiness(func(context.Context) error { asked++; time.Sleep(time.Millisecond); return nil })
		for range 100 {
			go r.now(t.Context())
		}
		synctest.Wait()
		time.Sleep(readyFor)
		if asked != 1 {
			t.Errorf("asked %d times at once", asked)
		}
		time.Sleep(time.Millisecond)
		if r.now(t.Context()); asked != 2 {
			t.Errorf("asked %d times after %v", asked, readyFor)
		}
	})
}

// TestReadyDoesNotWaitForEver: a node that finds out nothing is not ready.
func TestReadyDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReadiness(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		began := time.Now()
		if err := r.now(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != readyWithin {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		time.Sleep(readyFor)
		go r.now(t.Context())
		synctest.Wait() // who asks now waits until that one knows
		gone, cancel := context.WithTimeout(t.Context(), readyWithin/4)
		defer cancel()
		began = time.Now()
		if err := r.now(gone); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != readyWithin/4 {
			t.Errorf("who has gone is answered %v after %v", err, time.Since(began))
		}
		time.Sleep(readyWithin) // until the other one knows, too
	})
}

// TestACrowdDoesNotAwaitReadiness: beyond some, who asks is told at once what was known
// last, whatever that is.
func TestACrowdDoesNotAwaitReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := make(chan error)
		r := newReadiness(func(context.Context) error { return <-known })
		for round, want := range []string{"it is not known yet whether this node can grant", "no quorum"} {
			told := make(chan error, 2*mostAwait)
			for range 2 * mostAwait {
				go func() { told <- r.now(t.Context()) }()
			}
			if synctest.Wait(); len(told) != mostAwait {
				t.Fatalf("round %d: %d are answered at once", round, len(told))
			}
			for range mostAwait {
				if err := <-told; err == nil || err.Error() != want {
					t.Fatalf("round %d: told %v, want %s", round, err, want)
				}
			}
			known <- errors.New("no quorum")
			if synctest.Wait(); len(told) != mostAwait {
				t.Errorf("round %d: %d are answered in the end", round, len(told))
			}
			time.Sleep(readyFor)
		}
	})
}

func TestProtocols(t *testing.T) {
	echo := func(s *Server) {
		s.Handle("/proto", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	}
	plain := serve(t, config("127.0.0.1:0"), echo)
	speak := func(set func(*http.Protocols)) *http.Transport {
		var p http.Protocols
		set(&p)
		return &http.Transport{Protocols: &p}
	}
	if _, body := get(t, speak(func(p *http.Protocols) { p.SetHTTP1(true) }), "http://"+plain.Address()+"/proto"); body != "HTTP/1.1" {
		t.Errorf("got %s", body)
	}
	if _, body := get(t, speak(func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }), "http://"+plain.Address()+"/proto"); body != "HTTP/2.0" {
		t.Errorf("got %s", body)
	}

	lent := httptest.NewTLSServer(nil) // for its certificate
	defer lent.Close()
	cfg := config("127.0.0.1:0")
	cfg.TLS = &tls.Config{Certificates: lent.TLS.Certificates}
	encrypted := serve(t, cfg, echo)
	c := speak(func(p *http.Protocols) { p.SetHTTP2(true) })
	c.TLSClientConfig = lent.Client().Transport.(*http.Transport).TLSClientConfig
	if _, body := get(t, c, "https://"+encrypted.Address()+"/proto"); body != "HTTP/2.0" {
		t.Errorf("got %s", body)
	}
}

// TestTheDoorStandsBeforeEverything: also before what nothing is mounted for.
func TestTheDoorStandsBeforeEverything(t *testing.T) {
	cfg := config("127.0.0.1:0")
	cfg.Door = func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	}
	s := serve(t, cfg, nil)
	for _, path := range []string{"/livez", "/nothing"} {
		if answer, _ := get(t, &http.Transport{}, "http://"+s.Address()+path); answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
}

// pipes is a network in a bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "bubble"} }

func (p *pipes) dial() net.Conn {
	near, far := net.Pipe()
	p.conns <- &pipeEnd{Conn: far}
	return near
}

// pipeEnd says of itself that it is closed as connections of a network do.
type pipeEnd struct {
	net.Conn
	closed atomic.Bool
}

func (e *pipeEnd) Read(p []byte) (int, error) {
	n, err := e.Conn.Read(p)
	if err != nil && e.closed.Load() {
		err = net.ErrClosed
	}
	return n, err
}

func (e *pipeEnd) Close() error {
	e.closed.Store(true)
	return e.Conn.Close()
}

// inBubble serves a handler to a client that is slow in its own way, and returns
// how long the connection lasted.
func inBubble(t *testing.T, h http.HandlerFunc, client func(net.Conn)) (lasted time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		network := newPipes()
		s := newServer(config("bubble"), network)
		s.Handle("/", h)
		s.Serve()
		began := time.Now()
		conn := network.dial()
		client(conn)
		lasted = time.Since(began)
		_ = conn.Close()
		if err := s.Stop(time.Second); err != nil {
			t.Error(err)
		}
	})
	return lasted
}

func untilClosed(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// TestSlowHeaders: a client that says nothing, or never ends its header, is cut
// off.
func TestSlowHeaders(t *testing.T) {
	lasted := inBubble(t, nothing, func(c net.Conn) {
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nX: ")
		untilClosed(c)
	})
	if lasted != headerWithin {
		t.Errorf("it lasted %v", lasted)
	}
}

func nothing(http.ResponseWriter, *http.Request) {}

// TestSlowBodies: a body has to come within its time, and one that has come costs
// the answer nothing.
func TestSlowBodies(t *testing.T) {
	read := func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			http.Error(w, "slow", http.StatusRequestTimeout)
			return
		}
		select { // as a wait does
		case <-time.After(3 * bodyWithin):
			io.WriteString(w, "done")
		case <-r.Context().Done():
			io.WriteString(w, "ended early")
		}
	}
	var answer string
	lasted := inBubble(t, read, func(c net.Conn) {
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\nhalf")
		text, _ := io.ReadAll(c)
		answer = string(text)
	})
	if lasted != bodyWithin || !strings.Contains(answer, "slow") {
		t.Errorf("it lasted %v and got %q", lasted, answer)
	}
	lasted = inBubble(t, read, func(c net.Conn) {
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody")
		text, _ := io.ReadAll(c)
		answer = string(text)
	})
	if lasted != 3*bodyWithin || !strings.HasSuffix(answer, "done") {
		t.Errorf("it lasted %v and got %q", lasted, answer)
	}
}

// TestSlowReaders: who does not take what is written is cut off; who is only told
// something seldom is not.
func TestSlowReaders(t *testing.T) {
	var failed time.Duration
	inBubble(t, func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				break
			}
		}
		failed = time.Since(began)
	}, func(c net.Conn) {
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		time.Sleep(10 * WriteWithin) // reads nothing
	})
	if failed != WriteWithin {
		t.Errorf("a reader that takes nothing was cut off after %v", failed)
	}

	var got string
	inBubble(t, func(w http.ResponseWriter, r *http.Request) {
		for range 3 {
			time.Sleep(10 * WriteWithin)
			io.WriteString(w, "tick\n")
			_ = http.NewResponseController(w).Flush()
		}
	}, func(c net.Conn) {
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Error(err)
			return
		}
		text, _ := io.ReadAll(answer.Body)
		got = string(text)
	})
	if got != "tick\ntick\ntick\n" {
		t.Errorf("a stream that rests got %q", got)
	}
}

func TestLargeRequests(t *testing.T) {
	s := serve(t, config("127.0.0.1:0"), func(s *Server) {
		s.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			if large := new(http.MaxBytesError); errors.As(err, &large) {
				http.Error(w, "large", http.StatusRequestEntityTooLarge)
			}
		}))
	})
	for size, want := range map[int]int{MaxRequestBytes: 200, MaxRequestBytes + 1: 413} {
		c := &http.Transport{}
		answer, err := (&http.Client{Transport: c}).Post("http://"+s.Address(), "text/plain", bytes.NewReader(make([]byte, size)))
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		c.CloseIdleConnections()
		if answer.StatusCode != want {
			t.Errorf("%d bytes: %s", size, answer.Status)
		}
	}
}

// TestStopping: what listens to Stopping ends well; what does not is cut off, and
// the stop takes no longer than it may.
func TestStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			name  string
			end   func(*Server, *http.Request) <-chan struct{}
			after time.Duration
		}{
			{"a stream that listens", func(s *Server, _ *http.Request) <-chan struct{} { return s.Stopping().Done() }, 0},
			{"a request that does not", func(_ *Server, r *http.Request) <-chan struct{} { return r.Context().Done() }, time.Second},
		} {
			network := newPipes()
			s := newServer(config("bubble"), network)
			s.Handle("/", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-test.end(s, r) }))
			s.Serve()
			conn := network.dial()
			go untilClosed(conn)
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			synctest.Wait()
			began := time.Now()
			err := s.Stop(time.Second)
			if took := time.Since(began); took > test.after+500*time.Millisecond || took < test.after || (err != nil) != (test.after > 0) {
				t.Errorf("%s: stopped after %v: %v", test.name, took, err)
			}
			if again := s.Stop(time.Second); again != nil {
				t.Errorf("%s: a second stop: %v", test.name, again)
			}
			_ = conn.Close()
		}
	})
}

// TestPanicsAreLoud: a request that breaks a handler breaks nobody else's, and is
// heard of.
func TestPanicsAreLoud(t *testing.T) {
	var said bytes.Buffer
	cfg := config("127.0.0.1:0")
	cfg.Log = slog.New(slog.NewTextHandler(&said, nil))
	s := serve(t, cfg, func(s *Server) {
		s.Handle("/", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken") }))
	})
	c := &http.Transport{}
	if _, err := (&http.Client{Transport: c}).Get("http://" + s.Address()); err == nil {
		t.Error("a panic was answered")
	}
	c.CloseIdleConnections()
	if answer, _ := get(t, &http.Transport{}, "http://"+s.Address()+"/livez"); answer.StatusCode != 200 {
		t.Error(answer.Status)
	}
	_ = s.Stop(time.Second)
	if text := said.String(); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "broken") {
		t.Errorf("said %q", text)
	}
}

func unixTransport(path string) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "api.sock")
	s := serve(t, config("unix:"+path), nil)
	if _, body := get(t, unixTransport(path), "http://node/livez"); body != "ok\n" {
		t.Errorf("got %q", body)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != socketMode {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	if _, err := Listen(config("unix:" + path)); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second server on it: %v", err)
	}
	if _, body := get(t, unixTransport(path), "http://node/livez"); body != "ok\n" {
		t.Errorf("after the second server got %q", body)
	}
	if err := s.Stop(time.Second); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// TestStaleUnixSocket: what a killed process has left is in nobody's way, and
// nothing else is removed.
func TestStaleUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "api.sock")
	killed, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	killed.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = killed.Close()
	s := serve(t, config("unix:"+path), nil)
	if _, body := get(t, unixTransport(path), "http://node/livez"); body != "ok\n" {
		t.Errorf("got %q", body)
	}
	_ = s.Stop(time.Second)

	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(config("unix:" + path)); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("over a file: %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "precious" {
		t.Error("the file was touched")
	}
}

func TestPathsThatCannotBeSockets(t *testing.T) {
	for path, want := range map[string]string{
		"":                              "missing",
		"/" + strings.Repeat("x", 103):  "104 bytes",
		"@hidden":                       "not that of a file",
		filepath.Join("none", "a.sock"): "no such file",
	} {
		if _, err := Listen(config("unix:" + path)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
	}
}
