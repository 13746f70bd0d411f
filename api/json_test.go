package api

import (
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	pb "lockstep/api/lockstep/v1"
)

// TestMisspelled: what a request does not have is refused, with what may have been
// meant, and nothing has come of it.
func TestMisspelled(t *testing.T) {
	s := serveFake(t)
	for _, test := range []struct{ method, body, want string }{
		{"TryAcquire", `{"nmae":"x"}`, `TryAcquireRequest has no field "nmae": is "name" meant?`},
		{"TryAcquire", `{"name":"x","wait_second":3}`, `TryAcquireRequest has no field "wait_second": is "wait" meant?`},
		{"TryAcquire", `{"nam":"x"}`, `no field "nam": is "name" or "names" meant?`},
		{"TryAcquire", `{"name":"x","TTL":"2s"}`, `no field "TTL": is "ttl" meant?`},
		{"TryAcquire", `{"name":"x","or-fail":true}`, `no field "or-fail": is "orFail" meant?`},
		{"TryAcquire", `{"name":"x","max_hold":"2s"}`, `no field "max_hold": it belongs into "terms"`},
		{"TryAcquire", `{"name":"x","reentrant":true}`, `it belongs into "terms"`},
		{"TryAcquire", `{"name":"x","x":1}`, `no field "x": it has session, name, names, mode, permits, of, also, terms, wait, orFail, slot, number, ttl`},
		{"TryAcquire", `{"name":"x","":1}`, `no field "": it has session`},
		{"TryAcquire", `{"name":"x","terms":{"maxhodl":"2s"}}`, `Terms has no field "maxhodl": is "maxHold" meant?`},
		{"TryAcquire", `{"name":"x","terms":{"under":{"name":"y","tokn":"3"}}}`, `Grant has no field "tokn": is "token" meant?`},
		{"TryAcquire", `{"name":"x","also":[{"name":"y"},{"nam":"z"}]}`, `Want has no field "nam": is "name" meant?`},
		{"TryAcquire", `{"name":"x","mode":"MODE_SHRAED"}`, `mode has no value "MODE_SHRAED": is "MODE_SHARED" meant?`},
		{"TryAcquire", `{"name":"x","mode":"shared"}`, `mode has no value "shared": is "MODE_SHARED" meant?`},
		{"TryAcquire", `{"name":"x","also":[{"name":"y","mode":"x"}]}`, `mode has no value "x": it has MODE_UNSPECIFIED, MODE_EXCLUSIVE,`},
		{"TryAcquire", `{"name":"x","wiat":"2s","also":[`, `no field "wiat": is "wait" meant?`},
		{"TryAcquire", `{"name":"x","` + strings.Repeat("name", 20) + `":1}`, `no field "` + strings.Repeat("name", 10) + `": it has session`},
		{"Lock", `{"Name":"x"}`, `LockRequest has no field "Name": is "name" meant?`},
		{"Status", `{"name":"x"}`, `StatusRequest has no field "name": it has none`},
		{"TryAcquire", `{"name":"` + strings.Repeat("x", mostLookedThrough) + `","nam":1}`, `unknown field "nam"`},
		{"TryAcquire", `{"name":"x","` + strings.Repeat("x", mostLookedThrough) + `":1}`, `unknown field "xxx`},
		// What is wrong in another way is told as such.
		{"TryAcquire", `{"name":"x","wait":"1m"}`, `invalid google.protobuf.Duration value "1m"`},
		{"TryAcquire", `{"name":"x","wait":{"second":1}}`, "unexpected token {"},
		{"TryAcquire", `{"name":"x","name":"y"}`, `duplicate field "name"`},
		{"TryAcquire", `{"also":{"nam":"z"}}`, "unexpected token {"},
		{"TryAcquire", `["nam"]`, "unexpected token ["},
		{"TryAcquire", `{"name":"x",}`, "syntax error"},
		{"TryAcquire", ``, "there is none: the least is {}"},
	} {
		status, answer := s.post(t, test.method, test.body)
		message, _ := answer["message"].(string)
		if status != 400 || answer["code"] != "invalid_argument" || !strings.Contains(message, test.want) || len(message) > 2*mostSaid {
			t.Errorf("%s %.80s: %d %v, want %s", test.method, test.body, status, answer, test.want)
		}
	}
	if _, sessions := s.fake.table.Size(); sessions != 0 {
		t.Errorf("%d sessions are left", sessions)
	}
}

