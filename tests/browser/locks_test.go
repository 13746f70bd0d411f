package browser

import (
	"strings"
	"testing"

	"lockstep/tests/browser/chrome"
)

// row is the expression of a lock's row in the tree, and folder that of a folder's.
func row(name string) string    { return rowOf("lock", name) }
func folder(name string) string { return rowOf("folder", name) }

func rowOf(kind, name string) string {
	return `[...document.querySelectorAll("#tree [role=treeitem]")].find(row => row.dataset.kind === "` + kind + `" && row.dataset.name === ` + quote(name) + `)`
}

// says is the expression that an element is there and that its text has all of this.
func says(element string, texts ...string) string {
	return `((it) => it && ` + quoted(texts) + `.every(text => it.textContent.includes(text)))(` + element + `)`
}

func quoted(texts []string) string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = quote(text)
	}
	return "[" + strings.Join(all, ",") + "]"
}

// stays remembers the page as it is loaded now, and same fails if it is another one.
func (s *sight) stays() { s.run("window.unchanged = true") }

func (s *sight) same() {
	s.Helper()
	if !value[bool](s, "return Boolean(window.unchanged)") {
		s.Error("the page was loaded anew: it has to be live by itself")
	}
}

// TestLocksAreATreeThatIsLive: folders and locks by name, with who holds them and
// how many wait, as it changes.
func TestLocksAreATreeThatIsLive(t *testing.T) {
	t.Parallel()
	h := build(t)
	alice, bob, carol := h.client("alice", "web1", "make deploy"), h.client("bob", "web2", "make restart"), h.client("carol", "db1", "migrate")
	token := alice.takes("deploy/web")
	bob.waits("deploy/web")
	carol.takes("deploy/db")
	carol.takes("nightly")

	s := look(t, chrome.Desk, h.pages[h.backup()], "#/locks")
	s.await(says(row("deploy/web"), "web", "alice@web1", "exclusive", "1"))
	s.await(says(row("deploy/db"), "db", "carol@db1"))
	s.await(says(row("nightly"), "nightly", "carol@db1"))
	s.await(says(folder("deploy/"), "deploy/", "2 locks"))
	s.await(says(one("#sum"), "3 locks", "1 waiting"))
	s.stays()

	h.client("dora", "web3", "look").takes("deploy/New")
	s.await(says(row("deploy/New"), "dora@web3"))
	alice.releases("deploy/web", token)
	s.await(says(row("deploy/web"), "bob@web2") + " && !" + says(row("deploy/web"), "alice"))
	carol.leaves()
	s.await("!" + row("deploy/db") + " && !" + row("nightly"))
	s.await(says(one("#sum"), "2 locks") + " && !" + says(one("#sum"), "waiting"))

	s.click(folder("deploy/"))
	s.await("!" + row("deploy/web") + " && " + folder("deploy/") + `.getAttribute("aria-expanded") === "false"`)
	s.click(one("#open-all"))
	s.await(row("deploy/web"))

	s.click(one("#filter"))
	s.types("NEW") // as people type
	s.await(row("deploy/New") + " && !" + row("deploy/web"))
	s.types("est of all")
	s.await(says(one("#nothing"), "No name is like that") + " && !" + row("deploy/New"))
	s.run(one("#filter") + `.value = ""; ` + one("#filter") + `.dispatchEvent(new Event("input"))`)
	h.client("eve", "web4", "wait").waits("deploy/web")
	s.click(one("#waited"))
	s.await(row("deploy/web") + " && !" + row("deploy/New"))

	// Who comes back is where they were.
	s.click(row("deploy/web"))
	s.await(says(one("h1"), "deploy/web"))
	s.run("history.back()")
	s.await(row("deploy/web") + " && !" + row("deploy/New") + " && " + one("#waited") + ".checked")
	s.same()
}

// hostile are names of locks that were made to break out of a page, or of an address.
var hostile = []string{
	`<img src=x onerror=alert(1)>`, `"><script>alert(1)</script>`, `'-alert(1)-'`, `{{7*7}}`, `${alert(1)}`, `javascript:alert(1)`,
	`__proto__`, `constructor`, `toString`, `hasOwnProperty`, `#/lock/x`, `?a=b&c=d`, `100%`, `%2F`, `%00`, `..`, `../../etc/passwd`, `.`,
	`/`, `//`, `/begins`, `ends/`, `a//b`, `a/b`, `a/`, `a`, ` begins with a space`, `two  spaces`, `\`, `\u0041`, `"`, `'`, "`", `&amp;`, `&lt;b&gt;`,
	`кириллица/замок`, `鍵/錠`, `קרן/מנעול`, `é`, "e\u0301", `👩/🔒`, `lock`, strings.Repeat("long", 64), strings.Repeat("d/", 30) + "deep",
}

// TestHostileNamesAreText: whatever a lock is called, it stands in the tree under that
// name, and the way to it leads to it.
func TestHostileNamesAreText(t *testing.T) {
	t.Parallel()
	h := build(t)
	mallory := h.client(`<b>mallory</b>`, `<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`)
	for _, name := range hostile {
		mallory.takes(name)
	}
	s := look(t, chrome.Look{Width: 1280, Height: 5000}, h.pages[0], "#/locks") // so tall that all are seen
	s.click(one("#open-all"))
	for _, name := range hostile {
		s.visit("#/locks")
		s.click(row(name))
		s.await(`document.querySelector("main h1")?.textContent === ` + quote(name) + ` && ` + says(holder(mallory), "<b>mallory</b>@<script>"))
		if n := value[int](s, `return document.querySelectorAll("main img, main script, main b").length`); n != 0 {
			t.Errorf("%d elements came out of %q", n, name)
		}
	}
}
