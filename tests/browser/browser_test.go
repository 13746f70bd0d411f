// Package browser looks at the page of real nodes in a real browser. It is a module
// of its own: nobody who builds Lockstep needs what drives the browser.
//
// Without chromium the tests are skipped, and say so; without axe-core, only what it
// checks is. .ci/run brings both.
package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"lockstep/tests/browser/chrome"
)

// builtBefore names a folder with lockd, if that is not to be built by this run.
const builtBefore = "LOCKSTEP_TEST_BINARIES"

// lockd is the program, built once in a test run, when a test first needs it.
var lockd = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv(builtBefore); dir != "" {
		return filepath.Join(dir, "lockd"), nil
	}
	dir, err := os.MkdirTemp("", "lockstep-browser-")
	if err != nil {
		return "", err
	}
	atEnd(func() { os.RemoveAll(dir) })
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "lockd"), "./cmd/lockd")
	build.Dir = filepath.Join("..", "..") // the nodes are another module's
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build lockd: %w\n%s", err, out)
	}
	return filepath.Join(dir, "lockd"), nil
})

// program is lockd for a test that looks at its page, if there is what to look with.
func program(t *testing.T) string {
	t.Helper()
	if _, err := chrome.Find(); err != nil {
		t.Skipf("SKIPPED: %v, and nobody has looked at the page", err)
	}
	path, err := lockd()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// chromium is the browser, started once in a test run.
var chromium = sync.OnceValues(func() (*chrome.Browser, error) {
	path, err := chrome.Find()
	if err != nil {
		return nil, err
	}
	b, err := chrome.Start(path)
	if err == nil {
		atEnd(b.Stop)
	}
	return b, err
})

var ends []func()

// atEnd has something done when all tests are over.
func atEnd(f func()) { ends = append(ends, f) }

func TestMain(m *testing.M) {
	code := m.Run()
	for _, f := range ends {
		f()
	}
	os.Exit(code)
}

// sight is one tab with the page of a node, and the test that looks at it.
type sight struct {
	*testing.T
	tab  *chrome.Tab
	base string // the node's address
}

// look opens the page of a node, at a place within it such as "#/locks". When the
// test is over, nothing may have been asked of anybody but nodes, and nothing may
// have gone wrong in the page.
func look(t *testing.T, how chrome.Look, base, place string) *sight {
	t.Helper()
	b, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	tab, err := b.Tab(how)
	if err != nil {
		t.Fatal(err)
	}
	s := &sight{t, tab, base}
	t.Cleanup(func() {
		if t.Failed() {
			s.keep()
		}
		tab.Close()
		for _, asked := range tab.Requests() {
			if !strings.HasPrefix(asked, base+"/") {
				t.Errorf("the page asked for %.200s, which is outside", asked)
			}
		}
		for _, said := range tab.Complaints() {
			t.Errorf("the browser says of the page: %s", said)
		}
	})
	if err := tab.Open(base + "/" + place); err != nil {
		t.Fatal(err)
	}
	return s
}

// keep writes down what is to be seen, for whoever has to find out what is wrong.
func (s *sight) keep() {
	var text string
	_ = s.tab.Run("return location.hash + '\\n' + document.body.innerText", &text) // there may be no page
	s.Logf("the page shows %s", text)
	if dir := os.Getenv("LOCKSTEP_TEST_PICTURES"); dir != "" {
		if png, err := s.tab.Picture(); err == nil {
			_ = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(s.Name(), "/", "-")+".png"), png, 0o600) // a help, not more
		}
	}
}

// await waits until an expression is true in the page.
func (s *sight) await(expression string) {
	s.Helper()
	if err := s.tab.Await(expression); err != nil {
		s.Fatal(err)
	}
}

// run runs a script in the page.
func (s *sight) run(script string) {
	s.Helper()
	if err := s.tab.Run(script, nil); err != nil {
		s.Fatal(err)
	}
}

// value is what a script in the page returns.
func value[T any](s *sight, script string) (v T) {
	s.Helper()
	if err := s.tab.Run(script, &v); err != nil {
		s.Fatal(err)
	}
	return v
}

// shown is the expression that an element is to be seen.
func shown(element string) string {
	return `((it) => it && it.checkVisibility({visibilityProperty: true, opacityProperty: true}))(` + element + `)`
}

// click waits until an element is to be seen, and clicks on it.
func (s *sight) click(element string) {
	s.Helper()
	s.await(shown(element))
	if err := s.tab.Click(element); err != nil {
		s.Fatal(err)
	}
}

func (s *sight) press(keys ...string) {
	s.Helper()
	if err := s.tab.Press(keys...); err != nil {
		s.Fatal(err)
	}
}

func (s *sight) types(text string) {
	s.Helper()
	if err := s.tab.Type(text); err != nil {
		s.Fatal(err)
	}
}

// visit goes to another place of the page, as a link there would.
func (s *sight) visit(place string) {
	s.Helper()
	s.run("location.hash = " + quote(place))
}

// quote is a text as a script has it.
func quote(text string) string {
	quoted, _ := json.Marshal(text) // texts always can be
	return string(quoted)
}

// one is the expression of the first element that fits a selector.
func one(selector string) string { return "document.querySelector(" + quote(selector) + ")" }
