package doors

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"

	"lockstep/api"
	"lockstep/doors/access"
	"lockstep/lock"
	"lockstep/muster"
	"lockstep/replica"
	"lockstep/trust"
)

// house is a Backend that says yes to everybody, and remembers its sessions.
type house struct {
	api.Backend // what no test asks for panics

	mu       sync.Mutex
	sessions map[lock.SessionID]lock.SessionCard
	nonces   map[lock.Number]lock.SessionID
	asked    int
	shown    int // how often a session was
	last     lock.Command
	cycle    string // of each answer
	blocking []lock.LockCard
	reports  map[lock.QueryKind]lock.Report
	holds    chan struct{} // an Open waits for it, if not nil
}

func newHouse() *house {
	return &house{sessions: map[lock.SessionID]lock.SessionCard{}, nonces: map[lock.Number]lock.SessionID{}}
}

func (h *house) Open(_ context.Context, nonce lock.Number, terms lock.Terms) (lock.SessionCard, error) {
	if h.holds != nil {
		<-h.holds
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	if id, again := h.nonces[nonce]; again && nonce != 0 {
		return h.sessions[id], nil
	}
	card := lock.SessionCard{ID: lock.SessionID(len(h.sessions) + 1), Info: terms.Info}
	h.sessions[card.ID], h.nonces[nonce] = card, card.ID
	return card, nil
}

func (h *house) Session(_ context.Context, id lock.SessionID) (lock.SessionCard, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shown++
	card, ok := h.sessions[id]
	if !ok || card.ID == 0 {
		return lock.SessionCard{}, replica.ErrSessionExpired
	}
	return card, nil
}

func (h *house) end(id lock.SessionID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions[id] = lock.SessionCard{}
}

func (h *house) count() { h.mu.Lock(); h.asked++; h.mu.Unlock() }

func (h *house) KeepAlive(context.Context, lock.SessionID) (lock.Millis, error) {
	h.count()
	return 1, nil
}
func (h *house) CloseSession(context.Context, lock.SessionID) error { h.count(); return nil }
func (h *house) Ask(_ context.Context, c lock.Command, _ time.Duration) (lock.Result, error) {
	h.count()
	h.last = c
	return lock.Result{Outcome: lock.Released, Cycle: h.cycle}, nil
}
func (h *house) Blockers(context.Context, lock.Command) []lock.LockCard {
	h.count()
	return append([]lock.LockCard{{Name: "deploy/web"}}, h.blocking...)
}
func (h *house) Inquire(_ context.Context, q lock.Query) (lock.Report, error) {
	h.count()
	return h.reports[q.Kind], nil
}
func (h *house) Watch(context.Context, string, lock.Index) iter.Seq2[lock.Report, error] {
	h.count()
	return func(yield func(lock.Report, error) bool) {
		for yield(lock.Report{}, nil) {
		}
	}
}
func (h *house) Status(context.Context) []muster.Told         { h.count(); return nil }
func (h *house) Here() replica.NodeID                         { h.count(); return "a:1" }
func (h *house) Members(context.Context) (replica.Told, bool) { h.count(); return replica.Told{}, true }

// scene is doors with a file, and what they have said.
type scene struct {
	t     *testing.T
	file  string
	doors *Doors
	audit bytes.Buffer
	said  bytes.Buffer
}

func newScene(t *testing.T, text string) *scene {
	t.Helper()
	s := &scene{t: t, file: filepath.Join(t.TempDir(), "access")}
	s.write(text)
	book, err := OpenBook(s.file, slog.New(slog.NewTextHandler(&s.said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	s.doors = New(Config{Book: book, Journal: NewJournal(slog.New(slog.NewJSONHandler(&s.audit, nil)))})
	return s
}

var written int64

// write replaces the file, by one that is told from the last by its time.
func (s *scene) write(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	written++
	at := time.Now().Add(time.Duration(written) * time.Second)
	if err := os.Chtimes(s.file, at, at); err != nil {
		s.t.Fatal(err)
	}
}

// as is the context of a request of somebody who came in.
func as(name string) context.Context {
	return context.WithValue(context.Background(), guestKey{}, guest{name: name, from: "192.0.2.1:5", known: true})
}

func newToken(t *testing.T, name string) (secret, line string) {
	t.Helper()
	secret, line, err := access.NewToken(name)
	if err != nil {
		t.Fatal(err)
	}
	return secret, line + "\n"
}

// TestWhoComesIn: nobody without a token that counts, whatever else is shown, and
// the answer and the logs don't have it.
func TestWhoComesIn(t *testing.T) {
	ci, ciLine := newToken(t, "ci")
	alice, aliceLine := newToken(t, "alice")
	gone, _ := newToken(t, "ci")
	s := newScene(t, ciLine+aliceLine+"allow ci lock x*\nallow alice admin *\n")
	var inside string
	porter := s.doors.Porter(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inside = "in:" + guestOf(r.Context()).name }))
	for _, test := range []struct {
		path, header string
		status       int
		in           string
	}{
		{"/x", "", 401, ""},
		{"/x", "Bearer " + ci, 200, "in:ci"},
		{"/x", "bearer  " + ci + " ", 200, "in:ci"},
		{"/x", "Bearer " + gone, 401, ""},
		{"/x", "Bearer", 401, ""},
		{"/x", "Bearer " + ci[:20], 401, ""},
		{"/x", "Basic " + ci, 401, ""},
		{"/x", ci, 401, ""},
		{"/livez", "", 200, "in:"},
		{"/readyz", "Bearer " + gone, 200, "in:"},
		{"/livez/../x", "", 401, ""},
		{"/livezz", "", 401, ""},
		{"/grpc.health.v1.Health/Check", "", 200, "in:"},
		{"/grpc.health.v1.HealthX", "", 401, ""},
		{"/", "", 200, "in:"},
		{"/page/main.js", "", 200, "in:"},
		{"/page/../lockstep.v1.LockService/Status", "", 401, ""},
		{"/pagex", "", 401, ""},
		{"/metrics", "", 401, ""},
		{"/metrics", "Bearer " + ci, 403, ""},
		{"/metrics", "Bearer " + alice, 200, "in:alice"},
		{"/debug/pprof/heap", "Bearer " + ci, 403, ""},
		{"/debug", "Bearer " + ci, 403, ""},
		{"/debug/pprof/heap", "Bearer " + alice, 200, "in:alice"},
	} {
		inside = ""
		r := httptest.NewRequest("GET", "http://node"+test.path, nil)
		if test.header != "" {
			r.Header.Set("Authorization", test.header)
		}
		w := httptest.NewRecorder()
		porter.ServeHTTP(w, r)
		if w.Code != test.status || inside != test.in {
			t.Errorf("%s with %q: %d, %q; want %d, %q", test.path, test.header, w.Code, inside, test.status, test.in)
		}
		if (w.Code == 401) != (w.Header().Get("WWW-Authenticate") == "Bearer") {
			t.Errorf("%s: %v", test.path, w.Header())
		}
		for _, secret := range []string{ci, alice, gone, ci[:20]} {
			if strings.Contains(w.Body.String()+s.audit.String()+s.said.String(), secret) {
				t.Fatalf("%s with %q: a token came out", test.path, test.header)
			}
		}
	}
	twice := httptest.NewRequest("GET", "/x", nil)
	twice.Header["Authorization"] = []string{"Bearer " + gone, "Bearer " + ci}
	w := httptest.NewRecorder()
	if porter.ServeHTTP(w, twice); w.Code != 401 {
		t.Errorf("two tokens: %d", w.Code)
	}
	if counts := s.doors.journal.Refusals(); counts[Unknown] != 13 || counts[Forbids] != 3 {
		t.Errorf("%v", counts)
	}
}

// TestThePageComesOverOneConnection: a browser asks for its files at once, and a
// connection of HTTP/2 that is closed after the first would lose the others.
func TestThePageComesOverOneConnection(t *testing.T) {
	porter := New(Config{Encrypted: true, Journal: NewJournal(nil)}).Porter(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, test := range []struct {
		path   string
		major  int
		closes bool
	}{{"/", 2, false}, {"/page/main.js", 2, false}, {"/", 1, true}, {"/page/main.js", 1, true}, {"/readyz", 2, true}, {"/lockstep.v1.LockService/WhoAmI", 2, true}} {
		r := httptest.NewRequest("GET", "http://node"+test.path, nil)
		r.ProtoMajor = test.major
		w := httptest.NewRecorder()
		porter.ServeHTTP(w, r)
		if closes := w.Header().Get("Connection") == "close"; closes != test.closes {
			t.Errorf("%s over HTTP/%d: closed %v", test.path, test.major, closes)
		}
	}
}

// TestRefusalsInEachProtocol: clients get the codes that they expect.
func TestRefusalsInEachProtocol(t *testing.T) {
	s := newScene(t, "allow ci lock x\n")
	porter := s.doors.Porter(http.NotFoundHandler())
	for kind, check := range map[string]func(w *httptest.ResponseRecorder) bool{
		"application/json": func(w *httptest.ResponseRecorder) bool {
			return w.Code == 401 && strings.Contains(w.Body.String(), `"code":"unauthenticated"`)
		},
		"application/grpc": func(w *httptest.ResponseRecorder) bool {
			return w.Header().Get("Grpc-Status") == "16" || w.Result().Trailer.Get("Grpc-Status") == "16"
		},
		"application/grpc-web": func(w *httptest.ResponseRecorder) bool {
			return w.Code == 200 && strings.Contains(strings.ToLower(w.Body.String()+fmt.Sprint(w.Header())), "grpc-status")
		},
		"text/plain": func(w *httptest.ResponseRecorder) bool {
			return w.Code == 401 && strings.HasPrefix(w.Body.String(), "say who you are")
		},
	} {
		r := httptest.NewRequest("POST", "/lockstep.v1.LockService/TryAcquire", strings.NewReader("{}"))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		if porter.ServeHTTP(w, r); !check(w) {
			t.Errorf("%s: %d %v %q", kind, w.Code, w.Header(), w.Body)
		}
	}
}

// TestRefusalsSayWhy: in the words of the service, before it and in it.
func TestRefusalsSayWhy(t *testing.T) {
	ci, line := newToken(t, "ci")
	s := newScene(t, line+"allow ci lock x\nlimit ci open=1 sessions=1\n")
	g := s.doors.Guard(newHouse())
	reason := func(err error) string {
		var refused *connect.Error
		if !errors.As(err, &refused) || len(refused.Details()) != 1 {
			return fmt.Sprintf("%v has not one detail", err)
		}
		why, err := refused.Details()[0].Value()
		return fmt.Sprint(why, err)
	}
	var refusals []error
	for range 2 {
		_, err := g.Open(as("ci"), 0, lock.Terms{})
		refusals = append(refusals, err)
	}
	_, err := g.Ask(as("ci"), lock.Command{Verb: lock.Lock, Name: "y"}, 0)
	for want, err := range map[string]error{"QUOTA": refusals[1], "FORBIDDEN": err} {
		if got := reason(err); !strings.Contains(got, "REASON_"+want) || !strings.Contains(got, "not_executed:true") {
			t.Errorf("%s, want %s", got, want)
		}
	}
	post := func(r *http.Request, inside http.HandlerFunc) string {
		r.Header.Set("Content-Type", "application/json")
		r.Method = "POST"
		w := httptest.NewRecorder()
		s.doors.Porter(inside).ServeHTTP(w, r)
		return w.Body.String()
	}
	nothing := func(http.ResponseWriter, *http.Request) {}
	if got := post(httptest.NewRequest("POST", "/x", nil), nothing); !strings.Contains(got, "REASON_UNAUTHENTICATED") {
		t.Error(got)
	}
	post(bearing(ci), func(http.ResponseWriter, *http.Request) {
		if got := post(bearing(ci), nothing); !strings.Contains(got, "REASON_QUOTA") {
			t.Error(got)
		}
	})
}

// TestAFloodHurtsOnlyWhoMakesIt: what is more than due is refused and counted, and
// written down once.
func TestAFloodHurtsOnlyWhoMakesIt(t *testing.T) {
	flood, floodLine := newToken(t, "flood")
	ci, ciLine := newToken(t, "ci")
	s := newScene(t, floodLine+ciLine+"limit flood rate=5 burst=10\n")
	porter := s.doors.Porter(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	ask := func(secret string) int {
		r := httptest.NewRequest("GET", "/x", nil)
		if secret != "" {
			r.Header.Set("Authorization", "Bearer "+secret)
		}
		w := httptest.NewRecorder()
		porter.ServeHTTP(w, r)
		if w.Code == 429 && w.Header().Get("Retry-After") == "" {
			t.Error("nobody says when to ask again")
		}
		return w.Code
	}
	codes := map[int]int{}
	for range 2000 {
		codes[ask(flood)]++
		ask("")
		if code := ask(ci); code != 200 {
			t.Fatalf("ci got %d", code)
		}
	}
	if codes[200] < 10 || codes[200] > 200 || codes[429] != 2000-codes[200] {
		t.Errorf("the flood got %v", codes)
	}
	if counts := s.doors.journal.Refusals(); counts[TooFast] != uint64(codes[429]) || counts[Unknown] != 2000 {
		t.Errorf("%v", counts)
	}
	if lines := strings.Count(s.audit.String(), "\n"); lines < 2 || lines > 40 {
		t.Errorf("%d lines for it:\n%.2000s", lines, &s.audit)
	}
}

// TestLimitsWithoutALine: whoever is known has some, and where nobody is asked who
// he is there are none.
func TestLimitsWithoutALine(t *testing.T) {
	ci, line := newToken(t, "ci")
	s := newScene(t, line)
	inside := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for doors, most := range map[*Doors]int{s.doors: access.DefaultLimits.Burst, New(Config{Journal: NewJournal(nil)}): 0} {
		porter, refused := doors.Porter(inside), 0
		for range 3 * access.DefaultLimits.Burst {
			w := httptest.NewRecorder()
			if porter.ServeHTTP(w, bearing(ci)); w.Code == 429 {
				refused++
			}
		}
		if (refused > 0) != (most > 0) {
			t.Errorf("closed: %v; %d were refused", doors.Closed(), refused)
		}
	}
}

// TestRequestsAtOnce: what is under way counts until it ends.
func TestRequestsAtOnce(t *testing.T) {
	ci, line := newToken(t, "ci")
	s := newScene(t, line+"limit * open=2\n")
	going, end := make(chan struct{}), make(chan struct{})
	porter := s.doors.Porter(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { going <- struct{}{}; <-end }))
	ask := func() int {
		r := httptest.NewRequest("GET", "/x", nil)
		r.Header.Set("Authorization", "Bearer "+ci)
		w := httptest.NewRecorder()
		porter.ServeHTTP(w, r)
		return w.Code
	}
	ended := make(chan int)
	for range 2 {
		go func() { ended <- ask() }()
		<-going
	}
	if code := ask(); code != 429 {
		t.Errorf("a third one: %d", code)
	}
	end <- struct{}{}
	if code := <-ended; code != 200 {
		t.Errorf("%d", code)
	}
	go func() { ended <- ask() }()
	<-going
	close(end)
	<-ended
	<-ended
}

// TestStrangersDoNotHideThatTheNodeIsWell: however much they ask, others are told,
// and each request of theirs has to come on a connection of its own.
func TestStrangersDoNotHideThatTheNodeIsWell(t *testing.T) {
	s := newScene(t, "allow ci lock x\n")
	going, end := make(chan struct{}), make(chan struct{})
	porter := s.doors.Porter(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/Watch") {
			going <- struct{}{}
			<-end
		}
	}))
	ask := func(from, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", path, nil)
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		porter.ServeHTTP(w, r)
		return w
	}
	const flood, probe = "192.0.2.1:5", "192.0.2.2:5"
	ended := make(chan struct{})
	for range watching.Open {
		go func() { ask(flood, healthCalls+"Watch"); ended <- struct{}{} }()
		<-going
	}
	if w := ask("192.0.2.1:6", healthCalls+"Watch"); w.Code != 429 {
		t.Errorf("one more watch: %d", w.Code)
	}
	if w := ask(flood, healthCalls+"Check"); w.Code != 200 {
		t.Errorf("a check beside watches: %d", w.Code)
	}
	refused := false
	for range 10 * probing.Burst {
		if w := ask(flood, "/livez"); w.Code != 200 || w.Header().Get("Connection") != "close" {
			t.Fatalf("%d %v", w.Code, w.Header())
		}
		refused = ask(flood, healthCalls+"Check").Code == 429 || refused
	}
	if !refused {
		t.Error("a flood of checks is let in")
	}
	for _, path := range []string{"/livez", "/readyz", healthCalls + "Check"} {
		if w := ask(probe, path); w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	close(end)
	for range watching.Open {
		<-ended
	}
}

// TestRulesChange: without a restart. A file with a mistake changes nothing, and a
// token that is removed is nobody's from then on.
func TestRulesChange(t *testing.T) {
	ci, line := newToken(t, "ci")
	s := newScene(t, line)
	porter := s.doors.Porter(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	ask := func() int {
		r := httptest.NewRequest("GET", "/x", nil)
		r.Header.Set("Authorization", "Bearer "+ci)
		w := httptest.NewRecorder()
		porter.ServeHTTP(w, r)
		return w.Code
	}
	if code := ask(); code != 200 {
		t.Fatal(code)
	}
	s.write("allow ci\n")
	s.doors.book.Look()
	if code := ask(); code != 200 || !strings.Contains(s.said.String(), "access:1: want allow PRINCIPAL RIGHT NAMES") {
		t.Errorf("a mistake: %d, said %s", code, &s.said)
	}
	if err := os.Remove(s.file); err != nil {
		t.Fatal(err)
	}
	s.doors.book.Look()
	if code := ask(); code != 200 || !strings.Contains(s.said.String(), "no such file") {
		t.Errorf("no file: %d, said %s", code, &s.said)
	}
	s.write("# nobody\n")
	if code := ask(); code != 200 {
		t.Error("who asks has the file read")
	}
	s.doors.book.Look()
	if code := ask(); code != 401 {
		t.Errorf("a token that was removed: %d", code)
	}
}

// TestRulesAreNotLiftedByAFile: one without any, as a file is that somebody is just
// writing, opens nothing; and what could not be read is tried again.
func TestRulesAreNotLiftedByAFile(t *testing.T) {
	const rules = "allow ci lock x\n"
	s := newScene(t, rules)
	may := func() bool { return s.doors.book.Policy().May("eve", access.Admin, "y") }
	for _, text := range []string{"", "# allow ci lo", "limit * rate=5\n"} {
		s.said.Reset()
		s.write(text)
		s.doors.book.Look()
		s.doors.book.Look()
		if may() || strings.Count(s.said.String(), "has no line with allow any more") != 1 {
			t.Errorf("%q: eve may: %v; said %s", text, may(), &s.said)
		}
	}
	s.said.Reset()
	if err := os.Remove(s.file); err != nil {
		t.Fatal(err)
	}
	s.doors.book.Look()
	s.doors.book.Look()
	if may() || strings.Count(s.said.String(), "level=ERROR") != 1 {
		t.Errorf("no file: eve may: %v; said %s", may(), &s.said)
	}
	s.write("allow eve admin *\n")
	s.doors.book.Look()
	if !may() {
		t.Error("rules in place of rules don't count")
	}
}

// TestWhatCouldNotBeReadIsReadLater: although it looks as it did.
func TestWhatCouldNotBeReadIsReadLater(t *testing.T) {
	s := newScene(t, "allow ci lock x\n")
	if err := errors.Join(os.Remove(s.file), os.Mkdir(s.file, 0o700)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.file)
	if err != nil {
		t.Fatal(err)
	}
	s.doors.book.Look()
	if err := os.Remove(s.file); err != nil {
		t.Fatal(err)
	}
	text := "allow eve lock x\n"
	s.write(text + strings.Repeat("#", max(0, int(info.Size())-len(text))))
	if err := os.Chtimes(s.file, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	s.doors.book.Look()
	if p := s.doors.book.Policy(); p.May("ci", access.Lock, "x") || !p.May("eve", access.Lock, "x") {
		t.Error("the file that could not be read at first was never read")
	}
}

// TestWhatRulesAllow: each verb, at each lock that a request is about.
func TestWhatRulesAllow(t *testing.T) {
	s := newScene(t, "allow ci lock deploy/*\nallow eve read *\nallow root admin *\n")
	h := newHouse()
	g := s.doors.Guard(h)
	ask := func(verb lock.Verb, names ...string) func(context.Context) error {
		c := lock.Command{Verb: verb, Name: names[0], Terms: &lock.Terms{}}
		for _, n := range names[1:] {
			c.Terms.And = append(c.Terms.And, lock.Want{Name: n})
		}
		return func(ctx context.Context) error { _, err := g.Ask(ctx, c, 0); return err }
	}
	look := func(q lock.Query) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := g.Inquire(ctx, q)
			return err
		}
	}
	watch := func(prefix string) func(context.Context) error {
		return func(ctx context.Context) (err error) {
			for _, err = range g.Watch(ctx, prefix, 0) {
				break
			}
			return err
		}
	}
	for _, test := range []struct {
		what    string
		do      func(context.Context) error
		allowed string
	}{
		{"acquire one", ask(lock.Acquire, "deploy/web"), "ci root"},
		{"acquire two", ask(lock.Acquire, "deploy/web", "deploy/db"), "ci root"},
		{"acquire one too many", ask(lock.Acquire, "deploy/web", "other"), "root"},
		{"acquire another", ask(lock.Acquire, "other"), "root"},
		{"lock", ask(lock.Lock, "deploy/web"), "ci root"},
		{"unlock", ask(lock.Unlock, "other"), "root"},
		{"release", ask(lock.Release, "other"), "root"},
		{"revoke", ask(lock.Revoke, "deploy/web"), "root"},
		{"show", look(lock.Query{Kind: lock.QueryLock, Name: "deploy/web"}), "ci eve root"},
		{"show another", look(lock.Query{Kind: lock.QueryLock, Name: "other"}), "eve root"},
		{"history", look(lock.Query{Kind: lock.QueryTenures, Name: "deploy/web"}), "ci eve root"},
		{"history of another", look(lock.Query{Kind: lock.QueryTenures, Name: "other"}), "eve root"},
		{"verify", look(lock.Query{Kind: lock.QueryToken, Name: "other"}), "eve root"},
		{"list some", look(lock.Query{Kind: lock.QueryLocks, Name: "deploy/w"}), "ci eve root"},
		{"list more", look(lock.Query{Kind: lock.QueryLocks, Name: "deploy"}), "eve root"},
		{"list all", look(lock.Query{Kind: lock.QueryLocks}), "eve root"},
		{"events", look(lock.Query{Kind: lock.QueryEvents}), "eve root"},
		{"sessions", look(lock.Query{Kind: lock.QuerySessions}), "eve root"},
		{"what is not known yet", look(lock.Query{Kind: 200}), "eve root"},
		{"watch some", watch("deploy/"), "ci eve root"},
		{"watch all", watch(""), "eve root"},
	} {
		for _, who := range []string{"ci", "eve", "root", "nobody", ""} {
			before := h.asked
			err := test.do(as(who))
			allowed := who != "" && strings.Contains(" "+test.allowed+" ", " "+who+" ")
			if (err == nil) != allowed || err != nil && connect.CodeOf(err) != connect.CodePermissionDenied {
				t.Errorf("%s of %q: %v", test.what, who, err)
			}
			if !allowed && h.asked != before {
				t.Errorf("%s of %q reached the node", test.what, who)
			}
		}
	}
	judge := g.(interface {
		Judge(context.Context, lock.Command) error
	})
	if judge.Judge(as("ci"), lock.Command{Verb: lock.Acquire, Name: "other"}) == nil || judge.Judge(as("ci"), lock.Command{Verb: lock.Acquire, Name: "deploy/x"}) != nil {
		t.Error("a command is judged in another way before it has a session")
	}
	if g.Blockers(as("eve"), lock.Command{Name: "deploy/web"}) != nil || g.Blockers(as("ci"), lock.Command{Name: "deploy/web"}) == nil {
		t.Error("blockers are shown to who may not take the lock, or not to who may")
	}
}

// TestSessionsHaveOwners: whoever opened one uses it, and nobody else; also at
// another node, and for who guesses its nonce, or says in its info that it is his.
func TestSessionsHaveOwners(t *testing.T) {
	s := newScene(t, "allow * lock *\n")
	h := newHouse()
	here, there := s.doors.Guard(h), s.doors.Guard(h)
	lie, err := lock.NewInfo(map[string]string{principalKey: "alice", "host": "h"})
	if err != nil {
		t.Fatal(err)
	}
	card, err := here.Open(as("alice"), 7, lock.Terms{})
	if err != nil || stampedBy(card.Info) != "alice" {
		t.Fatalf("%+v, %v", card, err)
	}
	mallorys, err := here.Open(as("mallory"), 0, lock.Terms{Info: lie})
	if err != nil || stampedBy(mallorys.Info) != "mallory" || mallorys.Info.Map()["host"] != "h" {
		t.Fatalf("%+v, %v", mallorys, err)
	}
	foreign, err := h.Open(context.Background(), 0, lock.Terms{}) // by a client of the Go API
	if err != nil {
		t.Fatal(err)
	}
	uses := map[string]func(api.Backend, context.Context, lock.SessionID) error{
		"keep alive": func(g api.Backend, ctx context.Context, id lock.SessionID) error {
			_, err := g.KeepAlive(ctx, id)
			return err
		},
		"close": func(g api.Backend, ctx context.Context, id lock.SessionID) error { return g.CloseSession(ctx, id) },
		"acquire": func(g api.Backend, ctx context.Context, id lock.SessionID) error {
			_, err := g.Ask(ctx, lock.Command{Session: id, Verb: lock.Acquire, Name: "x"}, 0)
			return err
		},
		"cancel": func(g api.Backend, ctx context.Context, id lock.SessionID) error {
			_, err := g.Ask(ctx, lock.Command{Session: id, Verb: lock.Cancel}, 0)
			return err
		},
		"release": func(g api.Backend, ctx context.Context, id lock.SessionID) error {
			_, err := g.Ask(ctx, lock.Command{Session: id, Verb: lock.Release, Name: "x"}, 0)
			return err
		},
	}
	for what, use := range uses {
		for name, g := range map[string]api.Backend{"the same node": here, "another": there} {
			for _, who := range []string{"alice", "mallory", ""} {
				for id, owner := range map[lock.SessionID]string{card.ID: "alice", mallorys.ID: "mallory", foreign.ID: "nobody"} {
					before := h.asked
					err := use(g, as(who), id)
					if (err == nil) != (who == owner) || err != nil && connect.CodeOf(err) != connect.CodePermissionDenied {
						t.Errorf("%s by %q of %s's session at %s: %v", what, who, owner, name, err)
					}
					if err != nil && h.asked != before {
						t.Errorf("%s by %q of %s's session reached the node", what, who, owner)
					}
				}
			}
		}
	}
	if got, err := there.Open(as("mallory"), 7, lock.Terms{}); err != nil || got.ID == card.ID {
		t.Errorf("alice's nonce gave mallory %v, %v", got, err)
	}
	if again, err := there.Open(as("alice"), 7, lock.Terms{}); err != nil || again.ID != card.ID {
		t.Errorf("alice's nonce gave her %v, %v", again, err)
	}
	if _, err := here.KeepAlive(as("alice"), 999); !errors.Is(err, replica.ErrSessionExpired) {
		t.Errorf("no session: %v", err)
	}
	if err := here.CloseSession(as("alice"), 999); err != nil {
		t.Errorf("closing no session: %v", err)
	}
	if s.doors.journal.Refusals()[Foreign] == 0 {
		t.Error("nothing was counted")
	}
}

// TestNamesThatAreNotForEverybody: whoever may see one lock is not told the names of
// others by it, in no answer; who may see all is.
func TestNamesThatAreNotForEverybody(t *testing.T) {
	s := newScene(t, "allow ci lock deploy/*\nallow eve lock *\n")
	h := newHouse()
	g := s.doors.Guard(h)
	cards := []lock.LockCard{
		{Name: "deploy/web", Queue: []lock.WaiterCard{{Names: []string{"deploy/web", "secret/1", "deploy/db"}}}},
		{Name: "secret/2"},
	}
	cycle := func(a, b string) lock.Cycle { return lock.Cycle{{Holds: a, Waits: b}, {Holds: b, Waits: a}} }
	h.cycle, h.blocking = "x waits for secret/3", cards
	h.reports = map[lock.QueryKind]lock.Report{}
	for kind := lock.QueryLocks; kind <= lock.QueryDeadlocks; kind++ {
		h.reports[kind] = lock.Report{Locks: cards, Cycles: []lock.Cycle{cycle("deploy/a", "secret/4"), cycle("deploy/a", "deploy/b")}}
	}
	for _, who := range []string{"ci", "eve"} {
		card, err := g.Open(as(who), 0, lock.Terms{})
		if err != nil {
			t.Fatal(err)
		}
		answers := map[string]any{"blockers": g.Blockers(as(who), lock.Command{Name: "deploy/web"})}
		for _, q := range []lock.Query{
			{Kind: lock.QueryLock, Name: "deploy/web"}, {Kind: lock.QueryLocks, Name: "deploy/"},
			{Kind: lock.QuerySession, Session: card.ID}, {Kind: lock.QueryDeadlocks},
		} {
			report, err := g.Inquire(as(who), q)
			if err != nil {
				t.Fatalf("%s asks %+v: %v", who, q, err)
			}
			answers[fmt.Sprintf("%+v", q)] = report
		}
		for what, answer := range answers {
			text := fmt.Sprintf("%+v", answer)
			if strings.Contains(text, "secret") != (who == "eve") || !strings.Contains(text, "deploy/db") {
				t.Errorf("%s of %s: %s", what, who, text)
			}
		}
		result, err := g.Ask(as(who), lock.Command{Session: card.ID, Verb: lock.Acquire, Name: "deploy/web"}, 0)
		if err != nil || strings.Contains(result.Cycle, "secret") != (who == "eve") || result.Cycle == "" {
			t.Errorf("an answer to %s: %+v, %v", who, result, err)
		}
	}
	if r := h.reports[lock.QueryLock]; len(r.Locks) != 2 || len(r.Locks[0].Queue[0].Names) != 3 || len(r.Cycles) != 2 {
		t.Errorf("what the node gave was changed: %+v", r)
	}
	if r, err := g.Inquire(as("nobody"), lock.Query{Kind: lock.QueryDeadlocks}); err != nil || len(r.Cycles) != 0 {
		t.Errorf("who may see nothing: %+v, %v", r, err)
	}
	if s.audit.Len() > 0 {
		t.Errorf("asking for deadlocks is written down: %s", &s.audit)
	}
}

// TestANonceIsOnesOwn: with that of somebody else nothing is found, and nothing
// taken; with one's own what was opened before.
func TestANonceIsOnesOwn(t *testing.T) {
	s := newScene(t, "allow * lock *\n")
	h := newHouse()
	here, there := s.doors.Guard(h), s.doors.Guard(h)
	ids := map[string]lock.SessionID{}
	for _, who := range []string{"mallory", "alice"} {
		card, err := here.Open(as(who), 7, lock.Terms{})
		if err != nil {
			t.Fatalf("%s: %v", who, err)
		}
		ids[who] = card.ID
		again, err := there.Open(as(who), 7, lock.Terms{})
		if err != nil || again.ID != card.ID {
			t.Errorf("%s again: %v, %v", who, again, err)
		}
	}
	if ids["mallory"] == ids["alice"] || h.nonces[7] != 0 {
		t.Errorf("%v, %v", ids, h.nonces)
	}
	if _, err := New(Config{Journal: NewJournal(nil)}).Guard(h).Open(context.Background(), 7, lock.Terms{}); err != nil || h.nonces[7] == 0 {
		t.Errorf("open doors: %v, %v", err, h.nonces)
	}
}

// TestAGrantDoesNotSayWhoseItIs: its session does, and the rest of its info stays.
func TestAGrantDoesNotSayWhoseItIs(t *testing.T) {
	lie, err := lock.NewInfo(map[string]string{principalKey: "alice", "job": "7"})
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse()
	for _, d := range []*Doors{newScene(t, "allow * admin *\n").doors, New(Config{Journal: NewJournal(nil)})} {
		g := d.Guard(h)
		for verb, want := range map[lock.Verb]lock.Info{lock.Acquire: "job=7", lock.Revoke: lie} {
			terms := &lock.Terms{Info: lie}
			_, err := g.Ask(as("mallory"), lock.Command{Verb: verb, Name: "x", Terms: terms}, 0)
			if err != nil || h.last.Terms.Info != want || terms.Info != lie {
				t.Errorf("%d: %v, %+v", verb, err, h.last.Terms)
			}
		}
	}
}

// TestWhoseCertificate: a client's says who comes, and a node's nobody.
func TestWhoseCertificate(t *testing.T) {
	dir := t.TempDir()
	if _, err := trust.Issue(dir, []trust.Grantee{{Name: "ci"}, {Name: "a", Hosts: []string{"127.0.0.1"}}}); err != nil {
		t.Fatal(err)
	}
	s := newScene(t, "allow ci lock *\nallow a lock *\n")
	for name, want := range map[string]int{"ci": 200, "a": 401} {
		k, err := trust.Open(trust.FilesIn(dir, name), nil)
		if err != nil {
			t.Fatal(err)
		}
		leaf := k.Identity().Certificate.Leaf
		r := httptest.NewRequest("GET", "/x", nil)
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf}}}
		w := httptest.NewRecorder()
		if s.doors.Porter(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r); w.Code != want {
			t.Errorf("%s: %d, %s", name, w.Code, w.Body)
		}
	}
}

