package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
	"lockstep/replica"
)

// post asks as curl does.
func (s *served) post(t *testing.T, method, body string) (status int, answer map[string]any) {
	t.Helper()
	c := &http.Transport{}
	defer c.CloseIdleConnections()
	url := "http://" + s.server.Address() + "/" + pb.LockServiceName + "/" + method
	got, err := (&http.Client{Transport: c}).Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s %s: %s %q", method, body, got.Status, text)
	}
	return got.StatusCode, answer
}

// reasonOf is the Failure that every error has.
func reasonOf(t *testing.T, err error) *pb.Failure {
	t.Helper()
	var failure *connect.Error
	if !errors.As(err, &failure) {
		t.Fatalf("got %v, want an error of the service", err)
	}
	for _, d := range failure.Details() {
		if m, wrong := d.Value(); wrong == nil {
			if f, ok := m.(*pb.Failure); ok {
				return f
			}
		}
	}
	t.Fatalf("%v has no Failure", err)
	return nil
}

// TestAsCurlAsks: the first minutes of somebody who has read nothing yet.
func TestAsCurlAsks(t *testing.T) {
	s := serveFake(t)
	status, granted := s.post(t, "TryAcquire", `{"name":"deploy"}`)
	token, _ := granted["token"].(string)
	session, _ := granted["session"].(string)
	if status != 200 || len(session) != 16 || token == "" || granted["ttl"] != "10s" || granted["refusal"] != nil {
		t.Fatalf("%d %v", status, granted)
	}
	status, refused := s.post(t, "TryAcquire", `{"name":"deploy","session":"`+session+`"}`)
	refusal, _ := refused["refusal"].(map[string]any)
	if message, _ := refusal["message"].(string); status != 200 || refused["token"] != nil || !strings.Contains(message, "held by session "+session) {
		t.Errorf("%d %v", status, refused)
	}
	if status, failed := s.post(t, "TryAcquire", `{"name":"deploy","or_fail":true}`); status != 400 || failed["code"] != "failed_precondition" {
		t.Errorf("%d %v", status, failed)
	}
	if status, verified := s.post(t, "Verify", `{"name":"deploy","token":"`+token+`"}`); status != 200 || verified["current"] != true {
		t.Errorf("%d %v", status, verified)
	}
	if status, released := s.post(t, "Release", `{"name":"deploy","session":"`+session+`","token":"`+token+`"}`); status != 200 || released["released"] != true {
		t.Errorf("%d %v", status, released)
	}
	if status, shown := s.post(t, "ShowLock", `{"name":"deploy"}`); status != 200 || fmt.Sprint(shown) != "map[lock:map[free:true name:deploy]]" {
		t.Errorf("%d %v", status, shown)
	}
}

