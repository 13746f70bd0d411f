package observe

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lockstep/observe/metrics"
)

func TestOnlyThisMachine(t *testing.T) {
	for _, c := range []struct {
		what, remote, host string
		header             string
		unix, allowed      bool
	}{
		{"loopback", "127.0.0.1:40000", "127.0.0.1:7180", "", false, true},
		{"IPv6", "[::1]:40000", "[::1]:7180", "", false, true},
		{"by name", "127.0.0.1:40000", "localhost", "", false, true},
		{"a socket", "@", "node", "", true, true},
		{"another machine", "10.0.0.7:40000", "127.0.0.1", "", false, false},
		{"a page whose name points here", "127.0.0.1:40000", "evil.example:7180", "", false, false},
		{"a proxy", "127.0.0.1:40000", "127.0.0.1:7180", "X-Forwarded-For", false, false},
		{"a proxy that keeps to the standard", "127.0.0.1:40000", "127.0.0.1:7180", "Forwarded", false, false},
		{"nobody", "", "", "", false, false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/debug/locks", nil)
		r.RemoteAddr, r.Host = c.remote, c.host
		if c.header != "" {
			r.Header.Set(c.header, "10.0.0.7")
		}
		if c.unix {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(&net.UnixAddr{Net: "unix", Name: "x"})))
		}
		if err := OnlyThisMachine(r); (err == nil) != c.allowed {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// What is for administrators is behind the guard, whichever it is; the numbers
// are not.
func TestTheGuardStandsBeforeWhatIsForAdministrators(t *testing.T) {
	refusing := Guard(func(*http.Request) error { return errors.New("not you") })
	allowing := Guard(func(*http.Request) error { return nil })
	for name, guard := range map[string]Guard{"refusing": refusing, "allowing": allowing, "none": nil} {
		mux := http.NewServeMux()
		Mount(mux, guard, slog.New(slog.DiscardHandler), &fixed{metrics.Waits{}})
		for path, guarded := range map[string]bool{
			"/metrics": false, "/debug/locks": true, "/debug/pprof/": true, "/debug/pprof/heap": true, "/debug/pprof/cmdline": true, "/debug/pprof/symbol": true,
		} {
			answer := httptest.NewRecorder()
			mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil)) // from 192.0.2.1
			want := http.StatusOK
			if guarded && name != "allowing" {
				want = http.StatusForbidden
			}
			if answer.Code != want || want == http.StatusForbidden && strings.Count(answer.Body.String(), "\n") != 1 {
				t.Errorf("%s with the guard %s: %d %.80s", path, name, answer.Code, answer.Body)
			}
		}
	}
}
