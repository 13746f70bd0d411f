package chrome

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long anything may take: it is there for machines that are busy
// with something else.
const patience = 30 * time.Second

// Tab is one page, and what it has done.
type Tab struct {
	ctx   context.Context
	close func()
	look  Look

	mu         sync.Mutex
	requests   []string
	complaints []string
}

// Close closes the tab.
func (t *Tab) Close() { t.close() }

// Requests are the addresses of all that the tab has asked for.
func (t *Tab) Requests() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.requests)
}

// Complaints are what the browser has said about the page: scripts that failed, a
// policy that was broken, whatever the page has written to the console. That a
// request failed is not among them, since nodes die in tests.
func (t *Tab) Complaints() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.complaints)
}

func (t *Tab) hear(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		t.requests = append(t.requests, e.Request.URL)
	case *network.EventWebSocketCreated:
		t.requests = append(t.requests, e.URL)
	case *runtime.EventExceptionThrown:
		said := e.ExceptionDetails.Text
		if thrown := e.ExceptionDetails.Exception; thrown != nil {
			said += " " + thrown.Description
		}
		t.complaints = append(t.complaints, said)
	case *runtime.EventConsoleAPICalled:
		said := "console." + string(e.Type)
		for _, arg := range e.Args {
			said += " " + arg.Description + string(arg.Value)
		}
		t.complaints = append(t.complaints, said)
	case *log.EventEntryAdded:
		if e.Entry.Source != log.EntrySourceNetwork {
			t.complaints = append(t.complaints, string(e.Entry.Source)+": "+e.Entry.Text)
		}
	case *page.EventJavascriptDialogOpening:
		t.complaints = append(t.complaints, "a dialog: "+e.Message)
	}
}

// brief bounds one thing that the tab is asked to do.
func (t *Tab) brief() (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.ctx, patience)
}

func (t *Tab) do(actions ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := t.brief()
	defer cancel()
	return chromedp.Do(ctx, actions...)
}

// Look looks at the page in another way.
func (t *Tab) Look(look Look) error {
	ctx, cancel := t.brief()
	defer cancel()
	t.look = look
	options := []chromedp.EmulateViewportOption{chromedp.EmulateScale(max(look.Scale, 1))}
	if look.Phone {
		options = append(options, chromedp.EmulatePortrait, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	scheme, motion := "light", "no-preference"
	if look.Dark {
		scheme = "dark"
	}
	if look.Still {
		motion = "reduce"
	}
	// A tab that is not in front has the focus nevertheless.
	_, focused := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	_, preferred := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion},
	}})
	_, trusted := chromedp.Call(ctx, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: look.AnyCertificate})
	return errors.Join(focused, preferred, trusted, chromedp.Do(ctx, chromedp.EmulateViewport(int64(look.Width), int64(look.Height), options...)))
}

// Open goes to an address, and returns when it is loaded.
func (t *Tab) Open(url string) error { return t.do(chromedp.Navigate(url)) }

// Reload loads the page anew.
func (t *Tab) Reload() error { return t.do(chromedp.Reload()) }

// Run runs a script, which may be asynchronous, and decodes what it returns into
// result, unless that is nil.
func (t *Tab) Run(script string, result any) error {
	ctx, cancel := t.brief()
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		"(async () => { const it = await (async () => {"+script+"\n})(); return JSON.stringify(it === undefined ? null : it) })()", chromedp.EvalAwaitPromise))
	if err != nil {
		return fmt.Errorf("%w, from %s", err, script)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal([]byte(text), result)
}

// Await asks until an expression is true. It goes on when the page is loaded anew,
// and gives up when there are complaints: of a page that does not work not much will
// become true.
func (t *Tab) Await(expression string) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		holds := false
		err := t.Run("return Boolean("+expression+")", &holds)
		switch said := t.Complaints(); {
		case err == nil && holds:
			return nil
		case len(said) > 0:
			return fmt.Errorf("the browser says of the page: %s", said[0])
		case t.ctx.Err() != nil:
			return t.ctx.Err()
		case time.Now().After(deadline):
			return errors.Join(fmt.Errorf("it did not come to pass within %v that %s", patience, expression), err)
		}
	}
}

// Keys are the names of keys that are no letters.
var keys = map[string]string{
	"Tab": kb.Tab, "Enter": kb.Enter, "Escape": kb.Escape, "Space": " ", "Home": kb.Home, "End": kb.End,
	"ArrowDown": kb.ArrowDown, "ArrowUp": kb.ArrowUp, "ArrowLeft": kb.ArrowLeft, "ArrowRight": kb.ArrowRight,
}

// Press presses one key after the other, by their names: Tab, Shift+Tab, Enter.
func (t *Tab) Press(names ...string) error {
	for _, name := range names {
		key, shifted := strings.CutPrefix(name, "Shift+")
		code, ok := keys[key]
		if !ok {
			return fmt.Errorf("no key is called %q", name)
		}
		var options []chromedp.KeyOption
		if shifted {
			options = append(options, chromedp.KeyModifiers(kb.ModifierShift))
		}
		if err := t.do(chromedp.KeyEvent(code, options...)); err != nil {
			return err
		}
	}
	return nil
}

// Type types text to wherever the focus is.
func (t *Tab) Type(text string) error { return t.do(chromedp.KeyEvent(text)) }

// Click clicks on the element that an expression finds, or taps on a phone: in its
// middle, once it is in view. It is an error if something else lies over it.
func (t *Tab) Click(element string) error {
	var at struct {
		X, Y    float64
		Covered string
	}
	if err := t.Run(`
		const it = `+element+`
		if (!it) throw new Error("there is no such element")
		it.scrollIntoView({block: "center", inline: "nearest", behavior: "instant"})
		const box = it.getBoundingClientRect()
		const x = box.x + box.width / 2, y = box.y + box.height / 2
		const top = document.elementFromPoint(x, y)
		return {X: x, Y: y, Covered: it === top || it.contains(top) ? "" : String(top && top.outerHTML.slice(0, 200))}`, &at); err != nil {
		return err
	}
	switch {
	case at.Covered != "":
		return fmt.Errorf("nobody can click on %s: over it lies %s", element, at.Covered)
	case t.look.Phone:
		return t.do(chromedp.TapXY(at.X, at.Y))
	default:
		return t.do(chromedp.MouseClickXY(at.X, at.Y))
	}
}

// Picture is what there is to be seen, as PNG.
func (t *Tab) Picture() ([]byte, error) {
	ctx, cancel := t.brief()
	defer cancel()
	return chromedp.Run(ctx, chromedp.CaptureScreenshot())
}
