package doors

import (
	"net"
	"net/http"
	"testing"
	"time"

	"lockstep/api"
)

// TestPagesAtARealPort: what a page on somebody's machine can do against a port that
// asks nobody who he is comes to nothing, whatever protocol its browser speaks.
func TestPagesAtARealPort(t *testing.T) {
	d := New(Config{Journal: NewJournal(nil)})
	server := port(t, api.ServerConfig{Door: d.Porter})
	api.Mount(server, d.Guard(newHouse()))
	server.Serve()
	defer func() { _ = server.Stop(time.Second) }()
	_, number, _ := net.SplitHostPort(server.Address())
	for _, version := range []int{1, 2} {
		var protocols http.Protocols
		protocols.SetHTTP1(version == 1)
		protocols.SetUnencryptedHTTP2(version == 2)
		transport := &http.Transport{Protocols: &protocols}
		for _, test := range []struct {
			what, host, header, value string
			status                    int
		}{
			{"a program", "", "", "", http.StatusOK},
			{"a program that says localhost", "localhost:" + number, "", "", http.StatusOK},
			{"a page whose name was made to stand for this machine", "evil.example:" + number, "", "", http.StatusForbidden},
			{"and whose browser says that it is of this port", "evil.example:" + number, "Sec-Fetch-Site", "same-origin", http.StatusForbidden},
			{"a page of another site", "", "Origin", "https://evil.example", http.StatusForbidden},
			{"a page at another port", "", "Sec-Fetch-Site", "same-site", http.StatusForbidden},
		} {
			r, err := http.NewRequest(http.MethodPost, "http://"+server.Address()+"/lockstep.v1.LockService/Status", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = test.host
			r.Header.Set("Content-Type", "application/proto")
			if test.header != "" {
				r.Header.Set(test.header, test.value)
			}
			answer, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != test.status || answer.ProtoMajor != version {
				t.Errorf("%s, HTTP/%d: %s by HTTP/%d; want %d", test.what, version, answer.Status, answer.ProtoMajor, test.status)
			}
		}
		transport.CloseIdleConnections()
	}
}
