package observe

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/pprof/profile"

	"lockstep/lock"
	"lockstep/observe/metrics"
)

// fixed is a node of which these locks are waited for.
type fixed struct{ waits metrics.Waits }

func (n *fixed) Numbers(context.Context) metrics.Node         { return metrics.Node{Name: "fixed"} }
func (n *fixed) Waits(context.Context) (metrics.Waits, error) { return n.waits, nil }

// samples reads a profile: a line a stack, the outermost first.
func samples(t *testing.T, text string) (lines []string) {
	t.Helper()
	p, err := profile.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.CheckValid(); err != nil {
		t.Fatal(err)
	}
	if p.SampleType[0].Type != "waits" || p.SampleType[1].Type != "delay" || p.SampleType[1].Unit != "nanoseconds" || p.DefaultSampleType != "delay" {
		t.Errorf("sample types %+v", p.SampleType)
	}
	for _, s := range p.Sample {
		var parts []string
		for _, l := range s.Location {
			parts = append(parts, l.Line[0].Function.Name)
		}
		slices.Reverse(parts)
		lines = append(lines, fmt.Sprintf("%s: %d, %v", strings.Join(parts, " > "), s.Value[0], time.Duration(s.Value[1])))
	}
	return lines
}

// Which lock hurts is seen while it does, and after.
func TestLocksTellsWhichLockHurts(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		handler := Locks(c.Node(0), c.Node(1), c.Node(2))
		one, two := c.Client(), c.Client()
		c.acquire(one, "free")
		held, other := c.acquire(one, "deploy/web"), c.acquire(one, "stage/web")
		for _, name := range []string{"deploy/web", "deploy/web", "stage/web"} {
			go func() { _, _ = two.Acquire(t.Context(), name) }() // one waits until the test is over
		}
		time.Sleep(5 * time.Second)
		want := []string{"deploy/ > deploy/web: 2, 10s", "stage/ > stage/web: 1, 5s"}
		if got := samples(t, fetch(t, handler, "/debug/locks")); !alike(got, want) {
			t.Errorf("while they wait: %q, not %q", got, want)
		}
		c.release(other)
		c.release(held)
		time.Sleep(time.Second)
		want = []string{"deploy/ > deploy/web: 2, 11s", "stage/ > stage/web: 1, 5s"} // one goes on waiting
		if got := samples(t, fetch(t, handler, "/debug/locks")); !alike(got, want) {
			t.Errorf("after: %q, not %q", got, want)
		}
		want = []string{"deploy/ > deploy/web: 0, 2s"}
		if got := samples(t, fetch(t, handler, "/debug/locks?seconds=2")); !alike(got, want) {
			t.Errorf("in the next two seconds: %q, not %q", got, want)
		}
	})
}

// alike compares samples but for some milliseconds.
func alike(got, want []string) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		text, delay, _ := strings.Cut(got[i], ", ")
		wantText, wantDelay, _ := strings.Cut(want[i], ", ")
		is, err := time.ParseDuration(delay)
		should, err2 := time.ParseDuration(wantDelay)
		if text != wantText || err != nil || err2 != nil || (is-should).Abs() > 100*time.Millisecond {
			return false
		}
	}
	return true
}

func TestLocksAsAList(t *testing.T) {
	n := &fixed{metrics.Waits{
		Over: []metrics.Contended{{Name: "a/b", Waits: 2, Delay: 1500}, {Waits: 9, Delay: 90}},
		Now:  []metrics.Contended{{Name: "c", Waits: 1, Delay: 60_000}, {Name: "a/b", Waits: 1, Delay: 500}},
	}}
	want := "" +
		"       delay      waits  lock\n" +
		"        1m0s          1  c\n" +
		"          2s          3  a/b\n" +
		"        90ms          9  (other locks)\n"
	if got := fetch(t, Locks(n), "/debug/locks?debug=1"); got != want {
		t.Errorf("got\n%s\nnot\n%s", got, want)
	}
}

// A name has as many parts as it has slashes, up to a bound, and each stands with
// all that is above it.
func TestNamesAsStacks(t *testing.T) {
	for name, want := range map[string]string{
		"a":       "a",
		"a/b/c":   "a/|a/b/|a/b/c",
		"/a//b":   "/|/a/|/a//|/a//b",
		"a/":      "a/",
		"/":       "/",
		"a.b/c d": "a.b/|a.b/c d",
	} {
		if got := strings.Join(stack(name), "|"); got != want {
			t.Errorf("%q is %q, not %q", name, got, want)
		}
	}
	deep := strings.Repeat("x/", lock.MaxNameBytes/2)
	if parts := stack(deep); len(parts) != maxDepth || parts[maxDepth-1] != deep {
		t.Errorf("%d parts", len(parts))
	}
}

// What is too much for a profile's numbers is the most that they can tell.
func TestAnEndlessDelayIsTold(t *testing.T) {
	n := &fixed{metrics.Waits{Over: []metrics.Contended{{Name: "a", Waits: 1, Delay: 1 << 63}}}}
	got := samples(t, fetch(t, Locks(n), "/debug/locks"))
	if len(got) != 1 || strings.Contains(got[0], "-") {
		t.Errorf("got %q", got)
	}
}

func TestLocksRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for target, code := range map[string]int{
			"/debug/locks?seconds=0": http.StatusBadRequest, "/debug/locks?seconds=x": http.StatusBadRequest,
			"/debug/locks?seconds=301": http.StatusBadRequest, "/debug/locks": http.StatusServiceUnavailable,
		} {
			answer := httptest.NewRecorder()
			Locks(hung{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, target, nil))
			if text := answer.Body.String(); answer.Code != code || strings.Count(text, "\n") != 1 {
				t.Errorf("%s: %d %s", target, answer.Code, text)
			}
		}
	})
}

// The tool itself shows which lock hurts, by its whole name, and looks for no
// symbols.
func TestPprofReadsIt(t *testing.T) {
	n := &fixed{metrics.Waits{Over: []metrics.Contended{
		{Name: "deploy/web", Waits: 3, Delay: 9000}, {Name: "stage/web", Waits: 2, Delay: 1000},
	}}}
	server := httptest.NewServer(Locks(n))
	defer server.Close()
	tool := exec.CommandContext(t.Context(), "go", "tool", "pprof", "-top", server.URL+"/debug/locks")
	tool.Env = append(tool.Environ(), "PPROF_TMPDIR="+t.TempDir())
	var out, complaints bytes.Buffer
	tool.Stdout, tool.Stderr = &out, &complaints
	if err := tool.Run(); err != nil {
		t.Fatalf("%v: %s", err, &complaints)
	}
	for _, want := range []string{"Type: delay", "9s 90.00%", "deploy/web", "stage/web"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in\n%s", want, &out)
		}
	}
	if !strings.HasSuffix(strings.Split(out.String(), "\n")[topLine(out.String())+1], " deploy/web") {
		t.Errorf("the worst is not first:\n%s", &out)
	}
}

// topLine finds the heading of the tool's table.
func topLine(text string) int {
	return slices.IndexFunc(strings.Split(text, "\n"), func(line string) bool { return strings.Contains(line, "flat%") })
}
