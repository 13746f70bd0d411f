package browser

import (
	"testing"

	pb "lockstep/api/lockstep/v1"
	"lockstep/tests/browser/chrome"
)

// red is the expression that a line is drawn in red.
func red(element string) string {
	return `((it) => { const [r, g, b] = getComputedStyle(it).stroke.match(/[\d.]+/g).map(Number); return r > 1.5 * g && r > 1.5 * b })(` + element + `)`
}

// edge is the expression of a line between two things of the graph.
func edge(from, to string) string {
	return one(`#graph path.edge[data-from="` + from + `"][data-to="` + to + `"]`)
}

func wants(c *someone, name string) string { return edge("session "+c.session, "lock "+name) }
func keeps(c *someone, name string) string { return edge("lock "+name, "session "+c.session) }

// TestDeadlocksAreRedInTheGraph: who waits for whom, as lines and in words, and those
// who wait for each other stand out, until they do not any more.
func TestDeadlocksAreRedInTheGraph(t *testing.T) {
	t.Parallel()
	h := build(t)
	alice, bob, carol := h.client("alice", "web1", "nightly"), h.client("bob", "web2", "hourly"), h.client("carol", "db1", "migrate")
	s := look(t, chrome.Desk, h.pages[h.backup()], "#/waits")
	s.await(says(one("#graph"), "Nobody waits"))
	s.stays()

	alice.takes("db/users")
	bob.takes("db/orders")
	carol.waits("db/users")
	s.await(wants(carol, "db/users") + " && " + one("#graph path.edge[data-from='lock db/users']") + " && !" + one("#graph .edge[data-dead]"))
	alice.waits("db/orders")
	bob.waits("db/users")
	s.await(says(one(`#deadlocks [data-deadlock="certain"]`), "alice@web1, pid 7 waits", "db/orders", "bob@web2, pid 7 keeps", "db/users"))
	s.await(says(one("#said"), "1 deadlock")) // what a screen reader reads out
	for _, line := range []string{wants(alice, "db/orders"), keeps(bob, "db/orders"), wants(bob, "db/users"), keeps(alice, "db/users")} {
		s.await(line + " && " + red(line))
	}
	s.await("!" + red(wants(carol, "db/users")))
	s.await(says(one(`#waits [data-name="db/users"]`), "held by", "alice@web1, pid 7", "carol@db1, pid 7", "bob@web2, pid 7", "wait"))
	s.await(says(one(`#graph [data-node="session `+carol.session+`"]`), "carol@db1", "pid 7: migrate"))
	s.await(shown(one("#deadlock-count")) + " && " + says(one("#deadlock-count"), "1"))

	if _, err := h.api().Revoke(t.Context(), &pb.RevokeRequest{Name: "db/orders", Reason: "to end the circle"}); err != nil {
		t.Fatal(err)
	}
	s.await("!" + one("#deadlocks [data-deadlock]") + " && !" + one("#graph .edge[data-dead]"))
	s.await(wants(bob, "db/users") + " && !" + shown(one("#deadlock-count")))
	s.click(one(`#graph a[data-node="lock db/users"]`))
	s.await(says(one("h1"), "db/users") + " && " + holder(alice))
	s.same()
}

// TestSessionsAreShown: who is there, and what each of them has and wants.
func TestSessionsAreShown(t *testing.T) {
	t.Parallel()
	h := build(t)
	alice, bob := h.client("alice", "web1", "make deploy"), h.client("bob", "web2", "make restart")
	alice.takes("deploy/web")
	bob.takes("deploy/db")
	bob.waits("deploy/web")
	s := look(t, chrome.Desk, h.pages[h.backup()], "#/sessions")
	person := func(c *someone) string { return one(`#people [data-session="` + c.session + `"]`) }
	s.await(says(person(alice), "alice@web1, pid 7: make deploy"))
	s.await(says(person(bob), "bob@web2, pid 7: make restart"))
	s.click(person(bob) + `.querySelector("a")`)
	s.await(says(one("h1"), "bob@web2") + " && " + one(`#held [data-name="deploy/db"]`) + " && " + says(one(`#wanted [data-name="deploy/web"]`), "the next"))
	alice.leaves()
	s.await(one(`#held [data-name="deploy/web"]`) + " && !" + one(`#wanted [data-name]`))
	bob.leaves()
	s.await(says(one("#gone"), "There is no such session any more") + " && !" + one(`#held [data-name]`))
}
