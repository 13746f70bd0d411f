package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"

	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
	"lockstep/observe/traces"
	"lockstep/observe/traces/tracestest"
	"lockstep/replica"
)

// asked is what a fake was asked under which span.
type asked struct {
	*fake
	mu    sync.Mutex
	under []traces.Context
}

func (a *asked) Ask(ctx context.Context, c lock.Command, patience time.Duration) (lock.Result, error) {
	a.mu.Lock()
	a.under = append(a.under, traces.Of(ctx))
	a.mu.Unlock()
	return a.fake.Ask(ctx, c, patience)
}

// serveTraced is serveFake with a book.
func serveTraced(t *testing.T) (*served, *asked, *tracestest.Book) {
	t.Helper()
	a, b := &asked{fake: newFake()}, new(tracestest.Book)
	s := serve(t, config("127.0.0.1:0"), func(s *Server) { Mount(s, a, Traced(b)...) })
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &p}
	t.Cleanup(transport.CloseIdleConnections)
	return &served{a.fake, s, pb.NewLockServiceClient(&http.Client{Transport: transport}, "http://"+s.Address(), connect.WithGRPC()), transport}, a, b
}

func TestACallIsASpan(t *testing.T) {
	for name, call := range map[string]func(*served) error{
		"by gRPC": func(s *served) error {
			ctx, info := connect.NewClientContext(t.Context())
			info.RequestHeader().Set("Traceparent", tracestest.Parent)
			_, err := s.TryAcquire(ctx, &pb.TryAcquireRequest{Name: "x"})
			return err
		},
		"as JSON": func(s *served) error {
			status, err := s.postWith(http.Header{"Traceparent": {tracestest.Parent}}, "TryAcquire", `{"name":"x"}`)
			if status != 200 {
				t.Errorf("status %d", status)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, a, b := serveTraced(t)
			if err := call(s); err != nil {
				t.Fatal(err)
			}
			got := b.Await(t, 1)[0]
			if got.Name != "lockstep.v1.LockService/TryAcquire" || got.Kind != traces.Server || got.Parent.String() != tracestest.Parent || got.Failed != "" {
				t.Errorf("got %+v", got)
			}
			if got.Notes["lockstep.lock"] != "x" || got.Notes["rpc.method"] != "TryAcquire" {
				t.Errorf("it says %v", got.Notes)
			}
			if len(a.under) != 1 || a.under[0] != got.Self {
				t.Errorf("the node is asked below %v, and not below %v", a.under, got.Self)
			}
		})
	}
}

// postWith asks as curl does, with headers.
func (s *served) postWith(header http.Header, method, body string) (status int, err error) {
	r, err := http.NewRequest("POST", "http://"+s.server.Address()+"/"+pb.LockServiceName+"/"+method, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header = header
	r.Header.Set("Content-Type", "application/json")
	c := &http.Transport{}
	defer c.CloseIdleConnections()
	answer, err := (&http.Client{Transport: c}).Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && !json.Valid(text) {
		status = -1
	}
	return max(status, answer.StatusCode), err
}

func TestAStreamIsASpan(t *testing.T) {
	s, a, b := serveTraced(t)
	stream, err := s.Acquire(t.Context(), &pb.AcquireRequest{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	for stream.Receive() {
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	got := b.Await(t, 1)[0]
	if got.Name != "lockstep.v1.LockService/Acquire" || !got.Parent.IsZero() || len(a.under) != 1 || a.under[0] != got.Self {
		t.Errorf("got %+v; the node is asked below %v", got, a.under)
	}
}

// What nobody keeps is no span, and the nodes hear of no trace. A header that is
// none, or two of them, are as if there were none.
func TestWhatCallersSayOfTheirTraces(t *testing.T) {
	for name, c := range map[string]struct {
		said   []string
		parent string
		spans  int
	}{
		"that nobody keeps it": {said: []string{tracestest.Unkept}},
		"nonsense":             {said: []string{"00-xyz"}, spans: 1},
		"two things":           {said: []string{tracestest.Parent, tracestest.Parent}, spans: 1},
		"nothing":              {spans: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, a, b := serveTraced(t)
			status, err := s.postWith(http.Header{"Traceparent": c.said}, "TryAcquire", `{"name":"x"}`)
			if err != nil || status != 200 {
				t.Fatalf("%d, %v", status, err)
			}
			if len(b.Spans()) != c.spans || len(a.under) != 1 || a.under[0].Sampled() != (c.spans == 1) {
				t.Fatalf("the spans are %v, and the node is asked below %v", b.Text(), a.under)
			}
			if c.spans == 1 && !b.Await(t, 1)[0].Parent.IsZero() {
				t.Error("a caller's nonsense is a parent")
			}
		})
	}
}

// A failure of the service is one of its span; what a caller gets wrong is none.
func TestHowACallEnds(t *testing.T) {
	for name, c := range map[string]struct {
		fails error
		body  string
		code  string
		fail  bool
	}{
		"the node ends":        {replica.ErrClosed, `{"name":"x"}`, "unavailable", true},
		"the name is no name":  {nil, `{"name":""}`, "invalid_argument", false},
		"there is no session":  {nil, `{"name":"x","session":"00000100000000ff"}`, "not_found", false},
		"the name is too long": {nil, `{"name":"` + strings.Repeat("x", 257) + `"}`, "invalid_argument", false},
		"a lock that is free":  {nil, `{"name":"x"}`, "", false},
		"nothing can be asked": {replica.ErrBusy, `{"name":"x"}`, "resource_exhausted", false},
	} {
		t.Run(name, func(t *testing.T) {
			s, a, b := serveTraced(t)
			a.fail(c.fails)
			if _, err := s.postWith(http.Header{}, "TryAcquire", c.body); err != nil {
				t.Fatal(err)
			}
			got := b.Await(t, 1)[0]
			code, _ := got.Notes["rpc.connect_rpc.error_code"].(string)
			if code != c.code || (got.Failed != "") != c.fail {
				t.Errorf("the span ends with %q, %q", code, got.Failed)
			}
			if about, _ := got.Notes["lockstep.lock"].(string); len(about) > lock.MaxNameBytes {
				t.Errorf("it keeps a name of %d bytes", len(about))
			}
		})
	}
}

// What looks after the node, and who looks on, make no spans.
func TestWhatIsNoCall(t *testing.T) {
	s, _, b := serveTraced(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watch, err := s.Watch(ctx, &pb.WatchRequest{})
	if err != nil || !watch.Receive() {
		t.Fatalf("%v, %v", err, watch.Err())
	}
	cancel()
	for watch.Receive() {
	}
	answer, err := (&http.Client{Transport: s.transport}).Post("http://"+s.server.Address()+"/grpc.health.v1.Health/Check", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if len(b.Spans()) > 0 {
		t.Errorf("there are the spans %v", b.Text())
	}
	if Traced(nil) != nil {
		t.Error("without a tracer there is something before each call")
	}
}