// sends a request to the service as somebody does whose client is not one of ours.
func (s *served) sends(t *testing.T, httpMethod, call, kind, body string) (answer *http.Response, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), httpMethod, "http://"+s.server.Address()+"/"+pb.LockServiceName+"/"+call, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	answer, err = (&http.Client{Transport: s.transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(all)
}

// framed is a message of a stream.
func framed(message string) string {
	return string(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))) + message
}

// TestMisspelledInEachForm: JSON is read alike, however its content type is written.
func TestMisspelledInEachForm(t *testing.T) {
	s := serveFake(t)
	for _, test := range []struct{ call, kind, body string }{
		{"ShowLock", "application/json", `{"nam":"x"}`},
		{"ShowLock", "application/json; charset=UTF-8", `{"nam":"x"}`},
		{"ShowLock", "application/grpc+json", framed(`{"nam":"x"}`)},
		{"ShowLock", "application/grpc-web+json", framed(`{"nam":"x"}`)},
		{"Acquire", "application/connect+json", framed(`{"nam":"x"}`)},
		{"Acquire", "application/connect+json; charset=utf-8", framed(`{"nam":"x"}`)},
		{"Acquire", "application/grpc+json", framed(`{"nam":"x"}`)},
	} {
		answer, text := s.sends(t, "POST", test.call, test.kind, test.body)
		told := text + answer.Header.Get("Grpc-Message") + answer.Trailer.Get("Grpc-Message")
		if !strings.Contains(told, "nam") || !strings.Contains(told, "meant?") {
			t.Errorf("%s as %s: %s %q %v", test.call, test.kind, answer.Status, text, answer.Trailer)
		}
	}
}

// TestNothingElseIsMisspelled: every call takes every field of its, in both spellings.
func TestNothingElseIsMisspelled(t *testing.T) {
	var try func(in protoreflect.MessageDescriptor, before, behind string)
	root := protoreflect.MessageDescriptor(nil)
	try = func(in protoreflect.MessageDescriptor, before, behind string) {
		for i := range in.Fields().Len() {
			field := in.Fields().Get(i)
			for _, name := range []string{field.JSONName(), field.TextName()} {
				body := before + `{"` + name + `":null}` + behind
				if err := (jsonCodec{}).Unmarshal([]byte(body), dynamicpb.NewMessage(root)); err != nil {
					t.Errorf("%s %s: %v", root.Name(), body, err)
				}
				if slip := slipIn(root, []byte(body)); slip != nil {
					t.Errorf("%s %s: %v", root.Name(), body, slip)
				}
				switch sub := ours(field); {
				case sub != nil && field.IsList():
					try(sub, before+`{"`+name+`":[`, `]}`+behind)
				case sub != nil:
					try(sub, before+`{"`+name+`":`, `}`+behind)
				}
			}
		}
	}
	calls := pb.File_lockstep_v1_lockstep_proto.Services().Get(0).Methods()
	for i := range calls.Len() {
		root = calls.Get(i).Input()
		try(root, "", "")
	}
}

// TestInfoIsTheCallers: in it every name is one.
func TestInfoIsTheCallers(t *testing.T) {
	s := serveFake(t)
	if status, answer := s.post(t, "OpenSession", `{"info":{"nmae":"x","wait_second":"3"}}`); status != 200 {
		t.Errorf("%d %v", status, answer)
	}
	if status, answer := s.post(t, "OpenSession", `{"info":{"nmae":"x"},"tll":"2s"}`); status != 400 || !strings.Contains(answer["message"].(string), `"tll"`) {
		t.Errorf("%d %v", status, answer)
	}
}

// FuzzSlips looks for slips in anything: it finds none in what is a message.
func FuzzSlips(f *testing.F) {
	for _, body := range []string{
		`{}`, `{"name":"x","also":[{"name":"z","mode":"MODE_SHARED"}],"wait":"0.001s"}`, `{"terms":{"under":{"tokn":3}}}`, `[{]`, `{"a":`, `{"also":[1]`,
	} {
		f.Add(body)
	}
	in := (*pb.TryAcquireRequest)(nil).ProtoReflect().Descriptor()
	f.Fuzz(func(t *testing.T, body string) {
		slip := slipIn(in, []byte(body))
		if err := (jsonCodec{}).Unmarshal([]byte(body), new(pb.TryAcquireRequest)); err == nil && slip != nil {
			t.Errorf("%q is a message, and %v", body, slip)
		}
	})
}
