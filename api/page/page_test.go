package page

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func mounted() http.Handler {
	mux := http.NewServeMux()
	Mount(mux)
	return mux
}

func ask(t *testing.T, method, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "http://node"+path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	mounted().ServeHTTP(w, r)
	return w
}

// sources are the embedded files by their names.
func sources(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(static, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := fs.ReadFile(static, name)
		all[strings.TrimPrefix(name, "static/")] = string(b)
		return err
	})
	if err != nil || len(all) < 10 {
		t.Fatalf("%d files: %v", len(all), err)
	}
	return all
}

func TestEveryFileIsServed(t *testing.T) {
	want := map[string]string{".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	for name, source := range sources(t) {
		w := ask(t, "GET", pathOf("static/"+name))
		if w.Code != 200 || w.Body.String() != source || w.Header().Get("Content-Type") != want[path.Ext(name)] {
			t.Errorf("%s: %d, %d bytes of %d, %s", name, w.Code, w.Body.Len(), len(source), w.Header().Get("Content-Type"))
		}
	}
}

// TestPolicy: whatever is answered, nothing but this port's own is loaded, nothing
// is guessed, and nobody is told where the reader comes from.
func TestPolicy(t *testing.T) {
	for _, where := range []string{"/", "/page/main.js", "/page/icon.svg", "/page/none"} {
		header := ask(t, "GET", where).Header()
		for name, part := range map[string][]string{
			"Content-Security-Policy": {"default-src 'none'", "script-src 'self';", "style-src 'self';", "connect-src 'self';",
				"frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"},
			"X-Content-Type-Options":       {"nosniff"},
			"Referrer-Policy":              {"no-referrer"},
			"X-Frame-Options":              {"DENY"},
			"Cross-Origin-Opener-Policy":   {"same-origin"},
			"Cross-Origin-Resource-Policy": {"same-origin"},
		} {
			for _, one := range part {
				if !strings.Contains(header.Get(name), one) {
					t.Errorf("%s: %s is %q, without %q", where, name, header.Get(name), one)
				}
			}
		}
		if got := header.Get("Content-Security-Policy"); strings.Contains(got, "unsafe") || strings.Contains(got, "http") || strings.Contains(got, "*") {
			t.Errorf("%s: %s", where, got)
		}
	}
}

// TestCaching: a browser asks each time, and gets a file again only when it is
// another.
func TestCaching(t *testing.T) {
	for _, coding := range []string{"", "gzip"} {
		first := ask(t, "GET", "/", "Accept-Encoding", coding)
		tag := first.Header().Get("ETag")
		if tag == "" || first.Header().Get("Cache-Control") != "no-cache" || first.Header().Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%v", first.Header())
		}
		for asked, status := range map[string]int{tag: 304, "W/" + tag: 304, `"other", ` + tag: 304, "*": 304, `"other"`: 200, tag[1:]: 200, "": 200} {
			w := ask(t, "GET", "/", "Accept-Encoding", coding, "If-None-Match", asked)
			if w.Code != status || status == 304 && (w.Body.Len() > 0 || w.Header().Get("ETag") != tag || w.Header().Get("Content-Security-Policy") == "") {
				t.Errorf("%q, %q: %d, %d bytes, %v", coding, asked, w.Code, w.Body.Len(), w.Header())
			}
		}
	}
	if a, b := ask(t, "GET", "/").Header().Get("ETag"), ask(t, "GET", "/", "Accept-Encoding", "gzip").Header().Get("ETag"); a == b {
		t.Error("the packed file has the tag of the plain one")
	}
	if a, b := ask(t, "GET", "/page/main.js").Header().Get("ETag"), ask(t, "GET", "/page/dom.js").Header().Get("ETag"); a == b {
		t.Error("two files have one tag")
	}
}

