// Package chrome drives the browser that people use, without a window, so that
// what a test sees is what they see.
package chrome

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/chromedp/chromedp"
)

// programs are the names under which it is installed.
var programs = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// Find returns the path of the program. Its error says that there is none.
func Find() (string, error) {
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no chromium here: none of %v is in PATH", programs)
}

// Browser is a running browser. Its tabs know nothing of each other.
type Browser struct {
	ctx  context.Context
	stop func()
}

// Start starts the program at path. The Browser has to be stopped.
func Start(path string) (*Browser, error) {
	dir, err := os.MkdirTemp("", "lockstep-chrome-") // it leaves folders behind there
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Env("TMPDIR="+dir))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses to begin with one as root
	}
	allocator, release := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocator)
	b := &Browser{ctx: ctx, stop: func() { stop(); release(); os.RemoveAll(dir) }}
	if err := chromedp.Do(ctx); err != nil {
		b.Stop()
		return nil, fmt.Errorf("%s does not start: %w", path, err)
	}
	return b, nil
}

// Stop ends the program, and returns when it is gone.
func (b *Browser) Stop() { b.stop() }

// Look is how somebody looks at a page.
type Look struct {
	Width, Height int
	Scale         float64 // pixels of the screen to one of the page's; zero is 1
	Phone         bool    // with a finger, on a screen that pages are made to fit
	Dark          bool    // prefers a dark page
	Still         bool    // prefers that nothing moves

	AnyCertificate bool // takes every server for who it says it is
}

// The usual ones.
var (
	Desk   = Look{Width: 1280, Height: 800}
	Pocket = Look{Width: 360, Height: 740, Phone: true}
)

// Tab opens an empty tab, without a past: no cookies, nothing stored. It has to be
// closed.
func (b *Browser) Tab(look Look) (*Tab, error) {
	t := &Tab{}
	t.ctx, t.close = chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(t.hear))
	if err := errors.Join(chromedp.Do(t.ctx), t.Look(look)); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}
