package docs

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a command may take, and how long something is awaited: on
// a machine that does much else, too.
const patience = 60 * time.Second

// TestPages types every command of every page, and holds what is printed against
// the page.
func TestPages(t *testing.T) {
	house := &House{Checkout: checkout(t), Programs: programs(t), Patience: patience}
	var sum total
	t.Cleanup(func() { t.Log("\n" + sum.String()) })
	for _, page := range pages(t) {
		t.Run(strings.TrimSuffix(page.Path, ".md"), func(t *testing.T) {
			for i := range page.Scenes {
				scene := &page.Scenes[i]
				t.Run(fmt.Sprintf("%d %s", i+1, scene.Title), func(t *testing.T) {
					t.Parallel()
					tally := play(t, house, page, scene)
					sum.add(tally)
					if len(tally.Skipped)+len(tally.NotRun) > 0 {
						t.Log("\n" + tally.String())
					}
				})
			}
		})
	}
}

// play plays a scene, in which there must be no mistakes but those that are wanted,
// of each of which the beginning is given.
func play(t *testing.T, house *House, page *Page, scene *Scene, want ...string) Tally {
	t.Helper()
	tally, mistakes := house.Play(page, scene, folder(t))
	if len(mistakes) == 1 && errors.Is(mistakes[0], ErrRefused) {
		t.Skip("SKIPPED:", mistakes[0])
	}
	for i, mistake := range mistakes {
		if i >= len(want) || !strings.HasPrefix(mistake.Error(), want[i]) {
			t.Error(mistake)
		}
	}
	if len(mistakes) < len(want) {
		t.Errorf("%d mistakes were found, not %d: %q", len(mistakes), len(want), want)
	}
	return tally
}

// folder is a directory with a short path: a socket's may have a hundred bytes.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "docs-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// total is the tally of all scenes.
type total struct {
	mu sync.Mutex
	Tally
}

func (a *total) add(t Tally) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Commands += t.Commands
	a.Files += t.Files
	a.NotRun = append(a.NotRun, t.NotRun...)
	a.Skipped = append(a.Skipped, t.Skipped...)
}

func (t Tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d commands were typed and %d files written\n", t.Commands, t.Files)
	for _, why := range t.Skipped {
		fmt.Fprintf(&b, "SKIPPED %s\n", why)
	}
	for _, why := range t.NotRun {
		fmt.Fprintf(&b, "not run: %s\n", why)
	}
	return b.String()
}