// TestBadRequests: each is refused with its code and a line that says what is
// meant, and leaves no session behind.
func TestBadRequests(t *testing.T) {
	s := serveFake(t)
	for _, test := range []struct{ method, body, want string }{
		{"TryAcquire", `{}`, "a name is 1 to 256 bytes"},
		{"History", `{}`, "a name is 1 to 256 bytes"},
		{"History", `{"name":"a","page_token":"x"}`, "is no page_token"},
		{"TryAcquire", `{"name":"a\nb"}`, "a name is 1 to 256 bytes"},
		{"TryAcquire", `{"name":"a","names":["a"]}`, "each once"},
		{"TryAcquire", `{"name":"a","mode":"MODE_PERMITS"}`, "counted acquire"},
		{"TryAcquire", `{"name":"a","mode":77}`, "mode"},
		{"TryAcquire", `{"name":"a","number":"1"}`, "slot and number are those of a session"},
		{"TryAcquire", `{"name":"a","slot":1}`, "slot 1 has no number"},
		{"TryAcquire", `{"name":"a","ttl":"0.1s"}`, "TTL is 1 s to 1 h"},
		{"TryAcquire", `{"name":"a","ttl":"-1s"}`, "the ttl is no length of time"},
		{"TryAcquire", `{"name":"a","wait":"3601s"}`, "a wait is at most 1 h"},
		{"TryAcquire", `{"name":"a","session":"1"}`, "16 hexadecimal digits"},
		{"TryAcquire", `{"name":"a","terms":{"info":{"a=b":"c"}}}`, `has a line break, or \"=\"`},
		{"TryAcquire", `{"name":"a","terms":{"max_hold":"1s","reentrant":true}}`, "re-entrant"},
		{"TryAcquire", `{"name":`, "unmarshal"},
		{"Release", `{"name":"a"}`, "the session is missing"},
		{"Release", `{"name":"a","session":"0000000000000001"}`, "the token of a grant is missing"},
		{"Cancel", `{"session":"0000000000000001"}`, "number of the request to be undone is missing"},
		{"Lock", `{"name":"a","number":"7"}`, "slot and number are those of a session"},
		{"Revoke", `{"name":"a","reason":"` + strings.Repeat("x", 257) + `"}`, "a reason is at most 256 bytes"},
		{"ListLocks", `{"prefix":"\u0007"}`, "a name is 1 to 256 bytes"},
		{"ListSessions", `{"page_token":"x"}`, "is no page_token"},
	} {
		status, answer := s.post(t, test.method, test.body)
		message, _ := json.Marshal(answer["message"])
		if status != 400 || answer["code"] != "invalid_argument" || !strings.Contains(string(message), test.want) {
			t.Errorf("%s %.80s: %d %.300v, want %q", test.method, test.body, status, answer, test.want)
		}
	}
	if _, sessions := s.fake.table.Size(); sessions != 0 {
		t.Errorf("%d sessions are left", sessions)
	}
}

func TestUnknownThings(t *testing.T) {
	s := serveFake(t)
	const none = `"session":"00000100000000ff"`
	for method, body := range map[string]string{
		"KeepAlive": `{` + none + `}`, "TryAcquire": `{"name":"a",` + none + `}`, "ShowSession": `{` + none + `}`,
		"Explain": `{"name":"a",` + none + `}`,
	} {
		if status, answer := s.post(t, method, body); status != 404 || answer["code"] != "not_found" {
			t.Errorf("%s: %d %v", method, status, answer)
		}
	}
	if status, _ := s.post(t, "CloseSession", `{`+none+`}`); status != 200 {
		t.Errorf("CloseSession: %d", status)
	}
}

// TestLargeMessages: in every protocol a request that is too large is refused as
// such.
func TestLargeMessages(t *testing.T) {
	body := `{"name":"` + strings.Repeat("x", MaxRequestBytes) + `"}`
	s := serveFake(t)
	if status, answer := s.post(t, "TryAcquire", body); status != 429 || answer["code"] != "resource_exhausted" {
		t.Errorf("%d %v", status, answer)
	}
	grpc := serveFake(t, connect.WithGRPC())
	if _, err := grpc.ShowLock(t.Context(), &pb.ShowLockRequest{Name: body}); connect.CodeOf(err) != connect.CodeResourceExhausted {
		t.Errorf("got %v", err)
	}
}

