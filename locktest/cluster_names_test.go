package locktest_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep"
	"lockstep/locktest"
)

// log is where a client says what it does.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// A client that was given the nodes by other names than their own is served by
// each of them once.
func TestNodesByOtherNames(t *testing.T) {
	if raceEnabled {
		t.Skip("several proto.actor remotes in one process race on gRPC's global logger; the processes' tests cover this")
	}
	c := locktest.StartCluster(t, 3, locktest.Remoting())
	for _, given := range []int{1, 3} {
		var names []string
		for _, address := range c.Addresses()[:given] {
			names = append(names, strings.Replace(address, "127.0.0.1", "localhost", 1))
		}
		var said log
		client, err := lockstep.Dial(t.Context(), names, lockstep.WithLogger(slog.New(slog.NewTextHandler(&said, nil))))
		if err != nil {
			t.Fatal(err)
		}
		clerk := client.Clerk()
		want(t, clerk.Lock, "a", true)
		// A node that was hinted at before the connection by its given name stood may
		// go on under both: the given one is silent then, and passed over.
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		answered := map[string]int{}
		for len(answered) < 3 && ctx.Err() == nil {
			clear(answered)
			for _, n := range client.Status(ctx) {
				if n.Err == nil {
					answered[n.Node]++
				}
			}
		}
		cancel()
		for name, times := range answered {
			if times != 1 || len(answered) != 3 {
				t.Errorf("of %d nodes, %s answered as %d", len(answered), name, times)
			}
		}
		p := c.Primary()
		c.Kill(p)
		want(t, clerk.Lock, "a", false)
		c.Restart(p)
		c.AwaitReady()
		want(t, clerk.Unlock, "a", true)
		client.Close()
		if strings.Contains(said.text.String(), "another life") {
			t.Errorf("the client says:\n%s", said.text.String())
		}
	}
}
