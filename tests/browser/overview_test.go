package browser

import (
	"syscall"
	"testing"

	"lockstep/tests/browser/chrome"
)

// card is the expression of a node's card.
func card(node string) string { return one(`#nodes [data-node="` + node + `"]`) }

// has is the expression that an element is there and has a property of its data.
func has(element, key, value string) string {
	return `((it) => it && it.dataset.` + key + ` === ` + quote(value) + `)(` + element + `)`
}

// TestTheOverviewFollowsAFailover: who is the primary, how the others are, what is not
// safe, and what became of a primary that died.
func TestTheOverviewFollowsAFailover(t *testing.T) {
	t.Parallel()
	h := build(t)
	first := h.primary()
	eye := h.backup()
	h.door = eye
	h.client("alice", "web1", "make deploy").takes("deploy/web")
	primary, backup := h.Nodes[first].Name, h.Nodes[eye].Name

	s := look(t, chrome.Desk, h.pages[eye], "")
	s.await(says(one("#headline"), primary+" is the primary"))
	s.await(says(one("#safety"), "All 3 nodes answer"))
	s.await(has(card(primary), "role", "primary") + " && " + has(card(backup), "role", "backup"))
	s.await(says(card(backup), "Behind", "nothing", "shows you this page") + " && !" + says(card(primary), "shows you this page"))
	s.await(says(one(`#figures [data-figure="locks"]`), "1"))
	s.await(says(one(`#oldest [data-name="deploy/web"]`), "alice@web1"))
	s.await(says(one(`#reigns li`), primary+" became the primary"))
	s.stays()

	h.client("bob", "web2", "make restart").waits("deploy/web")
	s.await(says(one(`#figures [data-figure="waiting"]`), "1"))
	s.await(says(one(`#waited [data-name="deploy/web"]`), "1"))
	s.await(says(one(`#ticker [data-kind="KIND_WAIT_BEGAN"]`), "bob@web2", "deploy/web"))

	h.Nodes[first].Kill()
	s.await(`((it) => it && /is the primary/.test(it.textContent) && !it.textContent.startsWith(` + quote(primary) + `))(` + one("#headline") + `)`)
	s.await(says(one("#safety"), "1 of 3 nodes does not answer"))
	s.await(has(card(primary), "role", "silent"))
	s.await(shown(one("#warnings")) + " && " + says(one("#warnings"), primary))
	s.await(says(one(`#reigns [data-why="WHY_SUSPECTED"]`), "became the primary", "was not heard any more", "nobody served for"))
	s.await(shown(one("#timeline .gap")) + ` && document.querySelectorAll("#timeline rect.reign").length === 2`)

	if err := h.Nodes[first].Start(); err != nil {
		t.Fatal(err)
	}
	s.await(says(one("#safety"), "All 3 nodes answer"))
	s.await(has(card(primary), "role", "backup"))
	s.await("!" + says(one("#warnings"), primary+" does not answer"))
	s.same()
}

// TestThePageOutlivesItsNode: it says that its node is gone, shows what it last knew,
// and goes on by itself when the node is back.
func TestThePageOutlivesItsNode(t *testing.T) {
	t.Parallel()
	h := build(t)
	eye := h.backup()
	h.door = h.primary()
	h.client("alice", "web1", "make deploy").takes("before")
	s := look(t, chrome.Desk, h.pages[eye], "#/locks")
	s.await(row("before"))
	s.await(has("document.body", "state", "live"))
	s.stays()

	h.Nodes[eye].Kill()
	s.await(shown(one("#alarm")) + " && " + says(one("#alarm"), "This node does not answer", "rying again"))
	s.await(has("document.body", "state", "lost") + " && " + shown(row("before")))
	h.client("bob", "web2", "make restart").takes("meanwhile")
	if err := h.Nodes[eye].Start(); err != nil {
		t.Fatal(err)
	}
	s.await(has("document.body", "state", "live") + " && !" + shown(one("#alarm")))
	s.await(row("meanwhile"))
	h.client("carol", "web3", "look").takes("afterwards")
	s.await(row("afterwards"))
	s.same()
}

// TestThePageNoticesANodeThatStandsStill: one that takes connections, and says nothing.
func TestThePageNoticesANodeThatStandsStill(t *testing.T) {
	t.Parallel()
	h := build(t)
	eye := h.backup()
	h.door = h.primary()
	s := look(t, chrome.Desk, h.pages[eye], "#/locks")
	s.await(says(one("#nothing"), "Nothing is locked"))
	s.stays()
	h.Nodes[eye].Signal(syscall.SIGSTOP)
	h.client("alice", "web1", "make deploy").takes("meanwhile")
	s.await(shown(one("#alarm")) + " && " + says(one("#alarm"), "This node does not answer"))
	h.Nodes[eye].Signal(syscall.SIGCONT)
	s.await(row("meanwhile") + " && !" + shown(one("#alarm")))
	s.same()
}

// TestAPlaceThatIsNoneIsTheOverview: an address that somebody has mistyped, or made up.
func TestAPlaceThatIsNoneIsTheOverview(t *testing.T) {
	t.Parallel()
	h := build(t)
	s := look(t, chrome.Desk, h.pages[0], "#/nowhere")
	for _, place := range []string{"#/nowhere", "#/constructor", "#/lock/%", "#/lock/%E0%A4%A", "#/lock", "#/locks/x", "#x", "#//evil.example/", "#/../"} {
		s.visit("#/locks")
		s.await(one("#tree"))
		s.visit(place)
		s.await(says(one("#headline"), "is the primary"))
	}
}