// TestUnderWhoseGrant: a command is asked under one's own, and under no other.
func TestUnderWhoseGrant(t *testing.T) {
	s := newScene(t, "allow * lock deploy/*\n")
	h := newHouse()
	g := s.doors.Guard(h)
	ids := map[string]lock.SessionID{}
	for _, who := range []string{"alice", "mallory"} {
		card, err := g.Open(as(who), 0, lock.Terms{})
		if err != nil {
			t.Fatal(err)
		}
		ids[who] = card.ID
	}
	h.reports = map[lock.QueryKind]lock.Report{lock.QueryLock: {Locks: []lock.LockCard{{
		Name: "deploy/a", Holders: []lock.HolderCard{{Token: 6, Session: 999}, {Token: 7, Session: ids["alice"]}},
	}}}}
	ask := func(who, name string, token lock.Token) error {
		h.last = lock.Command{}
		_, err := g.Ask(as(who), lock.Command{
			Verb: lock.Acquire, Session: ids[who], Name: "deploy/x", Terms: &lock.Terms{Under: lock.Holding{Name: name, Token: token}, Reentrant: true},
		}, 0)
		return err
	}
	if err := ask("alice", "deploy/a", 7); err != nil || h.last.Terms.Under.Token != 7 {
		t.Errorf("under her own: %v, %+v", err, h.last)
	}
	if err := ask("mallory", "deploy/a", 7); connect.CodeOf(err) != connect.CodePermissionDenied || h.last.Terms != nil {
		t.Errorf("under another's: %v, %+v", err, h.last)
	}
	if err := ask("alice", "other", 7); connect.CodeOf(err) != connect.CodePermissionDenied || h.last.Terms != nil {
		t.Errorf("under what she may not take: %v, %+v", err, h.last)
	}
	if err := ask("alice", "deploy/a", 8); err != nil || h.last.Terms.Under != (lock.Holding{}) || !h.last.Terms.Reentrant {
		t.Errorf("under what nobody holds yet: %v, %+v", err, h.last)
	}
}