func TestPacking(t *testing.T) {
	plain := ask(t, "GET", "/page/style.css").Body.Bytes()
	for accept, packed := range map[string]bool{
		"gzip": true, "br, GZIP;q=0.5": true, "gzip ; q=1": true, "": false, "br": false, "gzip;q=0": false, "gzip;q=0.0": false, "gzip;q=x": false,
	} {
		w := ask(t, "GET", "/page/style.css", "Accept-Encoding", accept)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != packed {
			t.Errorf("%q: packed %v", accept, got)
			continue
		}
		body := w.Body.Bytes()
		if packed {
			r, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(body, plain) {
			t.Errorf("%q: another file", accept)
		}
	}
}

func TestOtherRequests(t *testing.T) {
	for _, test := range []struct {
		method, path string
		status       int
	}{
		{"HEAD", "/", 200}, {"POST", "/", 405}, {"PUT", "/page/main.js", 405},
		{"GET", "/page/", 404}, {"GET", "/page/index.html", 404}, {"GET", "/page/static/main.js", 404}, {"GET", "/page/..%2fpage.go", 404},
		{"GET", "/index.html", 404}, {"GET", "/other", 404},
	} {
		if w := ask(t, test.method, test.path); w.Code != test.status {
			t.Errorf("%s %s: %d, want %d", test.method, test.path, w.Code, test.status)
		}
	}
	if w := ask(t, "HEAD", "/"); w.Header().Get("Content-Length") == "" {
		t.Errorf("%v", w.Header())
	}
}

var (
	references = regexp.MustCompile(`(?:href|src)="(/[^"#]*)"`)
	imports    = regexp.MustCompile(`(?m)^import .*?from "\./([^"]+)";$|^} from "\./([^"]+)";$`)
	elsewhere  = regexp.MustCompile(`(?i)(https?:)?//[a-z0-9.-]+\.[a-z]{2,}|\burl\([^#]|@import|data:`)
	inline     = regexp.MustCompile(`(?i)<style|<script(?: type="module" src="/page/[a-z]+\.js")?>[^<]|\sstyle=|\son[a-z]+=|javascript:`)
	markup     = regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc|\beval\b|new Function|setHTML|localStorage|document\.cookie`)
)

// TestNothingFromElsewhere: all that the page needs is in the binary, and no text
// becomes markup.
func TestNothingFromElsewhere(t *testing.T) {
	all := sources(t)
	for name, source := range all {
		source = strings.ReplaceAll(source, "http://www.w3.org/2000/svg", "")
		if found := elsewhere.FindString(source); found != "" {
			t.Errorf("%s needs %q", name, found)
		}
		if found := markup.FindString(source); found != "" && strings.HasSuffix(name, ".js") {
			t.Errorf("%s uses %s", name, found)
		}
	}
	if found := inline.FindString(all["index.html"]); found != "" {
		t.Errorf("index.html has %q, which its policy forbids", found)
	}
}

// TestReferences: what a file names is there, and the browser is told of every
// module at once.
func TestReferences(t *testing.T) {
	all := sources(t)
	for _, found := range references.FindAllStringSubmatch(all["index.html"], -1) {
		if w := ask(t, "GET", found[1]); w.Code != 200 {
			t.Errorf("index.html names %s: %d", found[1], w.Code)
		}
	}
	for name, source := range all {
		if !strings.HasSuffix(name, ".js") {
			continue
		}
		if !strings.Contains(all["index.html"], `"/page/`+name+`"`) {
			t.Errorf("index.html does not name %s", name)
		}
		for _, found := range imports.FindAllStringSubmatch(source, -1) {
			if _, there := all[found[1]+found[2]]; !there {
				t.Errorf("%s imports %s", name, found[1]+found[2])
			}
		}
	}
}

// TestModules runs what is pure in the page with Node, where that is installed.
func TestModules(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED: node is not installed")
	}
	dir := t.TempDir()
	for _, part := range []string{"static", "testdata"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(part)); err != nil {
			t.Fatal(err)
		}
	}
	// It says what a browser knows from index.html, and every version of Node reads it.
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"type":"module"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(t *testing.T, args ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), node, args...)
		command.Dir = dir
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	for _, name := range []string{"picture", "tree", "layout", "words", "frames"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, "testdata/"+name+".mjs")
		})
	}
	t.Run("the others can be read", func(t *testing.T) {
		t.Parallel()
		for name := range sources(t) {
			if strings.HasSuffix(name, ".js") {
				run(t, "--check", "static/"+name)
			}
		}
	})
}
