package api

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "lockstep/api/lockstep/v1"
)

// astray answers who has found the service, and not what he wants of it: each gets the
// status that HTTP has for that, and the way out in the protocol that he speaks.
// connect answers with the status alone.
type astray struct {
	service http.Handler
	calls   protoreflect.MethodDescriptors
	says    *connect.ErrorWriter
}

func helpAstray(service http.Handler) http.Handler {
	return &astray{service, pb.File_lockstep_v1_lockstep_proto.Services().ByName("LockService").Methods(), connect.NewErrorWriter()}
}

func (a *astray) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/"+pb.LockServiceName+"/")
	call := a.calls.ByName(protoreflect.Name(name))
	if call == nil {
		a.answer(w, r, http.StatusNotFound, connect.CodeUnimplemented,
			fmt.Sprintf("LockService has no call %.40q: %s", name, meant(name, namesOf(a.calls))))
		return
	}
	a.service.ServeHTTP(&astrayWriter{w, func(status int) bool {
		switch status {
		case http.StatusMethodNotAllowed:
			a.answer(w, r, status, connect.CodeInvalidArgument,
				fmt.Sprintf("%s wants a POST with the request in JSON, and not %.20q", name, r.Method))
		case http.StatusUnsupportedMediaType:
			a.answer(w, r, status, connect.CodeInvalidArgument, wantsKind(call, r.Header.Get("Content-Type")))
		default:
			return false
		}
		return true
	}}, r)
}

// wantsKind says in which form a call is asked for.
func wantsKind(call protoreflect.MethodDescriptor, sent string) string {
	text := fmt.Sprintf(`%s wants a header "Content-Type: application/json"`, call.Name())
	if call.IsStreamingServer() {
		text = fmt.Sprintf(`%s is a stream, and wants a header "Content-Type: application/connect+json"`, call.Name())
	}
	if sent != "" {
		text += fmt.Sprintf(", and not %.80q", sent)
	}
	return text + ": Accept-Post, in the header of this, has the others"
}

// answer tells it, when the request has been heard out: whoever still sends it may not
// look at an answer. What is not said to be short, as a stream of gRPC's, is not read.
func (a *astray) answer(w http.ResponseWriter, r *http.Request, status int, code connect.Code, text string) {
	if r.ContentLength > 0 && r.ContentLength <= MaxRequestBytes {
		_, _ = io.Copy(io.Discard, r.Body) // it has its limits, as every body
	}
	why := failed(code, pb.Failure_REASON_INVALID, true, text)
	_ = a.says.Write(&statusWriter{w, status}, r, why) // who does not read it has gone
}

// statusWriter has an error that is told with HTTP's status told with another. Streams
// and gRPC tell it behind a 200.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	if status != http.StatusOK {
		status = s.status
	}
	s.ResponseWriter.WriteHeader(status)
}

// astrayWriter has a status answered by somebody else, who reports whether he has.
type astrayWriter struct {
	http.ResponseWriter
	instead func(status int) bool
}

func (a *astrayWriter) WriteHeader(status int) {
	if !a.instead(status) {
		a.ResponseWriter.WriteHeader(status)
	}
}

// Unwrap lets a handler reach what only the connection can do.
func (a *astrayWriter) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Flush is what streams end each message with.
func (a *astrayWriter) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() }
