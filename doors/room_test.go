package doors

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"lockstep/api"
)

// TestWhoIsKnownStays: when the port has little room left, strangers make some, who came
// later than he, even if they have asked for something; and he asks again where he has asked.
func TestWhoIsKnownStays(t *testing.T) {
	secret, line := newToken(t, "ci")
	s := newScene(t, line)
	server := port(t, api.ServerConfig{Room: 8, Door: s.doors.Porter, Many: func(net.Addr) bool { return true }})
	watched := make(chan struct{})
	server.Handle("/grpc.health.v1.Health/Watch", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		watched <- struct{}{}
		<-r.Context().Done()
	}))
	server.Serve()
	defer func() { _ = server.Stop(0) }()
	comes := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", server.Address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(4 * time.Second)) // a second before the port ends silences
		return conn
	}
	known := comes()
	asks := func() {
		t.Helper()
		_, _ = io.WriteString(known, "GET /livez HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "+secret+"\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(known), nil)
		if err != nil {
			t.Fatalf("who is known gets no answer: %v", err)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s, %v", answer.Status, err)
		}
	}
	asks()
	first := comes()
	_, _ = io.WriteString(first, "GET /grpc.health.v1.Health/Watch HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-watched
	for range 5 {
		comes()
	}
	if _, err := first.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the first of the strangers is still there: %v", err)
	}
	asks()
}

// TestStrangersKeepNoRoom: whatever they are refused for; who is known keeps his connection.
func TestStrangersKeepNoRoom(t *testing.T) {
	secret, line := newToken(t, "ci")
	porter := newScene(t, line).doors.Porter(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("somebody is let in") }))
	for _, test := range []struct {
		secret, site string
		closes       bool
	}{{"", "", true}, {"", "cross-site", true}, {"x", "cross-site", true}, {secret, "cross-site", false}} {
		r, w := bearing(test.secret), httptest.NewRecorder()
		r.Header.Set("Sec-Fetch-Site", test.site)
		if porter.ServeHTTP(w, r); (w.Header().Get("Connection") == "close") != test.closes {
			t.Errorf("%+v: %d, %v", test, w.Code, w.Header())
		}
	}
}
