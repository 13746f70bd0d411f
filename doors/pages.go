package doors

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// A browser on somebody's machine runs pages of strangers, and sends what they ask
// for from inside: past the loopback address, and with the client's certificate that
// it was given. Nothing but what it says of the page tells such a request from one
// that a person meant.

// rebound reports whether a request comes to an address of this machine only under
// the name of another: that is what a page in a browser can do whose name was made
// to stand for this machine, and it could use doors that ask nobody who he is.
func rebound(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() || r.Host == "" {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	return !strings.EqualFold(host, "localhost") && !net.ParseIP(host).IsLoopback()
}

// ofOtherPage reports whether a page that did not come from this port has a browser
// make a request. What browsers say of that no page can change, and who is none says
// nothing. A link to a page of this port may be followed from anywhere; what is under
// /debug/ costs the node something, and is no page.
func ofOtherPage(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none": // none: somebody has typed it
		return false
	case "": // to a machine elsewhere, without encryption, they say less
		origin := r.Header.Get("Origin")
		from, err := url.Parse(origin)
		return origin != "" && (err != nil || !strings.EqualFold(from.Host, r.Host))
	default:
		return !followed(r) || strings.HasPrefix(r.URL.Path, "/debug/")
	}
}

// followed reports whether somebody goes to a page by a link.
func followed(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}
