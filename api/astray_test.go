package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "lockstep/api/lockstep/v1"
)

// TestAstray: whoever asks in a way that is none gets HTTP's status for it, and a line
// that says which there are.
func TestAstray(t *testing.T) {
	s := serveFake(t)
	const all = "OpenSession, KeepAlive, CloseSession, TryAcquire, Acquire, Cancel, Release, Lock, Unlock, ShowLock"
	for _, test := range []struct {
		method, call, kind string
		status             int
		code, want         string
	}{
		{"POST", "Explode", "application/json", 404, "unimplemented", `LockService has no call "Explode": it has ` + all},
		{"GET", "", "", 404, "unimplemented", `LockService has no call "": it has ` + all},
		{"POST", "tryacquire", "application/json", 404, "unimplemented", `is "TryAcquire" meant?`},
		{"POST", "TryAquire", "", 404, "unimplemented", `is "TryAcquire" meant?`},
		{"POST", "Lock/", "application/proto", 404, "unimplemented", `no call "Lock/": is "Lock" meant?`},
		{"GET", "Status", "", 405, "invalid_argument", `Status wants a POST with the request in JSON, and not "GET"`},
		{"PUT", "Lock", "application/json", 405, "invalid_argument", `Lock wants a POST with the request in JSON, and not "PUT"`},
		{"POST", "Lock", "", 415, "invalid_argument", `Lock wants a header "Content-Type: application/json": Accept-Post`},
		{"POST", "Lock", "application/x-www-form-urlencoded", 415, "invalid_argument", `"Content-Type: application/json", and not "application/x-www-form-urlencoded": Accept-Post`},
		{"POST", "Lock", "application/json; charset=latin1", 415, "invalid_argument", `and not "application/json; charset=latin1"`},
		{"POST", "Watch", "application/json", 415, "invalid_argument", `Watch is a stream, and wants a header "Content-Type: application/connect+json", and not "application/json"`},
	} {
		answer, text := s.sends(t, test.method, test.call, test.kind, "{}")
		var failed struct {
			Code, Message string
			Details       []struct{ Debug struct{ NotExecuted bool } }
		}
		if err := json.Unmarshal([]byte(text), &failed); err != nil || answer.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s as %q: %s %q", test.method, test.call, test.kind, answer.Status, text)
			continue
		}
		if answer.StatusCode != test.status || failed.Code != test.code || !strings.Contains(failed.Message, test.want) {
			t.Errorf("%s %s as %q: %s %+v, want %d, %s: %s", test.method, test.call, test.kind, answer.Status, failed, test.status, test.code, test.want)
		}
		if len(failed.Details) != 1 || !failed.Details[0].Debug.NotExecuted {
			t.Errorf("%s %s as %q: it does not say that nothing was done: %s", test.method, test.call, test.kind, text)
		}
		if test.status == 405 && answer.Header.Get("Allow") != "POST" || test.status == 415 && !strings.Contains(answer.Header.Get("Accept-Post"), "application/grpc") {
			t.Errorf("%s %s as %q: %v", test.method, test.call, test.kind, answer.Header)
		}
	}
	if answer, text := s.sends(t, "HEAD", "Lock", "", ""); answer.StatusCode != 405 || text != "" {
		t.Errorf("HEAD: %s %q", answer.Status, text)
	}
}

// TestAstrayInEachProtocol: clients of other calls than there are, as of newer
// versions, learn of it in the words of their protocol.
func TestAstrayInEachProtocol(t *testing.T) {
	s := serveFake(t)
	const explode = "/" + pb.LockServiceName + "/Explode"
	for name, options := range map[string][]connect.ClientOption{
		"Connect": nil, "Connect in JSON": {connect.WithProtoJSON()}, "gRPC": {connect.WithGRPC()}, "gRPC-Web": {connect.WithGRPCWeb()},
	} {
		c := connect.NewClient[pb.StatusRequest, pb.StatusResponse](&http.Client{Transport: s.transport}, "http://"+s.server.Address()+explode, options...)
		_, err := c.CallUnary(t.Context(), connect.NewRequest(&pb.StatusRequest{}))
		stream, wrong := c.CallServerStream(t.Context(), connect.NewRequest(&pb.StatusRequest{}))
		if wrong == nil {
			for stream.Receive() {
				t.Errorf("%s: a stream of what there is not", name)
			}
			wrong = errors.Join(stream.Err(), stream.Close())
		}
		for _, err := range []error{err, wrong} {
			if connect.CodeOf(err) != connect.CodeUnimplemented || !strings.Contains(err.Error(), `has no call "Explode": it has`) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if !reasonOf(t, err).GetNotExecuted() {
			t.Errorf("%s: %v does not say that nothing was done", name, err)
		}
	}
	answer, _ := s.sends(t, "POST", "Lock", "application/grpc+thrift", "")
	if answer.StatusCode != 200 || answer.Trailer.Get("Grpc-Status") != "3" || !strings.Contains(answer.Trailer.Get("Grpc-Message"), "application/grpc+thrift") {
		t.Errorf("gRPC in a form that is none: %s %v", answer.Status, answer.Trailer)
	}
	err := dialGRPC(t, s.server).Invoke(t.Context(), explode, &pb.StatusRequest{}, &pb.StatusResponse{})
	if status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), `has no call "Explode"`) {
		t.Errorf("gRPC's own: %v", err)
	}
}

// counted is a body of which is counted what was read.
type counted struct {
	io.Reader
	read int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read += n
	return n, err
}

// TestAstrayIsHeardOut: what is said to be short; the rest may never come.
func TestAstrayIsHeardOut(t *testing.T) {
	s := newServer(config("nowhere"), newPipes())
	t.Cleanup(func() { _ = s.Stop(0) })
	Mount(s, newFake())
	for says, reads := range map[int64]int{MaxRequestBytes: MaxRequestBytes, MaxRequestBytes + 1: 0, -1: 0} {
		body := &counted{Reader: strings.NewReader(strings.Repeat("x", MaxRequestBytes))}
		r := httptest.NewRequest("POST", "/"+pb.LockServiceName+"/Explode", body)
		r.ContentLength = says
		w := httptest.NewRecorder()
		if s.http.Handler.ServeHTTP(w, r); w.Code != 404 || body.read != reads {
			t.Errorf("of a body that says %d: %d bytes were read before a %d", says, body.read, w.Code)
		}
	}
}
