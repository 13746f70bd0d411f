package lockstep_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep"
	"lockstep/locktest"
)

// onCluster runs a test with three nodes in a bubble.
func onCluster(t *testing.T, test func(t *testing.T, c *locktest.Cluster), opts ...locktest.Option) {
	synctest.Test(t, func(t *testing.T) { test(t, locktest.StartCluster(t, 3, opts...)) })
}

// dialled is a client that was given some of the nodes.
func dialled(t *testing.T, nodes []string, opts ...lockstep.Option) *lockstep.Client {
	t.Helper()
	client, err := lockstep.Dial(t.Context(), nodes, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func names(members []lockstep.Member) (all []string) {
	for _, m := range members {
		all = append(all, m.Name)
	}
	slices.Sort(all)
	return all
}

// Any one node is enough: it tells of the others, and may die then.
func TestOneNodeIsEnough(t *testing.T) {
	onCluster(t, func(t *testing.T, c *locktest.Cluster) {
		for i, address := range c.Addresses() {
			client := dialled(t, []string{address})
			release(t, acquired(t, client, "db"))
			members, err := client.Members(t.Context())
			if err != nil || !slices.Equal(names(members), []string{"a", "b", "c"}) {
				t.Fatalf("%s tells of %v, %v", address, members, err)
			}
			c.Kill(i)
			release(t, acquired(t, client, "db"))
			c.Restart(i)
			c.AwaitReady()
		}
	}, locktest.Durable())
}

// The nodes are replaced one by one, until none is left of those that the client
// was given.
func TestTheClientFollowsTheNodes(t *testing.T) {
	onCluster(t, func(t *testing.T, c *locktest.Cluster) {
		client := dialled(t, c.Addresses()[:1], lockstep.WithTTL(2*time.Second))
		lease := acquired(t, client, "db")
		for i, name := range []string{"d", "e", "f"} {
			joined := c.Join(name)
			time.Sleep(time.Second) // until it was heard
			var told []string
			if err := client.AddNode(t.Context(), name, c.Addresses()[joined], false, func(text string) { told = append(told, text) }); err != nil {
				t.Fatal(err)
			}
			if err := client.RemoveNode(t.Context(), c.Names()[i], nil); err != nil {
				t.Fatal(err)
			}
			c.Ended(i)
		}
		time.Sleep(20 * time.Second)
		if lease.Err() != nil {
			t.Fatal(lease.Err())
		}
		release(t, lease)
		c.Kill(c.Primary())
		release(t, acquired(t, client, "db"))
	})
}

// An order that will not be obeyed says why.
func TestARefusedOrderSaysWhy(t *testing.T) {
	onCluster(t, func(t *testing.T, c *locktest.Cluster) {
		var refused *lockstep.OrderError
		err := c.Client().AddNode(t.Context(), "d", "127.0.0.1:9", false, nil)
		if !errors.As(err, &refused) || !strings.Contains(refused.Reason, "127.0.0.1:9") {
			t.Errorf("adding a node that does not run: %v", err)
		}
	})
}

func TestSwitchingOver(t *testing.T) {
	onCluster(t, func(t *testing.T, c *locktest.Cluster) {
		client := c.Client()
		lease := acquired(t, client, "db")
		for _, target := range []func(next int) string{
			func(int) string { return "" },
			func(next int) string { return c.Names()[next] },
			func(next int) string { return c.Addresses()[next] },
		} {
			before := c.Primary()
			next := (before + 1) % 3
			began := time.Now()
			if err := client.Switchover(t.Context(), target(next), nil); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("it took %v", took)
			}
			if got := c.Primary(); got == before || target(next) != "" && got != next {
				t.Errorf("from %d to %d, instead of %d", before, got, next)
			}
		}
		release(t, lease)
	})
}

// The status shows all nodes, also to a client that was given one, and also the
// dead.
func TestTheStatusOfACluster(t *testing.T) {
	onCluster(t, func(t *testing.T, c *locktest.Cluster) {
		p := c.Primary()
		dead := (p + 1) % 3
		c.Kill(dead)
		client := dialled(t, c.Addresses()[p:p+1])
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		all := client.Status(ctx)
		if len(all) != 3 {
			t.Fatalf("%d nodes: %+v", len(all), all)
		}
		for _, n := range all {
			i := slices.Index(c.Addresses(), n.Name)
			if n.Node != c.Names()[i] {
				t.Errorf("%s is called %q", n.Name, n.Node)
			}
			switch {
			case i == dead:
				if !errors.Is(n.Err, lockstep.ErrNoAnswer) {
					t.Errorf("the dead node: %+v", n)
				}
			case n.Version < 3 || !n.Quorum || len(n.Members) != 3 || n.Role != map[bool]string{true: "primary", false: "backup"}[i == p]:
				t.Errorf("node %d: %+v", i, n)
			}
		}
	})
}

// With one node of three there is no quorum. Callers are told, leases end by
// themselves, and when a second node is back all goes on.
func TestNoQuorumIsSaid(t *testing.T) {
	onCluster(t, func(t *testing.T, c *locktest.Cluster) {
		client := c.Client(lockstep.WithTTL(3 * time.Second))
		lease := acquired(t, client, "db")
		p := c.Primary()
		c.Kill((p + 1) % 3)
		c.Kill((p + 2) % 3)
		lost := lossOf(t, lease)
		killed := time.Now()
		time.Sleep(2 * time.Second) // it takes an election time-out to know
		for what, ask := range map[string]func(context.Context) error{
			"lock": func(ctx context.Context) error { _, err := client.Clerk().Lock(ctx, "x"); return err },
			"show": func(ctx context.Context) error { _, err := client.Show(ctx, "x"); return err },
			"add":  func(ctx context.Context) error { return client.AddNode(ctx, "d", "127.0.0.1:1", false, nil) },
			"acquire": func(ctx context.Context) error {
				_, err := client.Acquire(ctx, "x")
				return err
			},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
			err := ask(ctx)
			cancel()
			ended := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, lockstep.ErrSessionExpired)
			if !errors.Is(err, lockstep.ErrNoQuorum) || !ended {
				t.Errorf("%s: %v", what, err)
			}
		}
		if at, cause := lost(); cause != lockstep.ErrLost || at.Sub(killed) > 3*time.Second {
			t.Errorf("the lease ended after %v: %v", at.Sub(killed), cause)
		}
		c.Restart((p + 1) % 3)
		c.AwaitReady()
		wantFree := acquired(t, client, "y")
		release(t, wantFree)
	}, locktest.Durable())
}