// TestSessionsAreLimited: those that are over don't count, and those that are
// being opened do.
func TestSessionsAreLimited(t *testing.T) {
	s := newScene(t, "limit ci sessions=2\n")
	h := newHouse()
	g := s.doors.Guard(h)
	open := func(who string, nonce lock.Number) error { _, err := g.Open(as(who), nonce, lock.Terms{}); return err }
	h.holds = make(chan struct{})
	results := make(chan error, 5)
	for range 5 {
		go func() { results <- open("ci", 0) }()
	}
	failed := 0
	for range 3 { // who is refused need not wait
		if connect.CodeOf(<-results) == connect.CodeResourceExhausted {
			failed++
		}
	}
	close(h.holds)
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if failed != 3 || len(h.sessions) != 2 {
		t.Fatalf("%d were refused, and there are %d sessions", failed, len(h.sessions))
	}
	if err := open("bob", 0); err != nil {
		t.Errorf("bob: %v", err)
	}
	later := func() { g.(*guarded).counted["ci"] = time.Time{} }
	later()
	h.shown = 0
	for range 10 {
		if err := open("ci", 0); connect.CodeOf(err) != connect.CodeResourceExhausted {
			t.Errorf("one more: %v", err)
		}
	}
	if h.shown != 2 {
		t.Errorf("for ten that were refused the two sessions were looked at %d times", h.shown)
	}
	h.end(1)
	later()
	if err := open("ci", 5); err != nil {
		t.Errorf("one is over: %v", err)
	}
	if err := g.CloseSession(as("ci"), 2); err != nil {
		t.Fatal(err)
	}
	if err := open("ci", 0); err != nil {
		t.Errorf("one was closed: %v", err)
	}
	if err := open("ci", 0); connect.CodeOf(err) != connect.CodeResourceExhausted {
		t.Errorf("one more: %v", err)
	}
	if s.doors.journal.Refusals()[Sessions] != 14 {
		t.Errorf("%v", s.doors.journal.Refusals())
	}
}

