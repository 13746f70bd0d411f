package browser

import (
	"fmt"
	"testing"

	pb "lockstep/api/lockstep/v1"
	"lockstep/tests/browser/chrome"
)

// holder is the expression of somebody who has the lock that is shown.
func holder(c *someone) string { return one(`#holders [data-session="` + c.session + `"]`) }

// queue is the expression that these wait for it, in this order.
func queue(of ...*someone) string {
	var all []string
	for _, c := range of {
		all = append(all, c.session)
	}
	return `(([...document.querySelectorAll("#queue [data-session]")].map(it => it.dataset.session)).join() === ` + quoted(all) + `.join())`
}

// tenure is the line of the history with a token.
func tenure(token uint64) string { return one(fmt.Sprintf(`#tenures [data-token="%d"]`, token)) }

// TestALockIsShownWithItsPast: who has it, who waits in which order, what frees it, and
// who had it before, live.
func TestALockIsShownWithItsPast(t *testing.T) {
	t.Parallel()
	h := build(t)
	const name = "deploy/web"
	alice, bob, carol := h.client("alice", "web1", "make deploy"), h.client("bob", "web2", "make restart"), h.client("carol", "db1", "migrate")
	dora := h.client("dora", "web3", "look")
	first := dora.takes(name)
	dora.releases(name, first)
	second := alice.takes(name)
	bob.waits(name)
	carol.waits(name)

	s := look(t, chrome.Desk, h.pages[h.backup()], "#/lock/deploy%2Fweb")
	s.await(says(one("h1"), name) + ` && document.title.includes("deploy/web")`)
	s.await(says(one("#sentence"), "Held by alice@web1, pid 7: make deploy", "2 wait"))
	s.await(says(holder(alice), "alice@web1, pid 7: make deploy", "exclusive", fmt.Sprint(second)))
	s.await(queue(bob, carol))
	s.await(says(one("#why"), "When its holder releases it"))
	s.await(says(tenure(first), "dora@web3", "released"))
	s.await(says(tenure(second), "alice@web1", "holds it"))
	s.stays()

	alice.releases(name, second)
	s.await(holder(bob) + " && !" + holder(alice) + " && " + queue(carol))
	s.await(says(tenure(second), "alice@web1", "released"))
	if _, err := h.api().Revoke(t.Context(), &pb.RevokeRequest{Name: name, Reason: "stuck since noon"}); err != nil {
		t.Fatal(err)
	}
	s.await(holder(carol) + " && " + queue())
	s.await(says(one(`#tenures [data-ending="ENDING_REVOKED"]`), "bob@web2", "taken away", "stuck since noon"))
	carol.leaves()
	s.await(says(one("#holders"), "Nobody has it") + " && " + says(one("#why"), "free"))
	s.await(says(one(`#tenures [data-ending="ENDING_CLOSED"]`), "carol@db1"))
	s.same()
}

// TestALockIsTakenAwayWithAReason: not without one, not by accident, and whoever looks
// later finds the reason.
func TestALockIsTakenAwayWithAReason(t *testing.T) {
	t.Parallel()
	h := build(t)
	const name, reason = "deploy/web", "stuck <since> noon, see OPS-7"
	alice, bob := h.client("alice", "web1", "make deploy"), h.client("bob", "web2", "make restart")
	token := alice.takes(name)
	bob.waits(name)

	s := look(t, chrome.Desk, h.pages[h.backup()], "#/lock/deploy%2Fweb")
	s.await(holder(alice))
	s.click(one("#force"))
	s.await(one("dialog#release[open]") + " && document.activeElement === " + one("#reason"))
	s.click(one("#confirm")) // the browser wants the field to be filled
	s.types(" ")
	s.click(one("#confirm")) // and the page wants more than a space
	s.await(says(one("#reason-wrong"), "Say why"))
	s.press("Escape")
	s.await("!" + one("dialog") + " && document.activeElement === " + one("#force"))
	s.holds(alice, name, token)

	s.click(one("#force"))
	s.await("document.activeElement === " + one("#reason"))
	s.types(reason)
	s.click(one("#confirm"))
	s.await(holder(bob) + " && !" + one("dialog"))
	s.await(says(one("#done"), "It was taken away"))
	s.await(says(tenure(token), "taken away", reason))
	past, err := h.api().History(t.Context(), &pb.HistoryRequest{Name: name})
	if err != nil || len(past.GetTenures()) != 2 || past.GetTenures()[0].GetReason() != reason {
		t.Errorf("the nodes remember %v, %v", past, err)
	}
}

// holds fails the test unless somebody still has a lock.
func (s *sight) holds(c *someone, name string, token uint64) {
	s.Helper()
	got, err := c.api().Verify(c.Context(), &pb.VerifyRequest{Name: name, Token: token})
	if err != nil || !got.GetCurrent() {
		s.Fatalf("%q is not held any more: %v, %v", name, got, err)
	}
}

// TestALongQueueIsShownInOrder, a part of it first.
func TestALongQueueIsShownInOrder(t *testing.T) {
	t.Parallel()
	h := build(t)
	const waiting = 120
	h.client("alice", "web1", "make deploy").takes("crowded")
	var all []*someone
	for i := range waiting {
		c := h.client(fmt.Sprintf("user%d", i), "web2", "wait")
		c.waits("crowded")
		all = append(all, c)
	}
	s := look(t, chrome.Desk, h.pages[h.backup()], "#/lock/crowded")
	s.await(says(one("#sentence"), "120 wait"))
	s.await(queue(all[:100]...))
	s.click(one("#queue button"))
	s.await(queue(all...))
	all[0].leaves()
	s.await(queue(all[1:]...))
}