// TestErrorsOfTheWorld: what the nodes say, in the words of the protocols.
func TestErrorsOfTheWorld(t *testing.T) {
	ended, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for _, test := range []struct {
		err         error
		code        connect.Code
		reason      pb.Failure_Reason
		notExecuted bool
	}{
		{&replica.LimitError{Limit: lock.LimitSessionLocks}, connect.CodeResourceExhausted, pb.Failure_REASON_LIMIT, true},
		{&replica.LimitError{Limit: lock.LimitName}, connect.CodeInvalidArgument, pb.Failure_REASON_INVALID, true},
		{replica.ErrPair, connect.CodeInvalidArgument, pb.Failure_REASON_INVALID, true},
		{replica.ErrBusy, connect.CodeResourceExhausted, pb.Failure_REASON_BUSY, true},
		{replica.ErrStale, connect.CodeFailedPrecondition, pb.Failure_REASON_STALE, false},
		{replica.ErrSessionExpired, connect.CodeNotFound, pb.Failure_REASON_SESSION_EXPIRED, false},
		{replica.ErrUnknown, connect.CodeAborted, pb.Failure_REASON_UNKNOWN, false},
		{fmt.Errorf("%w: %w", replica.ErrUnknown, ended.Err()), connect.CodeAborted, pb.Failure_REASON_UNKNOWN, false},
		{fmt.Errorf("%w: %w", replica.ErrNoQuorum, ended.Err()), connect.CodeUnavailable, pb.Failure_REASON_NO_QUORUM, false},
		{replica.ErrClosed, connect.CodeUnavailable, pb.Failure_REASON_STOPPING, false},
		{&replica.IncompatibleError{Node: "a:1", Reason: "old"}, connect.CodeUnavailable, pb.Failure_REASON_INCOMPATIBLE, false},
		{context.DeadlineExceeded, connect.CodeDeadlineExceeded, pb.Failure_REASON_NO_ANSWER, false},
		{context.Canceled, connect.CodeCanceled, pb.Failure_REASON_NO_ANSWER, false},
	} {
		err := failure(test.err)
		if got := reasonOf(t, err); connect.CodeOf(err) != test.code || got.GetReason() != test.reason || got.GetNotExecuted() != test.notExecuted {
			t.Errorf("%v: got %v, %v", test.err, err, got)
		}
		if strings.Contains(err.Error(), "replica:") {
			t.Errorf("%v shows a package's name", err)
		}
	}
}

// TestWhatADoorRefuses: it says why in the same way, and that nothing was executed.
func TestWhatADoorRefuses(t *testing.T) {
	for code, reason := range map[connect.Code]pb.Failure_Reason{
		connect.CodeUnauthenticated: pb.Failure_REASON_UNAUTHENTICATED, connect.CodePermissionDenied: pb.Failure_REASON_FORBIDDEN,
		connect.CodeResourceExhausted: pb.Failure_REASON_QUOTA, connect.CodeInvalidArgument: pb.Failure_REASON_INVALID,
	} {
		s := serveFake(t, connect.WithGRPC())
		s.fake.fail(Denied(code, errors.New("not for you")))
		_, err := s.TryAcquire(t.Context(), &pb.TryAcquireRequest{Name: "x"})
		if got := reasonOf(t, err); connect.CodeOf(err) != code || got.GetReason() != reason || !got.GetNotExecuted() {
			t.Errorf("%v: got %v, %v", code, err, got)
		}
	}
}

// everySpeech runs a test in each of the protocols.
func everySpeech(t *testing.T, test func(*testing.T, *served)) {
	for name, options := range map[string][]connect.ClientOption{
		"gRPC": {connect.WithGRPC()}, "gRPC-Web": {connect.WithGRPCWeb()}, "JSON": {connect.WithProtoJSON()},
	} {
		t.Run(name, func(t *testing.T) { test(t, serveFake(t, options...)) })
	}
}

// TestRepeats: the same pair gets the same answer, a lower number none any more.
func TestRepeats(t *testing.T) {
	everySpeech(t, func(t *testing.T, s *served) {
		opened := must(s.OpenSession(t.Context(), &pb.OpenSessionRequest{Nonce: 77}))(t)
		if again := must(s.OpenSession(t.Context(), &pb.OpenSessionRequest{Nonce: 77}))(t); again.GetSession() != opened.GetSession() {
			t.Errorf("a repeated opening opened %s beside %s", again.GetSession(), opened.GetSession())
		}
		request := &pb.TryAcquireRequest{Session: opened.GetSession(), Name: "x", Slot: 5, Number: 1}
		first := must(s.TryAcquire(t.Context(), request))(t)
		again := must(s.TryAcquire(t.Context(), request))(t)
		if first.GetToken() == 0 || first.GetToken() != again.GetToken() {
			t.Errorf("got tokens %d and %d", first.GetToken(), again.GetToken())
		}
		undone := must(s.Cancel(t.Context(), &pb.CancelRequest{Session: opened.GetSession(), Slot: 5, Number: 1}))(t)
		if !undone.GetReleased() {
			t.Error("the grant was not given back")
		}
	})
}

func must[T any](got T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
}

