package browser

import (
	"testing"

	"lockstep/tests/browser/chrome"
)

const focused = "document.activeElement"

// tabTo goes on to an element with the Tab key alone. All on the way has to show that
// it has the focus.
func (s *sight) tabTo(element string) {
	s.Helper()
	for range 60 {
		s.press("Tab")
		at := value[struct {
			There, Seen bool
			What        string
		}](s, `
			const it = document.activeElement, style = getComputedStyle(it)
			const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none"
			return {There: it === `+element+`, Seen: it === document.body || ring, What: it.outerHTML.slice(0, 200)}`)
		if !at.Seen {
			s.Errorf("nobody sees that it has the focus: %s", at.What)
		}
		if at.There {
			return
		}
	}
	s.Fatalf("the Tab key does not lead to %s", element)
}

// active is the expression of the row of the tree that the keys act on.
const active = `document.getElementById(document.querySelector("#tree").getAttribute("aria-activedescendant"))`

// TestEverythingGoesWithoutAMouse: from the first Tab to a lock that is taken away.
func TestEverythingGoesWithoutAMouse(t *testing.T) {
	t.Parallel()
	h := build(t)
	alice, bob := h.client("alice", "web1", "make deploy"), h.client("bob", "web2", "make restart")
	token := alice.takes("deploy/web")
	alice.takes("deploy/db")
	alice.takes("nightly")
	bob.waits("deploy/web")

	s := look(t, chrome.Desk, h.pages[h.backup()], "")
	s.await(says(one("#headline"), "is the primary"))
	s.press("Tab")
	s.await(focused + " === " + one("#skip") + " && " + shown(one("#skip")))
	s.press("Enter")
	s.await(focused + " === " + one("#main"))

	if err := s.tab.Reload(); err != nil {
		t.Fatal(err)
	}
	s.await(says(one("#headline"), "is the primary"))
	s.tabTo(one(`#views [data-view="locks"]`))
	s.press("Enter")
	s.await(row("deploy/web") + " && " + focused + " === " + one("h1"))

	s.tabTo(one("#tree"))
	is := func(element string) { t.Helper(); s.await(active + " === " + element + " && " + active) }
	is(folder("deploy/"))
	s.press("ArrowDown")
	is(row("deploy/db"))
	s.press("ArrowLeft")
	is(folder("deploy/"))
	s.press("ArrowLeft")
	s.await("!" + row("deploy/db"))
	s.press("ArrowDown")
	is(row("nightly"))
	s.press("Home")
	is(folder("deploy/"))
	s.press("ArrowRight")
	s.await(row("deploy/db"))
	s.press("ArrowRight", "ArrowDown")
	is(row("deploy/web"))
	s.press("End")
	is(row("nightly"))
	s.press("ArrowUp")
	is(row("deploy/web"))
	s.press("Enter")
	s.await(holder(alice))

	s.tabTo(one("#force"))
	s.press("Enter")
	s.await(focused + " === " + one("#reason"))
	s.types("enough")
	s.tabTo(one("#cancel"))
	s.press("Enter")
	s.await("!" + one("dialog") + " && " + focused + " === " + one("#force"))
	s.holds(alice, "deploy/web", token)
	s.press("Space")
	s.await(focused + " === " + one("#reason"))
	s.types("enough")
	s.tabTo(one("#confirm"))
	s.press("Enter")
	s.await(holder(bob))

	// Behind an open dialog nothing can be reached.
	s.tabTo(one("#force"))
	s.press("Enter")
	for range 8 {
		s.press("Tab")
		s.await(focused + ` === document.body || ` + focused + `.closest("dialog")`)
	}
	s.press("Escape")
	s.await("!" + one("dialog"))
}
