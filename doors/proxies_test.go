package doors

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func proxies(t *testing.T, text string) Proxies {
	t.Helper()
	all, err := ParseProxies(text)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestProxiesThatCannotBeMeant: each is refused in a line that names it.
func TestProxiesThatCannotBeMeant(t *testing.T) {
	for text, want := range map[string]string{
		"proxy.example":         `"proxy.example" is no network: want an address such as 10.0.0.7`,
		"10.0.0.0/8,10.0.0.0/x": `"10.0.0.0/x" is no network`,
		"10.0.0.7:80":           `"10.0.0.7:80" is no network`,
		"::ffff:10.0.0.0/104":   "is no network",
		"0.0.0.0/0":             "0.0.0.0/0 is every address: then anybody could say where he comes from",
		"::/0":                  "::/0 is every address",
		"10.0.0.7/8":            "10.0.0.7/8 is an address and no network: want 10.0.0.0/8 for the network, or 10.0.0.7 for the address",
		strings.Repeat("10.0.0.7,", maxProxies+1): "more than the 64 networks",
	} {
		if all, err := ParseProxies(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %s", text, all, err, want)
		}
	}
	for text, want := range map[string]string{
		"": "", " , ": "", "10.0.0.7": "10.0.0.7/32", "10.0.0.0/8, 2001:db8::/32,::1": "10.0.0.0/8,2001:db8::/32,::1/128", "::ffff:10.0.0.7": "10.0.0.7/32",
	} {
		if all, err := ParseProxies(text); err != nil || all.String() != want {
			t.Errorf("%q: %s, %v; want %s", text, all, err, want)
		}
	}
}

// TestWhereARequestComesFrom: what stands in the header counts as far as proxies have
// written it, and not at all if somebody else sends it.
func TestWhereARequestComesFrom(t *testing.T) {
	p := proxies(t, "10.0.0.0/8,127.0.0.1,2001:db8::/32")
	for _, test := range []struct {
		remote string
		said   []string
		want   string // empty: refused
	}{
		{"192.0.2.1:5", nil, "192.0.2.1:5"},
		{"192.0.2.1:5", []string{"198.51.100.1"}, "192.0.2.1:5"},
		{"10.0.0.7:5", nil, "10.0.0.7:5"},
		{"10.0.0.7:5", []string{"198.51.100.1"}, "198.51.100.1:0"},
		{"[::ffff:10.0.0.7]:5", []string{"198.51.100.1"}, "198.51.100.1:0"},
		{"[2001:db8::1]:5", []string{"2001:db9::1"}, "[2001:db9::1]:0"},
		{"10.0.0.7:5", []string{"127.0.0.1, 198.51.100.1"}, "198.51.100.1:0"},            // it said that it was here
		{"10.0.0.7:5", []string{"127.0.0.1", "198.51.100.1"}, "198.51.100.1:0"},          // in a header of its own
		{"10.0.0.7:5", []string{"203.0.113.1, 198.51.100.1,10.0.0.8"}, "198.51.100.1:0"}, // two proxies
		{"10.0.0.7:5", []string{"10.0.0.9, 10.0.0.8"}, "10.0.0.9:0"},
		{"10.0.0.7:5", []string{"198.51.100.1:4711"}, "198.51.100.1:0"},
		{"10.0.0.7:5", []string{"[2001:db9::1]:4711"}, "[2001:db9::1]:0"},
		{"10.0.0.7:5", []string{"[2001:db9::1]"}, "[2001:db9::1]:0"},
		{"10.0.0.7:5", []string{"nonsense, 198.51.100.1"}, "198.51.100.1:0"}, // he may write what he likes
		{"10.0.0.7:5", []string{", ,"}, "10.0.0.7:5"},
		{"10.0.0.7:5", []string{"198.51.100.1, unknown"}, ""},
		{"10.0.0.7:5", []string{"198.51.100.1, _hidden, 10.0.0.8"}, ""},
		{"@", []string{"198.51.100.1"}, "@"}, // a socket with a path
	} {
		r := httptest.NewRequest("POST", "/x", nil)
		r.RemoteAddr = test.remote
		r.Header["X-Forwarded-For"] = test.said
		got, err := p.origin(r)
		if (err != nil) != (test.want == "") || test.want != "" && got != test.want {
			t.Errorf("%s says %q: from %s, %v; want %s", test.remote, test.said, got, err, test.want)
		}
		if got, err := (Proxies)(nil).origin(r); got != test.remote || err != nil {
			t.Errorf("without proxies: %s, %v", got, err)
		}
	}
	for address, want := range map[string]bool{"10.1.2.3:4": true, "192.0.2.1:4": false, "@": false} {
		if p.Has(named(address)) != want {
			t.Errorf("%s is a proxy: %t", address, !want)
		}
	}
}

// TestAProxyShakesHandsForMany: it is not held to what one origin may have.
func TestAProxyShakesHandsForMany(t *testing.T) {
	d := New(Config{Encrypted: true, Proxies: proxies(t, "10.0.0.7"), Journal: NewJournal(nil)})
	for i := range 5 * shaking.Burst {
		if !d.Shakes(named("10.0.0.7:5")) {
			t.Fatalf("handshake %d is one too many", i+1)
		}
	}
	for range 5 * shaking.Burst {
		if !d.Shakes(named("10.0.0.8:5")) {
			return
		}
	}
	t.Error("nobody is held to any limit")
}

// FuzzWhereARequestComesFrom: whatever stands in the header, it is an address or
// refused, and counts from a proxy only.
func FuzzWhereARequestComesFrom(f *testing.F) {
	for _, said := range []string{"", "198.51.100.1", "a, [::1]:5,10.0.0.8", ",,", "fe80::1%eth0", "10.0.0.7\x00", "::ffff:10.0.0.9"} {
		f.Add(said)
	}
	p, err := ParseProxies("10.0.0.0/8")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, said string) {
		for remote, trusted := range map[string]bool{"10.0.0.7:5": true, "192.0.2.1:5": false} {
			r := &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {said}}}
			from, err := p.origin(r)
			if _, wrong := netip.ParseAddrPort(from); wrong != nil || !trusted && (from != remote || err != nil) {
				t.Errorf("%s says %q: from %q, %v", remote, said, from, err)
			}
		}
	})
}

