package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"lockstep/tests/browser/chrome"
)

// TestAPairHasItsPage, which says when one of the two is alone.
func TestAPairHasItsPage(t *testing.T) {
	t.Parallel()
	program := program(t)
	addresses := []string{free(t), free(t)}
	var nodes []*exec.Cmd
	var pages []string
	for _, form := range []string{"-p", "-b"} {
		api := free(t)
		pages = append(pages, "http://"+api)
		node := exec.Command(program, form, addresses[0], addresses[1], "-api", api, "-data", filepath.Join(t.TempDir(), "state"))
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, node)
		t.Cleanup(func() {
			_ = node.Process.Kill() // one of them is dead by then
			_ = node.Wait()         // of the signal
		})
	}
	ready(t, pages[1])
	s := look(t, chrome.Desk, pages[1], "")
	s.await(says(one("#headline"), addresses[0]+" is the primary"))
	s.await(says(one("#safety"), "Both nodes answer"))
	s.await(has(card(addresses[1]), "role", "backup"))
	if err := nodes[0].Process.Signal(os.Kill); err != nil {
		t.Fatal(err)
	}
	s.await(says(one("#headline"), addresses[1]+" is the primary") + " && " + has(card(addresses[1]), "role", "solo"))
	s.await(shown(one("#warnings")) + " && " + says(one("#reigns"), addresses[1]+" became the primary", "nobody served for"))
}