// TestWatchEndsWithTheRight: a stream that began in time goes on for no longer.
func TestWatchEndsWithTheRight(t *testing.T) {
	secret, line := newToken(t, "ci")
	s := newScene(t, line+"allow ci read *\n")
	g := s.doors.Guard(newHouse())
	for text, want := range map[string]connect.Code{
		"allow ci read *\n": connect.CodeUnauthenticated, line + "allow ci read x\n": connect.CodePermissionDenied,
	} {
		s.write(line + "allow ci read *\n")
		s.doors.book.Look()
		var ctx context.Context
		s.doors.Porter(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })).ServeHTTP(
			httptest.NewRecorder(), bearing(secret))
		seen := 0
		var ended error
		for _, err := range g.Watch(ctx, "", 0) {
			if ended = err; err != nil {
				break
			}
			if seen++; seen == 3 {
				s.write(text)
				s.doors.book.Look()
			}
		}
		if seen != 3 || connect.CodeOf(ended) != want {
			t.Errorf("%q: ended after %d with %v", text, seen, ended)
		}
	}
}

// queue is a house in which who waits waits until he may go on.
type queue struct {
	*house
	waits  chan struct{} // somebody does
	grants chan struct{}
	broken error // of all that is no Acquire
	mu     sync.Mutex
	asked  []lock.Command
}