// A client without a quorum does not know whether its Unlock was executed when
// its session is over; one that may repeat it asks until it does.
func TestAtLeastOnce(t *testing.T) {
	onCluster(t, func(t *testing.T, c *locktest.Cluster) {
		once := c.Client(lockstep.WithTTL(time.Second))
		again := c.Client(lockstep.WithTTL(time.Second), lockstep.WithAtLeastOnce())
		for _, client := range []*lockstep.Client{once, again} {
			if free, err := client.Clerk().Lock(t.Context(), "x"); err != nil || !free {
				t.Fatal(free, err)
			}
			lease := acquired(t, client, "lease") // so that the session is not kept for its calls
			p := c.Primary()
			c.Pause((p + 1) % 3)
			c.Pause((p + 2) % 3)
			time.AfterFunc(10*time.Second, func() {
				c.Resume((p + 1) % 3)
				c.Resume((p + 2) % 3)
			})
			asked := time.Now()
			freed, err := client.Clerk().Unlock(t.Context(), "x")
			switch {
			case client == once && !errors.Is(err, lockstep.ErrSessionExpired):
				t.Errorf("once: %v, %v", freed, err)
			case client == again && (err != nil || time.Since(asked) < 9*time.Second):
				t.Errorf("again: %v, %v after %v", freed, err, time.Since(asked))
			}
			if lease.Err() != lockstep.ErrLost {
				t.Errorf("the lease: %v", lease.Err())
			}
			time.Sleep(20 * time.Second)
			if _, err := client.Clerk().Unlock(t.Context(), "x"); err != nil {
				t.Error(err)
			}
		}
	})
}

// A pair tells of its two nodes, and a client that was given one of them goes on
// with the other.
func TestOneNodeOfAPairIsEnough(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client := dialled(t, pair.Nodes()[:1])
		release(t, acquired(t, client, "db"))
		members, err := client.Members(t.Context())
		if err != nil || len(members) != 2 {
			t.Fatalf("%v, %v", members, err)
		}
		pair.KillPrimary()
		release(t, acquired(t, client, "db"))
	})
}
