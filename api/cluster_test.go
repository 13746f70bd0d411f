package api

import (
	"context"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "lockstep/api/lockstep/v1"
	"lockstep/locktest"
)

// onNodes serves the API on each node of a real cluster, and returns a client of
// each.
func onNodes(t *testing.T) (*locktest.Cluster, []pb.LockServiceClient) {
	t.Helper()
	c := locktest.StartCluster(t, 3)
	c.AwaitReady()
	var clients []pb.LockServiceClient
	for i := range 3 {
		agents := c.StartAgents(i)
		cfg := config("127.0.0.1:0")
		cfg.Ready = func(ctx context.Context) error { return CanGrant(ctx, agents) }
		s := serve(t, cfg, func(s *Server) { Mount(s, agents) })
		var p http.Protocols
		p.SetUnencryptedHTTP2(true)
		transport := &http.Transport{Protocols: &p}
		t.Cleanup(transport.CloseIdleConnections)
		clients = append(clients, pb.NewLockServiceClient(&http.Client{Transport: transport}, "http://"+s.Address(), connect.WithGRPC()))
	}
	return c, clients
}

// TestAnyNodeTakesAnyRequest: one session is used at three nodes, and a request
// that is repeated elsewhere was executed once.
func TestAnyNodeTakesAnyRequest(t *testing.T) {
	_, at := onNodes(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	session := must(at[0].OpenSession(ctx, &pb.OpenSessionRequest{Ttl: durationpb.New(20 * time.Second)}))(t).GetSession()
	if ttl := must(at[1].KeepAlive(ctx, &pb.KeepAliveRequest{Session: session}))(t).GetTtl().AsDuration(); ttl != 20*time.Second {
		t.Errorf("another node says that the TTL is %v", ttl)
	}
	watch := must(at[2].Watch(ctx, &pb.WatchRequest{Prefix: "x"}))(t)
	if !watch.Receive() || !watch.Msg().GetBegan() {
		t.Fatal(watch.Msg(), watch.Err())
	}
	request := &pb.TryAcquireRequest{Session: session, Name: "x", Number: 7}
	token := must(at[1].TryAcquire(ctx, request))(t).GetToken()
	if again := must(at[2].TryAcquire(ctx, request))(t).GetToken(); token == 0 || again != token {
		t.Errorf("got tokens %d and %d", token, again)
	}
	if !watch.Receive() || watch.Msg().GetEvent().GetToken() != token {
		t.Errorf("told %v, %v", watch.Msg(), watch.Err())
	}
	seen := watch.Msg().GetIndex()
	_ = watch.Close()

	stream := must(at[2].Acquire(ctx, &pb.AcquireRequest{Name: "x", Ttl: durationpb.New(20 * time.Second)}))(t)
	defer stream.Close()
	if !stream.Receive() || stream.Msg().GetWaiting().GetPlace() != 1 {
		t.Fatal(stream.Msg(), stream.Err())
	}
	must(at[0].Release(ctx, &pb.ReleaseRequest{Session: session, Name: "x", Token: token}))(t)
	var next uint64
	for next == 0 && stream.Receive() {
		next = stream.Msg().GetToken()
	}
	if next <= token {
		t.Errorf("token %d after %d: %v", next, token, stream.Err())
	}
	if !must(at[1].Verify(ctx, &pb.VerifyRequest{Name: "x", Token: next}))(t).GetCurrent() {
		t.Error("the grant is not current")
	}
	had := must(at[2].History(ctx, &pb.HistoryRequest{Name: "x"}))(t)
	if all := had.GetTenures(); !had.GetComplete() || len(all) != 2 || all[0].GetToken() != token || all[1].GetToken() != next {
		t.Errorf("the history is %v", had)
	}
	// The watcher goes on at another node, where it was.
	watch = must(at[0].Watch(ctx, &pb.WatchRequest{Prefix: "x", Behind: seen}))(t)
	defer watch.Close()
	for watch.Receive() {
		if e := watch.Msg().GetEvent(); e.GetKind() == pb.Event_KIND_ACQUIRED {
			if e.GetToken() != next {
				t.Errorf("told %v", e)
			}
			return
		}
	}
	t.Error(watch.Err())
}

// TestAWaitOutlastsItsSessionsTTL: whoever waits with a session that it does not
// know yet cannot keep it alive. Its listening does, and nothing after it.
func TestAWaitOutlastsItsSessionsTTL(t *testing.T) {
	_, at := onNodes(t)
	must(at[0].TryAcquire(t.Context(), &pb.TryAcquireRequest{Name: "x", Ttl: durationpb.New(time.Minute)}))(t)
	request := &pb.TryAcquireRequest{Name: "x", Ttl: durationpb.New(time.Second), Wait: durationpb.New(4 * time.Second)}
	refused := must(at[1].TryAcquire(t.Context(), request))(t)
	if refused.GetRefusal() == nil {
		t.Fatalf("got %v", refused)
	}
	must(at[2].KeepAlive(t.Context(), &pb.KeepAliveRequest{Session: refused.GetSession()}))(t)

	request.Wait = durationpb.New(time.Minute)
	gone, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if _, err := at[1].TryAcquire(gone, request); connect.CodeOf(err) != connect.CodeDeadlineExceeded {
		t.Fatalf("a wait ended before its caller went: %v", err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		sessions := must(at[2].ListSessions(t.Context(), &pb.ListSessionsRequest{}))(t).GetSessions()
		alive := 0
		for _, s := range sessions {
			if s.GetTtl().AsDuration() == time.Second {
				alive++
			}
		}
		if alive == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("sessions that nobody is heard of live on: %v", sessions)
		}
	}
}

// TestNodesDie: a session outlives the node that it was opened at; without a
// majority everything ends with a word about it.
func TestNodesDie(t *testing.T) {
	c, at := onNodes(t)
	primary := c.Primary()
	other, last := (primary+1)%3, (primary+2)%3
	held := must(at[primary].TryAcquire(t.Context(), &pb.TryAcquireRequest{Name: "x", Ttl: durationpb.New(time.Minute)}))(t)
	c.Kill(primary)
	must(at[other].KeepAlive(t.Context(), &pb.KeepAliveRequest{Session: held.GetSession()}))(t)
	if !must(at[last].Verify(t.Context(), &pb.VerifyRequest{Name: "x", Token: held.GetToken()}))(t).GetCurrent() {
		t.Error("the lock was lost with its node")
	}
	c.Kill(other)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := at[last].TryAcquire(ctx, &pb.TryAcquireRequest{Name: "y"})
	if connect.CodeOf(err) != connect.CodeUnavailable || reasonOf(t, err).GetReason() != pb.Failure_REASON_NO_QUORUM {
		t.Errorf("without a majority: %v", err)
	}
}