func (q *queue) Ask(ctx context.Context, c lock.Command, _ time.Duration) (lock.Result, error) {
	q.mu.Lock()
	q.asked = append(q.asked, c)
	q.mu.Unlock()
	if c.Verb != lock.Acquire {
		return lock.Result{Outcome: lock.Released}, q.broken
	}
	q.waits <- struct{}{}
	select {
	case <-q.grants:
		return lock.Result{Outcome: lock.Granted, Token: 9}, nil
	case <-ctx.Done():
		return lock.Result{}, ctx.Err()
	}
}

// TestAWaitEndsWithTheRight: also if it is granted just then, and what it got or
// would get is given back.
func TestAWaitEndsWithTheRight(t *testing.T) {
	secret, line := newToken(t, "ci")
	const rule = "allow ci lock x\n"
	for _, test := range []struct {
		what    string
		number  lock.Number
		change  string
		granted bool
		code    connect.Code
		back    lock.Verb
		broken  error
	}{
		{"nothing changes", 0, line + rule, true, 0, 0, nil},
		{"granted", 0, rule, true, connect.CodeUnauthenticated, lock.Release, nil},
		{"granted without a rule", 0, line + "allow ci lock y\n", true, connect.CodePermissionDenied, lock.Release, nil},
		{"waiting", 0, rule, false, connect.CodeUnauthenticated, 0, nil},
		{"granted by a number", 7, rule, true, connect.CodeUnauthenticated, lock.Cancel, nil},
		{"waiting by a number", 7, rule, false, connect.CodeUnauthenticated, lock.Cancel, nil},
		{"granted and not undone", 0, rule, true, connect.CodeUnauthenticated, lock.Release, replica.ErrUnknown},
	} {
		s := newScene(t, line+rule)
		q := &queue{house: newHouse(), waits: make(chan struct{}), grants: make(chan struct{}), broken: test.broken}
		g := s.doors.Guard(q).(*guarded)
		g.lookAgain = time.Hour
		if !test.granted {
			g.lookAgain = time.Millisecond
		}
		var ctx context.Context
		s.doors.Porter(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })).ServeHTTP(
			httptest.NewRecorder(), bearing(secret))
		card, err := g.Open(ctx, 0, lock.Terms{})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() {
			result, err := g.Ask(ctx, lock.Command{Verb: lock.Acquire, Session: card.ID, Name: "x", Slot: 3, Number: test.number, Wait: true}, 0)
			if (result.Token != 0) != (err == nil) {
				err = fmt.Errorf("%+v, %v", result, err)
			}
			ended <- err
		}()
		<-q.waits
		s.write(test.change)
		s.doors.book.Look()
		if test.granted {
			q.grants <- struct{}{}
		}
		if err = <-ended; (err == nil) != (test.code == 0) || err != nil && connect.CodeOf(err) != test.code {
			t.Errorf("%s: %v", test.what, err)
		}
		var refused *connect.Error
		if errors.As(err, &refused) && (len(refused.Details()) == 0) != (test.broken != nil) {
			t.Errorf("%s: it is said to be not executed: %v", test.what, test.broken == nil)
		}
		if wants := 1 + min(1, int(test.back)); len(q.asked) != wants {
			t.Errorf("%s: %+v", test.what, q.asked)
			continue
		}
		back := q.asked[len(q.asked)-1]
		switch test.back {
		case lock.Release:
			if back.Verb != lock.Release || back.Session != card.ID || back.Name != "x" || back.Token != 9 {
				t.Errorf("%s: %+v", test.what, back)
			}
		case lock.Cancel:
			if back.Verb != lock.Cancel || back.Session != card.ID || back.Slot != 3 || back.Number != test.number+1 {
				t.Errorf("%s: %+v", test.what, back)
			}
		}
	}
}

