package browser

import (
	"fmt"
	"strings"
	"testing"

	"lockstep/tests/browser/chrome"
)

// places are all views, with something to be seen in each: see scene.
var places = []string{"", "#/locks", "#/lock/db%2Fusers", "#/waits", "#/sessions"}

// endless is a name that no line ends for.
var endless = strings.Repeat("endless", 36)

// scene builds a house where everything is: locks that are held in all ways, queues, a
// deadlock, a past, and a failover. What it returns is the address of a page.
func scene(t *testing.T) (*house, string) {
	h := build(t)
	h.door = h.backup()
	alice, bob, carol := h.client("alice", "web1", "nightly"), h.client("bob", "web2", "hourly"), h.client("carol", "db1", "migrate")
	carol.releases("db/users", carol.takes("db/users"))
	alice.takes("db/users")
	bob.takes("db/orders")
	carol.waits("db/users")
	alice.waits("db/orders")
	bob.waits("db/users")
	carol.takes("deploy/a-rather-long-name-of-a-lock-that-does-not-fit-into-a-line-of-a-phone/web")
	carol.takes("nightly")
	carol.takes(endless)
	h.Nodes[h.primary()].Kill()
	return h, h.pages[h.door]
}

// awaitScene waits until a view shows the scene.
func (s *sight) awaitScene(place string) {
	s.Helper()
	s.visit(place)
	s.await(has("document.body", "state", "live"))
	s.await(map[string]string{
		"":                  says(one("#reigns"), "nobody served for") + " && " + one("#waited [data-name]") + " && " + one("#timeline"),
		"#/locks":           row("db/users"),
		"#/lock/db%2Fusers": one("#tenures tr[data-ending]") + " && " + one("#queue li"),
		"#/waits":           one("#graph .edge[data-dead]"),
		"#/sessions":        one("#people [data-session]"),
		"#/lock/" + endless: one("#holders [data-session]"),
	}[place])
}

// TestThePageIsAccessible: every view, in the light, in the dark, and on a phone, and
// what opens over it, passes all rules of axe-core.
func TestThePageIsAccessible(t *testing.T) {
	t.Parallel()
	program := checks(t)
	h, page := scene(t)
	s := look(t, chrome.Desk, page, "")
	dark, phone, night := chrome.Desk, chrome.Pocket, chrome.Pocket
	dark.Dark, night.Dark = true, true
	for name, how := range map[string]chrome.Look{"light": chrome.Desk, "dark": dark, "phone": phone, "phone at night": night} {
		how.Still = true // what is half faded has no colour to judge
		if err := s.tab.Look(how); err != nil {
			t.Fatal(err)
		}
		for _, place := range places {
			s.awaitScene(place)
			s.accessible(program, name+", "+place)
		}
		s.awaitScene("#/lock/db%2Fusers")
		s.click(one("#force"))
		s.await(one("dialog[open]"))
		s.accessible(program, name+", taking a lock away")
		s.press("Escape")
		s.await("!" + one("dialog"))
	}
	h.Nodes[h.door].Kill()
	s.await(shown(one("#alarm")))
	s.accessible(program, "without its node")
}

// TestThePageFitsAPhone: nothing sticks out, of the smallest neither; everything is
// large enough for a finger; and fingers work.
func TestThePageFitsAPhone(t *testing.T) {
	t.Parallel()
	_, page := scene(t)
	s := look(t, chrome.Pocket, page, "")
	small := chrome.Pocket
	small.Width = 320 // what a page enlarged to 400% has on a desk, too (WCAG 1.4.10)
	for _, place := range append(places, "#/lock/"+endless) {
		s.awaitScene(place)
		for _, how := range []chrome.Look{small, chrome.Pocket} {
			if err := s.tab.Look(how); err != nil {
				t.Fatal(err)
			}
			s.await(fmt.Sprintf("innerWidth === %d", how.Width))
			if wide := value[int](s, `return document.documentElement.scrollWidth`); wide > how.Width {
				t.Errorf("%q is %d pixels wide, and the phone has %d", place, wide, how.Width)
			}
		}
		// As WCAG 2.2 wants it (2.5.8), but for links within a text. What lies around a
		// link and does the same counts for it.
		for _, small := range value[[]string](s, `
			const small = []
			for (const it of document.querySelectorAll("a[href], button, input, summary, textarea, [role=treeitem]")) {
				if (!it.checkVisibility() || it.classList.contains("skip")) continue
				const box = (it.closest("label, [role=treeitem]") ?? it).getBoundingClientRect()
				const inText = it.matches("a") && getComputedStyle(it).display === "inline"
				if (!inText && box.width > 0 && (box.height < 24 || box.width < 24)) small.push(it.outerHTML.slice(0, 150) + " " + box.width + "x" + box.height)
			}
			return small`) {
			t.Errorf("%q: too small for a finger: %s", place, small)
		}
	}
	s.visit("#/locks")
	s.click(folder("db/"))
	s.await("!" + row("db/users"))
	s.click(folder("db/"))
	s.click(row("db/users"))
	s.await(says(one("h1"), "db/users"))
	s.click(one(`#views [data-view="waits"]`))
	s.await(one("#graph .edge[data-dead]"))
}

// brightness is that of what is behind the page, from 0 to 255.
const brightness = `
	const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g).map(Number)
	return 0.2126 * r + 0.7152 * g + 0.0722 * b`

// TestThePageIsDarkInTheDark, and follows when that changes.
func TestThePageIsDarkInTheDark(t *testing.T) {
	t.Parallel()
	h := build(t)
	dark := chrome.Desk
	dark.Dark = true
	s := look(t, dark, h.pages[0], "")
	s.await(says(one("#headline"), "is the primary"))
	if b := value[float64](s, brightness); b > 60 {
		t.Errorf("in the dark it is as bright as %.0f of 255", b)
	}
	if err := s.tab.Look(chrome.Desk); err != nil {
		t.Fatal(err)
	}
	if b := value[float64](s, brightness); b < 200 {
		t.Errorf("in the light it is only as bright as %.0f of 255", b)
	}
}

// TestNothingMovesForWhomThatIsTooMuch: who prefers that nothing moves sees changes,
// but no movement.
func TestNothingMovesForWhomThatIsTooMuch(t *testing.T) {
	t.Parallel()
	h := build(t)
	alice, bob := h.client("alice", "web1", "make deploy"), h.client("bob", "web2", "make restart")
	for _, still := range []bool{false, true} {
		token := alice.takes("deploy/web")
		bob.waits("deploy/web")
		how := chrome.Desk
		how.Still = still
		s := look(t, how, h.pages[0], "#/locks")
		s.await(says(row("deploy/web"), "alice@web1"))
		s.run(`
			window.moved = 0
			const look = () => { window.moved += document.getAnimations().filter(one => one.playState === "running" && one.effect.getComputedTiming().duration > 1).length; requestAnimationFrame(look) }
			look()`)
		alice.releases("deploy/web", token)
		s.await(says(row("deploy/web"), "bob@web2"))
		// What moves has begun when the frame behind the change is drawn.
		if moved := value[int](s, `
			await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
			return window.moved`) > 0; moved == still {
			t.Errorf("that nothing moves is preferred: %v; something moved: %v", still, moved)
		}
		bob.leaves()
		bob = h.client("bob", "web2", "make restart")
	}
}
