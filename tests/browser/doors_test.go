package browser

import (
	"strings"
	"testing"

	"lockstep/tests/browser/chrome"
)

// signIn shows a token, which the page has to ask for. What was typed before is
// replaced.
func (s *sight) signIn(token string) {
	s.Helper()
	s.await(focused + " === " + one("#token") + " && getSelection().toString().length === document.activeElement.value.length")
	s.types(token)
	s.click(one("#sign-in"))
}

// TestWhoLooksIsAskedAndSeesWhatIsDue: a token is asked for, kept in the tab alone, and
// what it does not allow is not offered.
func TestWhoLooksIsAskedAndSeesWhatIsDue(t *testing.T) {
	t.Parallel()
	h := guard(t, "reader read *", "boss admin deploy/*", "boss read *", "narrow read deploy/*", "single read deploy/web", "stranger")
	alice := h.client("alice", "web1", "make deploy")
	token := alice.takes("deploy/web")
	alice.takes("db/users")
	page := h.pages[h.backup()]

	s := look(t, chrome.Desk, page, "#/lock/deploy%2Fweb")
	s.signIn("lockstep_" + strings.Repeat("A", 43))
	s.await(says(one("#token-wrong"), "not known here"))
	s.signIn(h.tokens["reader"])
	s.await(holder(alice))
	if value[bool](s, "return "+shown(one("#force"))+" || false") {
		t.Error("a reader is offered to take a lock away")
	}
	s.keepsToItself(h.tokens["reader"])
	s.visit("#/locks")
	s.await(row("deploy/web") + " && " + row("db/users"))
	if err := s.tab.Reload(); err != nil {
		t.Fatal(err)
	}
	s.await(row("deploy/web")) // the tab still knows who looks
	s.click(one("#sign-out"))
	s.await(shown(one("#token")) + " && !" + row("deploy/web"))
	if err := s.tab.Reload(); err != nil {
		t.Fatal(err)
	}

	// Who may read some locks sees those.
	s.signIn(h.tokens["narrow"])
	s.await(row("deploy/web"))
	if value[bool](s, "return Boolean("+row("db/users")+") || document.body.innerText.includes('users')") {
		t.Error("somebody sees a lock that the rules do not show")
	}
	s.click(one("#sign-out"))

	// One lock alone, too; and who may read none is told so.
	s.signIn(h.tokens["single"])
	s.await(row("deploy/web"))
	s.visit("#/lock/db%2Fusers")
	s.await(says(one("#note"), "The rules do not show you this lock") + " && !" + one("#holders [data-session]"))
	s.click(one("#sign-out"))
	s.signIn(h.tokens["stranger"])
	s.await(shown(one("#alarm")) + " && " + says(one("#alarm"), "the rules let you read no lock"))
	s.click(one("#sign-out"))
	s.visit("#/locks")

	// Who may take some away is offered those.
	s.signIn(h.tokens["boss"])
	s.await(row("db/users"))
	s.visit("#/lock/db%2Fusers")
	s.await(holder(alice))
	if value[bool](s, "return "+shown(one("#force"))+" || false") {
		t.Error("somebody is offered to take away a lock that is not theirs to take")
	}
	s.visit("#/lock/deploy%2Fweb")
	s.click(one("#force"))
	s.types("enough")
	s.holds(alice, "deploy/web", token)
	s.click(one("#confirm"))
	s.await(says(one("#holders"), "Nobody has it"))

	// Who may see less than before sees it no more, and whose token ends is asked again.
	s.visit("#/locks")
	s.await(row("db/users"))
	alice.takes("deploy/web")
	h.strike("allow boss read *")
	s.await("!" + row("db/users") + " && " + row("deploy/web"))
	h.strike("token boss ")
	s.await(shown(one("#token")) + " && !" + row("deploy/web"))
}

// keepsToItself fails the test if a token is anywhere but in the tab.
func (s *sight) keepsToItself(token string) {
	s.Helper()
	kept := value[map[string]string](s, `
		const databases = (await indexedDB.databases()).map(one => one.name).join()
		return {address: location.href, cookie: document.cookie, local: JSON.stringify(localStorage), databases,
			document: document.documentElement.outerHTML, history: JSON.stringify(history.state)}`)
	for where, what := range kept {
		if strings.Contains(what, token) || where == "databases" && what != "" {
			s.Errorf("the token is in the %s: %s", where, what)
		}
	}
	for _, asked := range s.tab.Requests() {
		if strings.Contains(asked, token) {
			s.Errorf("the token is in a request's address: %s", asked)
		}
	}
}
