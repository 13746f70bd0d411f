package trust

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"
)

// TestProbe: what keeps a client and a node from talking gets a name.
func TestProbe(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	issue(t, dir, Grantee{Name: "a", Hosts: []string{"ha"}}, Grantee{Name: "alice"})
	issue(t, other, Grantee{Name: "alice"})
	a, alice := open(t, FilesIn(dir, "a")), open(t, FilesIn(dir, "alice"))
	stranger := Identity{Certificate: open(t, FilesIn(other, "alice")).Identity().Certificate, Authorities: alice.Identity().Authorities}
	plain := func(conn net.Conn) { conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }
	node := func(conn net.Conn) {
		config := a.Identity().Listening()
		config.NextProtos = []string{"h2"}
		server := tls.Server(conn, config)
		if server.Handshake() == nil {
			server.Write([]byte("settings"))
		}
	}
	for _, test := range []struct {
		name   string
		own    Source
		host   string
		server func(net.Conn)
		want   string
	}{
		{"all is well", alice, "ha", node, ""},
		{"another host", alice, "hb", node, `its certificate is for "a" at ha, and not for a node at hb`},
		{"another authority", stranger, "ha", node, "refuses our certificate: "},
		{"no certificate of ours", nil, "ha", node, ErrSpeaksTLS.Error()},
		{"none of either", nil, "ha", plain, ""},
		{"none of theirs", alice, "ha", plain, "speaks without TLS"},
	} {
		one, two := connected(t)
		go func() {
			defer two.Close()
			test.server(two)
		}()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		err := Probe(ctx, test.own, one, test.host)
		cancel()
		one.Close()
		if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// TestProbeOfSilence: a node that says nothing has nothing against us.
func TestProbeOfSilence(t *testing.T) {
	dir := t.TempDir()
	issue(t, dir, Grantee{Name: "alice"})
	for _, own := range []Source{nil, open(t, FilesIn(dir, "alice"))} {
		conn, _ := connected(t)
		ctx, cancel := context.WithDeadline(context.Background(), time.Now())
		if err := Probe(ctx, own, conn, "h"); err != nil {
			t.Errorf("%v", err)
		}
		cancel()
	}
}
