package tests

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"lockstep"
	"lockstep/tests/cluster"
)

var servingAt = regexp.MustCompile(`serving the API .*address=(127\.0\.0\.1:[0-9]+)`)

// look asks the public port of a node.
func look(t *testing.T, n *cluster.Node, path string) (int, string) {
	t.Helper()
	at := servingAt.FindStringSubmatch(n.Said())
	if at == nil {
		t.Fatalf("node %s does not say where it serves the API", n.Name)
	}
	return fetch(t, http.DefaultClient, "http://"+at[1]+path)
}

// fetch returns what a page says, and its status.
func fetch(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// Who looks after a cluster sees on its public port who is the primary, what has
// happened to locks, which of them is waited for, and what the processes do.
func TestANodeShowsItsNumbers(t *testing.T) {
	t.Parallel()
	w := startTrio(t, "-api", "127.0.0.1:0")
	client := w.dial()
	lease := acquire(t, client, "deploy/web")
	waiting, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	go func() { _, _ = client.Acquire(waiting, "deploy/web") }()
	awaitLock(t, client, "deploy/web", func(l lockstep.LockInfo) bool { return l.Waiters == 1 })

	primary := w.primary()
	for _, n := range w.Nodes {
		code, text := look(t, n, "/metrics")
		reigns := fmt.Sprintf(`lockstep_role{node="%s",role="primary"} 1`, n.Name)
		if code != http.StatusOK || strings.Contains(text, reigns) != (n == primary) {
			t.Errorf("node %s: %d, and not %s:\n%s", n.Name, code, reigns, text)
		}
		for _, want := range []string{"lockstep_waiters{", "lockstep_frames_total{", "lockstep_go_goroutines", "lockstep_process_open_fds"} {
			if !strings.Contains(text, want) {
				t.Errorf("node %s tells no %s", n.Name, want)
			}
		}
		if code, text := look(t, n, "/debug/pprof/goroutine?debug=1"); code != http.StatusOK || !strings.Contains(text, "goroutine profile") {
			t.Errorf("node %s: %d %.100s", n.Name, code, text)
		}
	}
	if _, text := look(t, primary, "/metrics"); !strings.Contains(text, fmt.Sprintf("lockstep_grants_total{mode=\"exclusive\",node=%q} 1\n", primary.Name)) {
		t.Errorf("one lock was granted:\n%s", text)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) { // a poll: a wait of no time is none
		code, text := look(t, primary, "/debug/locks?debug=1")
		if code == http.StatusOK && strings.HasSuffix(text, " 1  deploy/web\n") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d %s", code, text)
		}
	}
	giveUp()
	if err := lease.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
}
