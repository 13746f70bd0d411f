package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	pb "lockstep/api/lockstep/v1"
)

// FuzzJSON sends anything to any call: it gets an answer or an error of JSON, and
// never one that says that the node is broken.
func FuzzJSON(f *testing.F) {
	for i, body := range []string{
		`{}`, `{"name":"x"}`, `{"name":"x","names":["y"],"also":[{"name":"z","mode":"MODE_SHARED"}],"wait":"0.001s"}`,
		`{"session":"0000010000000001","name":"x","token":"1","slot":1,"number":"2"}`, `{"ttl":"10s","info":{"a":"b"},"nonce":"1"}`,
		`{"name":"x","terms":{"max_hold":"2s","under":{"name":"y","token":"3"}}}`, `{"prefix":"a","page_size":1,"page_token":"b"}`, `[]`, `{"name":`,
	} {
		f.Add(uint8(i), body)
	}
	methods := pb.File_lockstep_v1_lockstep_proto.Services().Get(0).Methods()
	var unary []string
	for i := range methods.Len() {
		if !methods.Get(i).IsStreamingServer() {
			unary = append(unary, string(methods.Get(i).Name()))
		}
	}
	s := newServer(config("nowhere"), newPipes())
	f.Cleanup(func() { _ = s.Stop(0) })
	Mount(s, newFake())
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		if strings.Contains(body, "wait") {
			t.Skip("it would only take long")
		}
		method := unary[int(which)%len(unary)]
		r := httptest.NewRequest("POST", "/"+pb.LockServiceName+"/"+method, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.http.Handler.ServeHTTP(w, r)
		var answer map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%s %q: %d %q", method, body, w.Code, w.Body)
		}
		switch w.Code {
		case http.StatusOK, http.StatusBadRequest, http.StatusNotFound, http.StatusTooManyRequests:
		default:
			t.Errorf("%s %q: %d %v", method, body, w.Code, answer)
		}
	})
}