func bearing(secret string) *http.Request {
	r := httptest.NewRequest("GET", "/x", nil)
	r.Header.Set("Authorization", "Bearer "+secret)
	return r
}

// refusing is a house of which nothing can be had.
type refusing struct{ *house }

func (refusing) Ask(context.Context, lock.Command, time.Duration) (lock.Result, error) {
	return lock.Result{Outcome: lock.LimitReached}, nil
}

// TestTheAuditLog has what an administrator did, and why.
func TestTheAuditLog(t *testing.T) {
	s := newScene(t, "allow root admin *\n")
	g := s.doors.Guard(newHouse())
	command := lock.Command{Verb: lock.Revoke, Name: "deploy/web", Token: 1<<40 | 7, Terms: &lock.Terms{Info: "it hangs\n\x1b[31m"}}
	if _, err := g.Ask(as("root"), command, 0); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"msg":"revoke"`, `"principal":"root"`, `"from":"192.0.2.1:5"`, `"lock":"deploy/web"`, `"token":"1099511627783"`, `"outcome":"released"`, `it hangs\n\u001b`} {
		if !strings.Contains(s.audit.String(), want) {
			t.Errorf("%s is not in %s", want, &s.audit)
		}
	}
	s.audit.Reset()
	if _, err := s.doors.Guard(refusing{newHouse()}).Ask(as("root"), command, 0); err != nil || !strings.Contains(s.audit.String(), `"outcome":"refused"`) {
		t.Errorf("one that was refused: %v, %s", err, &s.audit)
	}
	s.audit.Reset()
	if _, err := g.Ask(as("eve"), command, 0); err == nil {
		t.Fatal("eve may revoke")
	}
	if !strings.Contains(s.audit.String(), `"msg":"refused","why":"permission_denied","principal":"eve"`) || strings.Count(s.audit.String(), "\n") != 1 {
		t.Errorf("%s", &s.audit)
	}
}

// TestOpenDoors: without a file and without TLS nobody is asked, and what sessions
// say of their owners is not believed.
func TestOpenDoors(t *testing.T) {
	d := New(Config{Journal: NewJournal(nil)})
	h := newHouse()
	g := d.Guard(h)
	var failed error
	porter := d.Porter(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		card, err := g.Open(r.Context(), 3, lock.Terms{Info: "principal=alice"})
		if err == nil && card.Info != "" {
			err = fmt.Errorf("the info is %q", card.Info)
		}
		if err == nil {
			_, err = g.Ask(r.Context(), lock.Command{Session: card.ID, Verb: lock.Revoke, Name: "x"}, 0)
		}
		failed = err
		io.WriteString(w, "ok")
	}))
	for _, path := range []string{"/x", "/metrics", "/debug/pprof"} {
		w := httptest.NewRecorder()
		if porter.ServeHTTP(w, httptest.NewRequest("POST", path, nil)); w.Code != 200 || failed != nil {
			t.Errorf("%s: %d, %v", path, w.Code, failed)
		}
	}
}

// TestOpenDoorsAreNotForPages: a page in a browser on this machine may have had
// its name point here.
func TestOpenDoorsAreNotForPages(t *testing.T) {
	secret, line := newToken(t, "ci")
	s := newScene(t, line)
	opened := New(Config{Journal: NewJournal(nil)})
	inside := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	here, elsewhere := net.IPv4(127, 0, 0, 1), net.IPv4(192, 0, 2, 1)
	for _, test := range []struct {
		doors  *Doors
		local  net.Addr
		host   string
		status int
	}{
		{opened, &net.TCPAddr{IP: here}, "127.0.0.1:7180", 200},
		{opened, &net.TCPAddr{IP: here}, "Localhost", 200},
		{opened, &net.TCPAddr{IP: net.IPv6loopback}, "[::1]:7180", 200},
		{opened, &net.TCPAddr{IP: here}, "", 200},
		{opened, &net.TCPAddr{IP: here}, "evil.example:7180", 403},
		{opened, &net.TCPAddr{IP: here}, "192.0.2.1:7180", 403},
		{opened, &net.TCPAddr{IP: here}, "localhost.evil.example", 403},
		{opened, &net.TCPAddr{IP: elsewhere}, "node.example:7180", 200}, // with -insecure
		{opened, &net.UnixAddr{Net: "unix", Name: "x"}, "anything", 200},
		{s.doors, &net.TCPAddr{IP: here}, "node.example:7180", 200}, // which a page has no token for
	} {
		r := bearing(secret)
		if test.doors == opened {
			r.Header.Del("Authorization")
		}
		r.Host = test.host
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, test.local))
		w := httptest.NewRecorder()
		if test.doors.Porter(inside).ServeHTTP(w, r); w.Code != test.status {
			t.Errorf("%q at %v: %d, want %d", test.host, test.local, w.Code, test.status)
		}
	}
	if n := opened.journal.Refusals()[Rebound]; n != 3 {
		t.Errorf("%d were counted", n)
	}
}

// TestPagesOfOthers: what a page of another site has a browser ask for is refused,
// also where the browser has shown a certificate; what somebody types, follows or
// asks for from a program is not.
func TestPagesOfOthers(t *testing.T) {
	var audit bytes.Buffer
	opened := New(Config{Journal: NewJournal(slog.New(slog.NewJSONHandler(&audit, nil)))})
	closed := New(Config{Encrypted: true, Journal: NewJournal(nil)})
	inside := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	const call = "/lockstep.v1.LockService/Unlock"
	for _, test := range []struct {
		what, method, path string
		headers            map[string]string
		passes             bool
	}{
		{"a program", "POST", call, nil, true},
		{"the page of this port", "POST", call, map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:7180"}, true},
		{"the page behind a proxy, which calls the port by its address", "POST", call, map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "https://locks.example"}, true},
		{"the page, in a browser that says less", "POST", call, map[string]string{"Origin": "http://LOCALHOST:7180"}, true},
		{"typed", "GET", "/", map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, true},
		{"followed", "GET", "/", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, true},

		{"a page elsewhere", "POST", call, map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, false},
		{"a page at another port", "POST", call, map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, false},
		{"one that lies about what a browser says last", "POST", call, map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:7180"}, false},
		{"a page elsewhere, in a browser that says less", "POST", call, map[string]string{"Origin": "https://evil.example"}, false},
		{"at another port", "POST", call, map[string]string{"Origin": "http://localhost:8080"}, false},
		{"of no name", "POST", call, map[string]string{"Origin": "null"}, false},
		{"of no sense", "POST", call, map[string]string{"Origin": "http://%zz"}, false},
		{"a form", "POST", "/", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, false},
		{"a picture", "GET", "/metrics", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, false},
		{"a frame", "GET", "/", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, false},
		{"a link to what costs", "GET", "/debug/pprof/profile", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, false},
	} {
		for _, d := range []*Doors{opened, closed} {
			r := httptest.NewRequest(test.method, "http://localhost:7180"+test.path, nil)
			for key, value := range test.headers {
				r.Header.Set(key, value)
			}
			if d == closed {
				leaf := &x509.Certificate{Subject: pkix.Name{CommonName: "alice"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
				r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{leaf}}}
			}
			w := httptest.NewRecorder()
			if d.Porter(inside).ServeHTTP(w, r); (w.Code == http.StatusOK) != test.passes || !test.passes && w.Code != http.StatusForbidden {
				t.Errorf("%s: %d %s", test.what, w.Code, w.Body)
			}
		}
	}
	if n, m := opened.journal.Refusals()[Elsewhere], closed.journal.Refusals()[Elsewhere]; n != 11 || m != 11 || !strings.Contains(audit.String(), `"why":"cross_site"`) {
		t.Errorf("%d and %d were counted: %s", n, m, &audit)
	}
}

// answering notes how much of a request's body was left when it was answered.
type answering struct {
	*httptest.ResponseRecorder
	body *strings.Reader
	left int
}

func (a *answering) WriteHeader(code int) {
	a.left = a.body.Len()
	a.ResponseRecorder.WriteHeader(code)
}

// TestWhoIsRefusedIsHeardOut: a small body is read before the answer, whose stream or
// connection would be reset else; what may never end is not waited for. On a connection
// of HTTP/1 that goes on the server reads what is left.
func TestWhoIsRefusedIsHeardOut(t *testing.T) {
	secret, line := newToken(t, "ci")
	s := newScene(t, line+"allow ci lock x\n")
	porter := s.doors.Porter(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	const length = 500
	for _, test := range []struct {
		what    string
		version int
		claims  int64
		left    int
		status  int
	}{
		{"a small body", 2, length, 0, 401},
		{"a stream", 2, -1, length, 401},
		{"a body that is too large", 2, api.MaxRequestBytes + 1, length, 401},
		{"HTTP/1, which is closed", 1, length, 0, 401},
		{"HTTP/1, which goes on", 1, length, length, 403},
	} {
		body := strings.NewReader(strings.Repeat("x", length))
		r := httptest.NewRequest("POST", "https://node/metrics", body)
		if test.status == 403 {
			r.Header.Set("Authorization", "Bearer "+secret)
		}
		r.Header.Set("Content-Type", "application/json")
		r.ProtoMajor, r.ContentLength = test.version, test.claims
		w := &answering{ResponseRecorder: httptest.NewRecorder(), body: body}
		if porter.ServeHTTP(w, r); w.Code != test.status || w.left != test.left {
			t.Errorf("%s: %d with %d bytes left, want %d", test.what, w.Code, w.left, test.left)
		}
	}
}

// TestFewAreHeardOut: of a crowd that is refused and never says what it wants, all but
// some are answered at once; and who comes when they have gone is heard again.
func TestFewAreHeardOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, "allow ci lock x\n")
		porter := s.doors.Porter(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		come, gone := io.Pipe()
		answered := make(chan int, 3*heardAtOnce)
		refuse := func(body io.Reader) {
			r, w := httptest.NewRequest("POST", "https://node/x", body), httptest.NewRecorder()
			r.ProtoMajor, r.ContentLength = 2, 5
			porter.ServeHTTP(w, r)
			answered <- w.Code
		}
		for range 3 * heardAtOnce {
			go refuse(come)
		}
		if synctest.Wait(); len(answered) != 2*heardAtOnce {
			t.Errorf("%d of %d are answered, want all but %d", len(answered), 3*heardAtOnce, heardAtOnce)
		}
		_ = gone.Close()
		if synctest.Wait(); len(answered) != 3*heardAtOnce || <-answered != 401 {
			t.Errorf("%d are answered in the end", len(answered))
		}
		body := strings.NewReader("hello")
		if refuse(body); body.Len() != 0 {
			t.Error("who comes later is not heard out")
		}
	})
}

// TestDeedsOfNobodyAreBounded: where everybody may do everything, nobody can fill a
// disk with it; of who is known all is written.
func TestDeedsOfNobodyAreBounded(t *testing.T) {
	var audit bytes.Buffer
	j := NewJournal(slog.New(slog.NewJSONHandler(&audit, nil)))
	now := time.Unix(1000, 0)
	for range 10 * nobodysDeeds {
		j.did("", "127.0.0.1:5", "revoke", []any{"lock", "x"}, now)
		j.did("alice", "127.0.0.1:6", "switchover", nil, now)
	}
	count := func(what string) int { return strings.Count(audit.String(), what) }
	if count(`"msg":"revoke"`) != nobodysDeeds || count(`"principal":"alice"`) != 10*nobodysDeeds {
		t.Errorf("%d lines of nobody, %d of alice", count(`"msg":"revoke"`), count(`"principal":"alice"`))
	}
	audit.Reset()
	j.did("", "127.0.0.1:5", "revoke", []any{"lock", "x"}, now.Add(time.Second))
	j.did("", "127.0.0.1:5", "revoke", []any{"lock", "y"}, now.Add(time.Second))
	if count(`"lock":"x","more":900`) != 1 || count(`"more"`) != 1 || count(`"lock":"y"`) != 1 {
		t.Errorf("a second later: %s", &audit)
	}
}

// TestChangesOfRulesAreAudited: who may do what is what administrators do above all,
// and what is wrong with a file is written once.
func TestChangesOfRulesAreAudited(t *testing.T) {
	secret, line := newToken(t, "ci")
	s := newScene(t, line+"allow ci lock x\n")
	s.doors.book.KeepIn(s.doors.journal)
	s.write(line + "allow ci admin *\n")
	s.doors.book.Look()
	for range 2 {
		s.write("token ci " + secret + "\n")
		s.doors.book.Look()
	}
	text := s.audit.String()
	if strings.Count(text, "\n") != 2 || !strings.Contains(text, `"msg":"new rules","principal":"","from":"`+s.file+`"`) ||
		!strings.Contains(text, `"msg":"new rules refused"`) || !strings.Contains(text, "this is a token itself") || strings.Contains(text, secret[:20]) {
		t.Errorf("%s", text)
	}
}
