package locktest_test

import (
	"fmt"
	"testing"
	"time"

	"lockstep/locktest"
	"lockstep/messages"
)

// A pair and its clients are upgraded one process after the other, and back
// again, while the locks stay where they are.
func TestUpgrade(t *testing.T) {
	inBubble(t, func(t *testing.T, pair *locktest.Pair) {
		clerk := pair.Clerk()
		want(t, clerk.Lock, "a", true)
		for _, version := range []uint32{messages.OldestVersion, messages.Version} {
			pair.Speak(version)
			for node, restart := range []func(){pair.RestartPrimary, pair.RestartBackup} {
				restart()
				pair.AwaitPaired()
				want(t, clerk.Lock, "a", false)
				other := pair.Clerk() // a client of that version, too
				name := fmt.Sprintf("version %d, node %d", version, node)
				want(t, other.Lock, name, true)
				want(t, clerk.Unlock, name, true)
			}
		}
	})
}

// A client of the last version uses a cluster, without knowing what that is.
func TestOldClientOfACluster(t *testing.T) {
	clusterInBubble(t, 3, func(t *testing.T, c *locktest.Cluster) {
		c.Speak(messages.OldestVersion)
		clerk := c.Clerk()
		want(t, clerk.Lock, "a", true)
		p := c.Primary()
		c.Pause((p + 1) % 3)
		c.Pause((p + 2) % 3)
		answered := make(chan error, 1)
		go func() {
			_, err := clerk.Unlock(t.Context(), "a")
			answered <- err
		}()
		time.Sleep(2 * time.Second) // nobody has a quorum, and the node says so in older words
		select {
		case err := <-answered:
			t.Fatalf("answered without a quorum: %v", err)
		default:
		}
		c.Resume((p + 1) % 3)
		if err := <-answered; err != nil {
			t.Error(err)
		}
	})
}