// TestRefusalsCarryTheHolder: as an answer, and as the detail of an error.
func TestRefusalsCarryTheHolder(t *testing.T) {
	everySpeech(t, func(t *testing.T, s *served) {
		alice := must(s.OpenSession(t.Context(), &pb.OpenSessionRequest{
			Info: map[string]string{"user": "alice", "host": "web1", "pid": "7", "command": "make deploy"},
		}))(t).GetSession()
		held := must(s.TryAcquire(t.Context(), &pb.TryAcquireRequest{Session: alice, Name: "deploy"}))(t)
		refused := must(s.TryAcquire(t.Context(), &pb.TryAcquireRequest{Name: "deploy"}))(t)
		check := func(r *pb.Refusal) {
			t.Helper()
			const want = `"deploy" is held by alice@web1, pid 7: make deploy`
			if r.GetMessage() != want || r.GetLocks()[0].GetHolders()[0].GetToken() != held.GetToken() {
				t.Errorf("got %v", r)
			}
		}
		check(refused.GetRefusal())
		_, err := s.TryAcquire(t.Context(), &pb.TryAcquireRequest{Name: "deploy", OrFail: true})
		if connect.CodeOf(err) != connect.CodeFailedPrecondition || reasonOf(t, err).GetReason() != pb.Failure_REASON_REFUSED {
			t.Fatal(err)
		}
		if !reasonOf(t, err).GetNotExecuted() {
			t.Error("nothing stays of a request without a number, but its error does not say so")
		}
		other := must(s.OpenSession(t.Context(), &pb.OpenSessionRequest{}))(t).GetSession()
		paired := &pb.TryAcquireRequest{Session: other, Name: "deploy", Number: 1, OrFail: true}
		if _, err := s.TryAcquire(t.Context(), paired); reasonOf(t, err).GetNotExecuted() {
			t.Error("the refusal of a pair is remembered, but its error says that it was not executed")
		}
		stream := must(s.Acquire(t.Context(), &pb.AcquireRequest{Session: other, Name: "deploy", Number: 1, OrFail: true}))(t)
		defer stream.Close()
		if stream.Receive() || reasonOf(t, stream.Err()).GetReason() != pb.Failure_REASON_REFUSED || reasonOf(t, stream.Err()).GetNotExecuted() {
			t.Errorf("a stream with the same pair got %v, %v", stream.Msg(), stream.Err())
		}
		for _, d := range err.(*connect.Error).Details() {
			if m, wrong := d.Value(); wrong == nil {
				if r, ok := m.(*pb.Refusal); ok {
					check(r)
					return
				}
			}
		}
		t.Error("the error has no Refusal")
	})
}

// TestWaiting: a stream is told that it waits and where, and then of its grant.
func TestWaiting(t *testing.T) {
	everySpeech(t, func(t *testing.T, s *served) {
		held := must(s.TryAcquire(t.Context(), &pb.TryAcquireRequest{Name: "x"}))(t)
		stream := must(s.Acquire(t.Context(), &pb.AcquireRequest{Name: "x"}))(t)
		defer stream.Close()
		if !stream.Receive() {
			t.Fatal(stream.Err())
		}
		waiting := stream.Msg()
		if waiting.GetWaiting().GetPlace() != 1 || waiting.GetWaiting().GetLock().GetHolders()[0].GetSession() != held.GetSession() {
			t.Fatalf("got %v", waiting)
		}
		must(s.Release(t.Context(), &pb.ReleaseRequest{Session: held.GetSession(), Name: "x", Token: held.GetToken()}))(t)
		for stream.Receive() {
			if got := stream.Msg(); got.GetToken() > held.GetToken() && got.GetSession() == waiting.GetSession() {
				return
			}
		}
		t.Errorf("no grant came: %v", stream.Err())
	})
}

