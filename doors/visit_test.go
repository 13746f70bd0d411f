package doors

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/api"
)

// port is a real one of this machine.
func port(t *testing.T, cfg api.ServerConfig) *api.Server {
	t.Helper()
	cfg.Address, cfg.Log, cfg.Ready = "127.0.0.1:0", slog.New(slog.DiscardHandler), func(context.Context) error { return nil }
	server, err := api.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// TestWhatIsNotUnderstood: in each protocol it is refused, counted and written down,
// with who has sent it; what is understood is not, whatever becomes of it.
func TestWhatIsNotUnderstood(t *testing.T) {
	secret, line := newToken(t, "ci")
	s := newScene(t, line+"allow ci lock deploy/*\n")
	server := port(t, api.ServerConfig{Door: s.doors.Porter})
	api.Mount(server, s.doors.Guard(newHouse()), s.doors.Listening())
	server.Serve()
	defer func() { _ = server.Stop(time.Second) }()
	var two http.Protocols
	two.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &two}
	defer transport.CloseIdleConnections()
	ask := func(method, kind, body string) {
		t.Helper()
		r, err := http.NewRequest("POST", "http://"+server.Address()+"/lockstep.v1.LockService/"+method, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Authorization", "Bearer "+secret)
		answer, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
	framed := func(message string, claims int) string {
		return string(binary.BigEndian.AppendUint32([]byte{0}, uint32(claims))) + message
	}
	whole := func(message string) string { return framed(message, len(message)) }
	large := strings.Repeat("x", api.MaxRequestBytes+1)
	want := map[Refusal]uint64{}
	for _, test := range []struct {
		method, kind, body string
		why                Refusal // none: it was understood
	}{
		{"Unlock", "application/json", `{"name":"deploy/x"}`, ""},
		{"Unlock", "application/json", `{"name":"other"}`, Forbids},
		{"Watch", "application/connect+json", whole(`{"prefix":"other"}`), Forbids},
		{"Unlock", "application/grpc", whole("\x0a\x08deploy/x"), ""},
		{"Unlock", "application/json", `{"name":`, Malformed},
		{"Unlock", "application/json", `{"nmae":"deploy/x"}`, Malformed},
		{"Watch", "application/connect+json", whole(`{"prefx":"deploy/x"}`), Malformed},
		{"Unlock", "application/json", `{"name":"` + large + `"}`, TooLarge},
		{"KeepAlive", "application/json", `{"session":"zzz"}`, Malformed},
		{"Unlock", "text/plain", "x", Malformed},
		{"Explode", "application/json", "{}", Malformed},
		{"Unlock", "application/grpc", whole("\xff\xff"), Malformed},
		{"Unlock", "application/grpc", framed(large, len(large)), TooLarge},
		{"Unlock", "application/grpc-web", whole("\xff\xff"), Malformed},
		{"Watch", "application/connect+json", whole(`{"prefix":`), Malformed},
		{"Watch", "application/grpc", framed(large, len(large)), TooLarge},
		{"Watch", "application/grpc", framed("x", len(large)), TooLarge},
	} {
		ask(test.method, test.kind, test.body)
		if test.why != "" {
			want[test.why]++
		}
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) { // it is counted behind the answer
			got := s.doors.journal.Refusals()
			if same := len(got) == len(want) && got[test.why] == want[test.why]; same {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s, %s, %.40q: counted %v, want %v", test.method, test.kind, test.body, got, want)
			}
		}
	}
	for _, line := range []string{`"why":"malformed","principal":"ci"`, `"why":"too_large","principal":"ci"`} {
		if !strings.Contains(s.audit.String(), line) {
			t.Errorf("%s is not in\n%s", line, &s.audit)
		}
	}
	if strings.Contains(s.audit.String(), secret) {
		t.Error("a token stands in the audit log")
	}
}

// slowWriter is a reader that takes a while.
type slowWriter struct {
	*httptest.ResponseRecorder
	takes time.Duration
}

func (w slowWriter) Write(p []byte) (int, error) { time.Sleep(w.takes); return len(p), nil }
func (w slowWriter) FlushError() error           { time.Sleep(w.takes); return nil }

// lateBody never comes.
type lateBody struct{}

func (lateBody) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }
func (lateBody) Close() error             { return nil }