// named is an address by its text.
type named string

func (named) Network() string  { return "" }
func (n named) String() string { return string(n) }

var _ net.Addr = named("")

// TestLimitsCountBehindAProxy: strangers behind one proxy have each their own, the
// audit log has where they are, and a proxy that says nothing good is told so.
func TestLimitsCountBehindAProxy(t *testing.T) {
	var audit bytes.Buffer
	d := New(Config{Encrypted: true, Proxies: proxies(t, "10.0.0.7"), Journal: NewJournal(slog.New(slog.NewJSONHandler(&audit, nil)))})
	seen := ""
	porter := d.Porter(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.RemoteAddr }))
	ask := func(path, said string) int {
		r := httptest.NewRequest("GET", "https://node"+path, nil)
		r.RemoteAddr = "10.0.0.7:5"
		r.Header.Set("X-Forwarded-For", said)
		w := httptest.NewRecorder()
		porter.ServeHTTP(w, r)
		if r.RemoteAddr != "10.0.0.7:5" {
			t.Error("the request of the server was changed")
		}
		return w.Code
	}
	const path = "/grpc.health.v1.Health/Check"
	for began := time.Now(); ; {
		code := ask(path, "198.51.100.1")
		if code == http.StatusTooManyRequests {
			break
		}
		if code != http.StatusOK || time.Since(began) > 20*time.Second {
			t.Fatalf("nobody is held to a limit: %d", code)
		}
	}
	if code := ask(path, "198.51.100.2"); code != http.StatusOK || seen != "198.51.100.2:0" {
		t.Errorf("another one behind the same proxy: %d, from %s", code, seen)
	}
	if code := ask("/x", "198.51.100.3"); code != http.StatusUnauthorized || !strings.Contains(audit.String(), `"from":"198.51.100.3:0"`) {
		t.Errorf("%d: %s", code, &audit)
	}
	if code := ask("/x", "who knows"); code != http.StatusBadRequest || d.journal.Refusals()[Misled] != 1 {
		t.Errorf("%d: %s", code, fmt.Sprint(d.journal.Refusals()))
	}
}
