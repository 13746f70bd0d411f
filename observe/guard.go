package observe

import (
	"errors"
	"net"
	"net/http"
	"strings"
)

// Guard says why a request may not see what is for administrators, or nil.
type Guard func(*http.Request) error

// before puts the guard before a handler.
func (g Guard) before(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := g(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

var errElsewhere = errors.New("this is shown on the node's own machine only: ask 127.0.0.1 there, or a Unix socket, and not through a proxy")

// OnlyThisMachine lets programs of this machine in: over a Unix socket, whose
// mode is what lets them in, or from a loopback address. A proxy on this machine
// asks for others, and a page in a browser may have had its name point here.
func OnlyThisMachine(r *http.Request) error {
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && local.Network() == "unix" {
		return nil
	}
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip"} {
		if r.Header.Get(header) != "" {
			return errElsewhere
		}
	}
	if !isLoopback(r.RemoteAddr) || !isLoopback(r.Host) {
		return errElsewhere
	}
	return nil
}

// isLoopback reports whether a host, with or without a port, is this machine's
// own address or called localhost.
func isLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