// TestWaitersThatGo: nothing stays of an Acquire whose caller has gone, unless it
// has a number.
func TestWaitersThatGo(t *testing.T) {
	s := serveFake(t, connect.WithGRPC())
	session := must(s.OpenSession(t.Context(), &pb.OpenSessionRequest{}))(t).GetSession()
	must(s.TryAcquire(t.Context(), &pb.TryAcquireRequest{Name: "x"}))(t)
	for _, test := range []struct {
		number uint64
		left   int
	}{{0, 0}, {1, 1}} {
		ctx, cancel := context.WithCancel(t.Context())
		stream := must(s.Acquire(ctx, &pb.AcquireRequest{Session: session, Name: "x", Number: test.number}))(t)
		if !stream.Receive() || stream.Msg().GetWaiting().GetPlace() != 1 {
			t.Fatalf("got %v, %v", stream.Msg(), stream.Err())
		}
		before := s.fake.entries()
		cancel()
		_ = stream.Close()
		if test.number == 0 {
			s.fake.await(t, func() bool { return s.fake.index > before })
		}
		if left := s.fake.waiting(); left != test.left {
			t.Errorf("number %d: %d wait", test.number, left)
		}
	}
	asked := must(s.TryAcquire(t.Context(), &pb.TryAcquireRequest{Session: session, Name: "x", Number: 1, Wait: durationpb.New(time.Millisecond)}))(t)
	if !asked.GetWaiting() {
		t.Errorf("the pair got %v", asked)
	}
}

// TestGrantsThatNobodyHears: what was granted to a caller who has gone is given
// back, and told to nobody.
func TestGrantsThatNobodyHears(t *testing.T) {
	for name, ask := range map[string]func(context.Context, *service) error{
		"TryAcquire": func(ctx context.Context, s *service) error {
			_, err := s.TryAcquire(ctx, &pb.TryAcquireRequest{Name: "x"})
			return err
		},
		"Acquire": func(ctx context.Context, s *service) error {
			return s.Acquire(ctx, &pb.AcquireRequest{Name: "x"}, nil) // there is nothing to send to
		},
	} {
		f := newFake()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := ask(gone, &service{backend: f, stopping: t.Context()}); connect.CodeOf(err) != connect.CodeCanceled {
			t.Errorf("%s: got %v", name, err)
		}
		if locks, sessions := f.table.Size(); locks != 0 || sessions != 0 || f.index != 4 {
			t.Errorf("%s: %d locks and %d sessions are left after %d entries", name, locks, sessions, f.index)
		}
	}
}

func (f *fake) entries() lock.Index {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.index
}

func (f *fake) waiting() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.table.Waiting()
}

// await waits for an entry after which something is so.
func (f *fake) await(t *testing.T, so func() bool) {
	t.Helper()
	for end := time.After(10 * time.Second); ; {
		f.mu.Lock()
		done, changed := so(), f.changed
		f.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-end:
			t.Fatal("it never came to be")
		}
	}
}

