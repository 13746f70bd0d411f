// Package page is the page that a node shows to people: who is primary, the locks
// and who holds and awaits them, who waits for whom, and what became of it.
//
// It is files, written by hand and embedded in the binary: no build step, nothing
// from elsewhere. In the browser they ask the node what any client can ask it
// (api/), in the name of whoever looks; so the page can do nothing that its reader
// could not, and the files themselves tell nobody anything:
//
//	index.html   the frame, and what there is before the first answer
//	main.js      begins, and shows the view that the address names
//	api.js       calls and streams; the token, if there is one
//	feed.js      keeps the picture up to date, and says whether it is
//	picture.js   the locks, from lists and events; pure
//	tree.js, layout.js, words.js    rows, the graph and sentences; pure
//	dom.js, rows.js                 elements, and lists longer than the screen
//	the rest     a view each
//
// Names of locks and what clients say of themselves are hostile: they reach the
// document as text, never as markup, and the policy that Handler sends would let
// the browser run none of it.
package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed static
var static embed.FS

// Folder is where on a port all files of the page are, but the page itself, which
// is at /.
const Folder = "/page/"

// Mux is where handlers are mounted.
type Mux interface {
	Handle(pattern string, h http.Handler)
}

// Mount mounts the page.
func Mount(mux Mux) {
	files := prepare(static)
	mux.Handle("GET /{$}", files)
	mux.Handle("GET "+Folder, files)
}

// policy lets the page load what the node serves, and nothing else; nobody shows it
// in a frame, and no text becomes markup or code.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

var headers = map[string]string{
	"Content-Security-Policy":      policy,
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "no-referrer",
	"X-Frame-Options":              "DENY", // for browsers that do not know frame-ancestors
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
	// It is asked each time whether a file is still the same: a node that is
	// replaced by a newer one shows the newer page, in one piece.
	"Cache-Control": "no-cache",
	"Vary":          "Accept-Encoding",
}

var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// file is one file as it is sent.
type file struct {
	kind          string // its media type
	plain, packed body
}

type body struct {
	bytes []byte
	tag   string // for the browser to ask whether it has changed
}

// files are handed out by their paths on the port.
type files map[string]file

// prepare packs the files once: there are few, and they never change. What is
// embedded can be read, and has types that are known; else it is not served.
func prepare(from fs.FS) files {
	all := files{}
	_ = fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		kind, known := types[path.Ext(name)]
		if err != nil || entry.IsDir() || !known {
			return err
		}
		plain, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(plain)
		tag := hex.EncodeToString(sum[:12])
		all[pathOf(name)] = file{kind: kind, plain: body{plain, `"` + tag + `"`}, packed: body{pack(plain), `"` + tag + `-gz"`}}
		return nil
	})
	return all
}

// pathOf is where on the port an embedded file is.
func pathOf(name string) string {
	name = strings.TrimPrefix(name, "static/")
	if name == "index.html" {
		return "/"
	}
	return Folder + name
}

func pack(plain []byte) []byte {
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // a level that exists
	_, _ = w.Write(plain)                                      // memory takes all
	_ = w.Close()
	return packed.Bytes()
}

func (f files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	for name, value := range headers {
		header.Set(name, value)
	}
	one, found := f[r.URL.Path]
	if !found {
		http.Error(w, "there is no such file; the page is at /", http.StatusNotFound)
		return
	}
	send := one.plain
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		send = one.packed
		header.Set("Content-Encoding", "gzip")
	}
	header.Set("Content-Type", one.kind)
	header.Set("ETag", send.tag)
	if has(r.Header.Get("If-None-Match"), send.tag) {
		header.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Length", strconv.Itoa(len(send.bytes)))
	_, _ = w.Write(send.bytes) // who has gone needs none; to a HEAD nothing is sent
}

// has reports whether one of the tags in a header is this one, or any would do.
func has(list, tag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == tag || one == "*" {
			return true
		}
	}
	return false
}

// takesGzip reports whether a header allows gzip: "gzip;q=0" does not.
func takesGzip(list string) bool {
	for one := range strings.SplitSeq(list, ",") {
		coding, quality, weighed := strings.Cut(one, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		if !weighed {
			return true
		}
		_, weight, _ := strings.Cut(quality, "=")
		q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
		return err == nil && q > 0
	}
	return false
}
