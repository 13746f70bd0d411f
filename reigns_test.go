package lockstep_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lockstep"
	"lockstep/locktest"
)

// reigns are those that the nodes tell of, within a second.
func reigns(t *testing.T, client *lockstep.Client) []lockstep.Reign {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	all, err := client.Reigns(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range all {
		if r.Began.IsZero() || i > 0 && (r.View <= all[i-1].View || r.Began.Before(all[i-1].Began)) {
			t.Errorf("out of order: %+v", all)
		}
	}
	return all
}

// told says who reigned, and why.
func told(all []lockstep.Reign) string {
	var words []string
	for _, r := range all {
		words = append(words, r.Node+" "+string(r.Why))
	}
	return strings.Join(words, ", ")
}

// Every node can tell who was the primary, and why it is another now: the others
// know of one that died.
func TestTheNodesTellTheirReigns(t *testing.T) {
	onCluster(t, func(t *testing.T, c *locktest.Cluster) {
		c.AwaitReady()
		time.Sleep(time.Second) // all have seen it
		client, names := c.Client(), c.Names()
		name := func() string { return names[c.Primary()] }
		first := name()
		want := first + " started"
		if got := told(reigns(t, client)); got != want {
			t.Fatalf("at first: %s, want %s", got, want)
		}

		second := (c.Primary() + 1) % 3
		if err := client.Switchover(t.Context(), names[second], nil); err != nil {
			t.Fatal(err)
		}
		want += ", " + names[second] + " handed_over"
		time.Sleep(time.Second)
		if got := told(reigns(t, client)); got != want {
			t.Fatalf("after a switch-over: %s, want %s", got, want)
		}

		c.Kill(second)
		c.AwaitReady()
		time.Sleep(time.Second)
		want += ", " + name() + " suspected"
		all := reigns(t, client)
		if got := told(all); got != want {
			t.Fatalf("after a death: %s, want %s", got, want)
		}
		if idle := all[2].Idle.Duration; idle < 50*time.Millisecond || idle > 2*time.Second {
			t.Errorf("nobody served for %v", idle)
		}

		c.Restart(second)
		c.AwaitReady()
		third := c.Primary()
		c.Leave(third)
		c.AwaitReady()
		time.Sleep(time.Second)
		want += ", " + name() + " handed_over"
		if names[third] == first { // the one that knew how its reign began has gone
			want = strings.Replace(want, "started", "unseen", 1)
		}
		if got := told(reigns(t, client)); got != want {
			t.Fatalf("after an orderly stop: %s, want %s", got, want)
		}
	}, locktest.Durable())
}

// A pair tells them, too: one that lost its backup, and that has it again, goes on.
func TestAPairTellsItsReigns(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client, nodes := pair.Client(), pair.Nodes()
		time.Sleep(time.Second) // both have seen it
		pair.KillPrimary()
		release(t, acquired(t, client, "db"))
		pair.RestartPrimary()
		pair.AwaitPaired()
		time.Sleep(time.Second)
		want := fmt.Sprintf("%s unseen, %s suspected, %s went_on", nodes[0], nodes[1], nodes[1])
		all := reigns(t, client)
		if got := told(all); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if last := all[len(all)-1]; last.Idle.Duration != 0 {
			t.Errorf("nothing was interrupted when the other came back, and it says %v", last.Idle)
		}
	})
}

// Who asks nobody that answers is told so.
func TestNobodyTellsOfReigns(t *testing.T) {
	onCluster(t, func(t *testing.T, c *locktest.Cluster) {
		client := c.Client()
		for i := range 3 {
			c.Kill(i)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if all, err := client.Reigns(ctx); !errors.Is(err, lockstep.ErrNoAnswer) {
			t.Errorf("got %v, %v", all, err)
		}
	})
}