// TestWhoIsTooSlow: those who do not read, and those who do not send.
func TestWhoIsTooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			takes time.Duration
			body  io.ReadCloser
			does  http.HandlerFunc
			slow  bool
		}{
			"reads":            {api.WriteWithin - 1, nil, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nil) }, false},
			"does not read":    {api.WriteWithin, nil, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nil) }, true},
			"reads no stream":  {api.WriteWithin, nil, func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() }, true},
			"does not send":    {0, lateBody{}, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) }, true},
			"has sent nothing": {0, http.NoBody, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) }, false},
		} {
			d := New(Config{Journal: NewJournal(nil)})
			r := httptest.NewRequest("POST", "/x", nil)
			r.Body = test.body
			d.Porter(test.does).ServeHTTP(slowWriter{httptest.NewRecorder(), test.takes}, r)
			if n := d.journal.Refusals()[TooSlow]; (n == 1) != test.slow {
				t.Errorf("who %s: %d are counted", name, n)
			}
		}
	})
}

// brokenBody breaks off.
type brokenBody struct{ lateBody }

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestWhoHasGone: what did not come to its end was not malformed.
func TestWhoHasGone(t *testing.T) {
	d := New(Config{Journal: NewJournal(nil)})
	does := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) })
	for body, want := range map[io.ReadCloser]uint64{brokenBody{}: 0, http.NoBody: 1} {
		r := httptest.NewRequest("POST", "/lockstep.v1.LockService/Unlock", nil)
		r.Body = body
		before := d.journal.Refusals()[Malformed]
		if d.Porter(does).ServeHTTP(httptest.NewRecorder(), r); d.journal.Refusals()[Malformed] != before+want {
			t.Errorf("%T: %v", body, d.journal.Refusals())
		}
	}
}

// TestWhoInsists: a connection on which somebody goes on asking who was told to wait
// is closed; who asks a little too much keeps it.
func TestWhoInsists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secret, line := newToken(t, "ci")
		s := newScene(t, line+"allow ci lock x\nlimit ci rate=1 burst=1\n")
		porter := s.doors.Porter(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		ask := func() (status int, closes bool) {
			w := httptest.NewRecorder()
			porter.ServeHTTP(w, bearing(secret))
			return w.Code, w.Header().Get("Connection") == "close"
		}
		if status, _ := ask(); status != 200 {
			t.Fatal(status)
		}
		for i := range patience.Burst {
			if status, closes := ask(); status != 429 || closes {
				t.Fatalf("request %d: %d, closed: %v", i, status, closes)
			}
		}
		if status, closes := ask(); status != 429 || !closes {
			t.Errorf("who insists: %d, closed: %v", status, closes)
		}
		time.Sleep(10 * time.Second) // and then twice as fast as is due
		for range 20 {
			if _, closes := ask(); closes {
				t.Error("who asks a little too much loses the connection")
			}
			time.Sleep(time.Second / 2)
		}
	})
}

// TestHandshakesOfOneOrigin: it may have so many, and leaves others theirs.
func TestHandshakesOfOneOrigin(t *testing.T) {
	d := New(Config{Journal: NewJournal(nil)})
	from := func(ip string, port int) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: port} }
	may := 0
	for i := range 3 * shaking.Burst {
		if d.Shakes(from("192.0.2.1", i+1)) {
			may++
		}
	}
	if may < shaking.Burst || may > shaking.Burst+shaking.Burst/2 {
		t.Errorf("%d may, want about %d", may, shaking.Burst)
	}
	if !d.Shakes(from("192.0.2.2", 1)) {
		t.Error("another may not")
	}
	// Many more than can be counted shut nobody out.
	for i := range 20_000 {
		d.Shakes(from(fmt.Sprintf("198.18.%d.%d", i>>8, i&0xff), 1))
	}
	if !d.Shakes(from("192.0.2.3", 1)) {
		t.Error("a newcomer is shut out by a crowd of others")
	}
	for why, refusal := range troubles {
		d.journal.Turned(api.Turned{Why: why, From: from("192.0.2.1", 1), What: "x"})
		if n := d.journal.Refusals()[refusal]; n != 1 {
			t.Errorf("%s: %d", refusal, n)
		}
	}
	if len(d.journal.Refusals()) != 4 {
		t.Errorf("counted %v", d.journal.Refusals())
	}
}

// TestAPanicIsNotTheCallers: who asked is not said to have made a mistake.
func TestAPanicIsNotTheCallers(t *testing.T) {
	secret, line := newToken(t, "ci")
	s := newScene(t, line)
	defer func() {
		if recover() == nil {
			t.Error("the port does not hear of it")
		}
		if n := s.doors.journal.Refusals(); len(n) > 0 {
			t.Errorf("counted %v", n)
		}
	}()
	porter := s.doors.Porter(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") }))
	porter.ServeHTTP(httptest.NewRecorder(), bearing(secret))
}