// TestAWaitWithAnEnd: without a number nothing is left of it, and the refusal says
// who holds the lock.
func TestAWaitWithAnEnd(t *testing.T) {
	s := serveFake(t)
	s.post(t, "TryAcquire", `{"name":"x"}`)
	status, answer := s.post(t, "TryAcquire", `{"name":"x","wait":"0.05s"}`)
	if status != 200 || !strings.Contains(fmt.Sprint(answer["refusal"]), "held by session") || s.fake.waiting() != 0 {
		t.Errorf("%d %v", status, answer)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.TryAcquire(ctx, &pb.TryAcquireRequest{Name: "x", Wait: durationpb.New(time.Minute)})
	if connect.CodeOf(err) != connect.CodeDeadlineExceeded {
		t.Errorf("after its deadline: %v", err)
	}
}

// TestStoppingEndsStreams: a node that goes says so, and does not wait for those
// who watch.
func TestStoppingEndsStreams(t *testing.T) {
	s := serveFake(t, connect.WithGRPC())
	must(s.TryAcquire(t.Context(), &pb.TryAcquireRequest{Name: "x"}))(t)
	watch := must(s.Watch(t.Context(), &pb.WatchRequest{}))(t)
	acquire := must(s.Acquire(t.Context(), &pb.AcquireRequest{Name: "x"}))(t)
	if !watch.Receive() || !acquire.Receive() {
		t.Fatal(watch.Err(), acquire.Err())
	}
	began := time.Now()
	if err := s.server.Stop(20 * time.Second); err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	for watch.Receive() {
	}
	for acquire.Receive() {
	}
	for _, err := range []error{watch.Err(), acquire.Err()} {
		if connect.CodeOf(err) != connect.CodeUnavailable || reasonOf(t, err).GetReason() != pb.Failure_REASON_STOPPING {
			t.Errorf("got %v", err)
		}
	}
}

// TestWatch: everything is told behind the index, and whoever comes back goes on
// where it was.
func TestWatch(t *testing.T) {
	everySpeech(t, func(t *testing.T, s *served) {
		watch := must(s.Watch(t.Context(), &pb.WatchRequest{Prefix: "x"}))(t)
		if !watch.Receive() || !watch.Msg().GetBegan() {
			t.Fatal(watch.Msg(), watch.Err())
		}
		began := watch.Msg().GetIndex()
		held := must(s.TryAcquire(t.Context(), &pb.TryAcquireRequest{Name: "x", Names: []string{"x2", "y"}}))(t)
		var told []string
		var last uint64
		take := func(e *pb.WatchResponse) {
			told = append(told, e.GetEvent().GetName()+" "+e.GetEvent().GetKind().String())
			last = max(last, e.GetIndex())
		}
		for len(told) < 2 && watch.Receive() {
			take(watch.Msg())
		}
		_ = watch.Close()
		want := []string{"x KIND_ACQUIRED", "x2 KIND_ACQUIRED"}
		if !slices.Equal(told, want) || last <= began {
			t.Errorf("told %v up to %d", told, last)
		}
		must(s.Revoke(t.Context(), &pb.RevokeRequest{Name: "x", Reason: "it is stuck"}))(t)
		again := must(s.Watch(t.Context(), &pb.WatchRequest{Prefix: "x", Behind: last}))(t)
		defer again.Close()
		for again.Receive() {
			if e := again.Msg().GetEvent(); e != nil {
				if e.GetKind() != pb.Event_KIND_REVOKED || e.GetReason() != "it is stuck" || e.GetToken() != held.GetToken() {
					t.Errorf("got %v", e)
				}
				return
			}
		}
		t.Error(again.Err())
	})
}

// TestPages: a list in pages is whole, whoever sets their size.
func TestPages(t *testing.T) {
	s := serveFake(t)
	for i := range 40 {
		s.post(t, "TryAcquire", fmt.Sprintf(`{"name":"n%02d"}`, i))
	}
	for _, size := range []uint32{0, 1, 7} {
		var names []string
		for token := ""; ; {
			got := must(s.ListLocks(t.Context(), &pb.ListLocksRequest{Prefix: "n", PageSize: size, PageToken: token}))(t)
			for _, l := range got.GetLocks() {
				names = append(names, l.GetName())
			}
			if token = got.GetNextPageToken(); token == "" {
				break
			}
		}
		if len(names) != 40 || !slices.IsSorted(names) {
			t.Errorf("size %d: %v", size, names)
		}
		sessions := 0
		for token := ""; ; {
			got := must(s.ListSessions(t.Context(), &pb.ListSessionsRequest{PageSize: size, PageToken: token}))(t)
			sessions += len(got.GetSessions())
			if token = got.GetNextPageToken(); token == "" {
				break
			}
		}
		if sessions != 40 {
			t.Errorf("size %d: %d sessions", size, sessions)
		}
	}
}

// TestWhatIsWorthCompressing: what is long is, and what is asked most is not.
func TestWhatIsWorthCompressing(t *testing.T) {
	s := serveFake(t)
	s.post(t, "TryAcquire", `{"name":"x","terms":{"info":{"why":"`+strings.Repeat("x", 4000)+`"}}}`)
	for method, want := range map[string]string{"ShowLock": "gzip", "Unlock": ""} {
		c := &http.Transport{DisableCompression: true} // which would hide it
		r, err := http.NewRequest("POST", "http://"+s.server.Address()+"/"+pb.LockServiceName+"/"+method, strings.NewReader(`{"name":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept-Encoding", "gzip")
		answer, err := c.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		c.CloseIdleConnections()
		if got := answer.Header.Get("Content-Encoding"); answer.StatusCode != 200 || got != want {
			t.Errorf("%s: %s, encoded as %q, want %q", method, answer.Status, got, want)
		}
	}
}

// TestHistory: who had a lock, how each tenure ended and by whom, in pages of
// every size.
func TestHistory(t *testing.T) {
	s := serveFake(t)
	open := func(user string) string {
		return must(s.OpenSession(t.Context(), &pb.OpenSessionRequest{Info: map[string]string{"user": user}}))(t).GetSession()
	}
	take := func(session string) uint64 {
		request := &pb.TryAcquireRequest{Session: session, Name: "x", Terms: &pb.Terms{Info: map[string]string{"job": "7"}}}
		return must(s.TryAcquire(t.Context(), request))(t).GetToken()
	}
	alice, bob, root := open("alice"), open("bob"), open("root")
	token := take(alice)
	must(s.Release(t.Context(), &pb.ReleaseRequest{Session: alice, Name: "x", Token: token}))(t)
	take(bob)
	must(s.Revoke(t.Context(), &pb.RevokeRequest{Session: root, Number: 1, Name: "x", Reason: "it is stuck"}))(t)
	take(bob)
	must(s.CloseSession(t.Context(), &pb.CloseSessionRequest{Session: bob}))(t)
	must(s.Lock(t.Context(), &pb.LockRequest{Name: "x"}))(t)
	must(s.Unlock(t.Context(), &pb.UnlockRequest{Name: "x"}))(t)
	last := take(alice)
	want := []string{"alice RELEASED", "bob REVOKED root it is stuck", "bob CLOSED", " RELEASED", "alice UNSPECIFIED"}
	for _, size := range []uint32{0, 1, 2, 5} {
		var told []string
		highest, pages := uint64(0), 0
		for token := ""; ; {
			got := must(s.History(t.Context(), &pb.HistoryRequest{Name: "x", PageSize: size, PageToken: token}))(t)
			for _, one := range got.GetTenures() {
				how := strings.TrimPrefix(one.GetHow().String(), "ENDING_")
				line := one.GetOwner()["user"] + " " + how + " " + one.GetByOwner()["user"] + " " + one.GetReason()
				told = append(told, strings.TrimRight(line, " "))
				if one.GetToken() <= highest {
					t.Errorf("token %d after %d", one.GetToken(), highest)
				}
				if highest = one.GetToken(); one.GetOwner() != nil && one.GetInfo()["job"] != "7" {
					t.Errorf("the grant says %v", one.GetInfo())
				}
			}
			pages++
			if token = got.GetNextPageToken(); token == "" {
				if !got.GetComplete() || got.GetBegins() != nil {
					t.Errorf("something is missing: %v", got)
				}
				break
			}
		}
		if !slices.Equal(told, want) || highest != last {
			t.Errorf("size %d: told %q up to %d", size, told, highest)
		}
		if size == 2 && pages != 3 {
			t.Errorf("%d pages", pages)
		}
	}
	status, answer := s.post(t, "History", `{"name":"x","page_size":1}`)
	first := fmt.Sprintf("complete:true nextPageToken:%d tenures:[map[how:ENDING_RELEASED info:map[job:7] mode:MODE_EXCLUSIVE owner:map[user:alice] session:%s token:%[1]d]]", token, alice)
	if status != 200 || !strings.Contains(fmt.Sprint(answer), first) {
		t.Errorf("%d %v\nwant %s", status, answer, first)
	}
	if status, answer := s.post(t, "History", `{"name":"y"}`); status != 200 || fmt.Sprint(answer) != "map[complete:true]" {
		t.Errorf("of a lock that nobody had: %d %v", status, answer)
	}
}

// TestExplain: the place in the queue, what the asker holds, and the deadlock that
// comes of it.
func TestExplain(t *testing.T) {
	s := serveFake(t)
	open := func() string { return must(s.OpenSession(t.Context(), &pb.OpenSessionRequest{}))(t).GetSession() }
	a, b := open(), open()
	wait := func(session, name string) {
		must(s.TryAcquire(t.Context(), &pb.TryAcquireRequest{
			Session: session, Name: name, Number: 2, Wait: durationpb.New(time.Millisecond),
			Terms: &pb.Terms{Sequential: true, AllowDeadlock: true},
		}))(t)
	}
	must(s.TryAcquire(t.Context(), &pb.TryAcquireRequest{Session: a, Name: "x", Slot: 1, Number: 1}))(t)
	must(s.TryAcquire(t.Context(), &pb.TryAcquireRequest{Session: b, Name: "y", Slot: 1, Number: 1}))(t)
	wait(a, "y")
	wait(b, "x")
	got := must(s.Explain(t.Context(), &pb.ExplainRequest{Name: "y", Session: a}))(t)
	const want = `"y" is held by session %s
You are the next.
You hold "x", for which others wait: 1.
Never by itself: this is a deadlock.`
	if got.GetMessage() != fmt.Sprintf(want, b) || got.GetPlace() != 1 || len(got.GetDeadlocks()) != 1 || got.GetMine()[0].GetName() != "x" {
		t.Errorf("got %v", got)
	}
	if cycles := must(s.ListDeadlocks(t.Context(), &pb.ListDeadlocksRequest{}))(t).GetDeadlocks(); len(cycles) != 1 || len(cycles[0].GetSteps()) != 2 {
		t.Errorf("got %v", cycles)
	}
	shown := must(s.ShowSession(t.Context(), &pb.ShowSessionRequest{Session: a}))(t)
	if len(shown.GetLocks()) != 2 || shown.GetSession().GetHolds() != 1 || shown.GetSession().GetWaits() != 1 {
		t.Errorf("got %v", shown)
	}
}

func TestOwnerlessLocks(t *testing.T) {
	s := serveFake(t)
	for i, want := range []string{`{"locked":true}`, `belongs to nobody: Unlock frees it`} {
		status, answer := s.post(t, "Lock", `{"name":"x"}`)
		text, _ := json.Marshal(answer)
		if status != 200 || !strings.Contains(string(text), want) {
			t.Errorf("%d: %d %s", i, status, text)
		}
	}
	for i, want := range []bool{true, false} {
		if got := must(s.Unlock(t.Context(), &pb.UnlockRequest{Name: "x"}))(t); got.GetUnlocked() != want {
			t.Errorf("%d: %v", i, got)
		}
	}
}

// TestKindsOfEventsAreThoseOfTheTable: eventCard relies on it.
func TestKindsOfEventsAreThoseOfTheTable(t *testing.T) {
	for kind, want := range map[lock.EventKind]pb.Event_Kind{
		lock.LockAcquired: pb.Event_KIND_ACQUIRED, lock.LockReleased: pb.Event_KIND_RELEASED, lock.LockExpired: pb.Event_KIND_EXPIRED,
		lock.LockRevoked: pb.Event_KIND_REVOKED, lock.LockOverheld: pb.Event_KIND_OVERHELD, lock.LockReopened: pb.Event_KIND_REOPENED,
		lock.WaitBegan: pb.Event_KIND_WAIT_BEGAN, lock.WaitEnded: pb.Event_KIND_WAIT_ENDED, lock.SessionOpened: pb.Event_KIND_SESSION_OPENED,
		lock.SessionClosed: pb.Event_KIND_SESSION_CLOSED, lock.SessionEnded: pb.Event_KIND_SESSION_ENDED,
	} {
		if got := eventCard(lock.Event{Kind: kind}).GetKind(); got != want {
			t.Errorf("%d: got %v, want %v", kind, got, want)
		}
	}
}

// TestNoAnswerForEver: a request without a deadline gets an error in the end.
func TestNoAnswerForEver(t *testing.T) {
	s := serveFake(t)
	s.fake.fail(fmt.Errorf("%w: %w", replica.ErrNoQuorum, context.DeadlineExceeded))
	if status, answer := s.post(t, "TryAcquire", `{"name":"x"}`); status != 503 || !strings.Contains(fmt.Sprint(answer["message"]), "no quorum") {
		t.Errorf("%d %v", status, answer)
	}
	ctx, cancel := within(context.Background(), time.Minute)
	defer cancel()
	if end, has := ctx.Deadline(); !has || time.Until(end) > answerWithin+time.Minute {
		t.Errorf("it may take until %v", end)
	}
}
