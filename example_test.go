package lockstep_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"lockstep"
)

// A deploy that must not overlap with another.
func Example() {
	addresses, stop := nodes() // "127.0.0.1:7101", "127.0.0.1:7102"
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	client, err := lockstep.Dial(ctx, addresses)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	err = client.Do(ctx, "deploy/web", func(ctx context.Context, lease *lockstep.Lease) error {
		fmt.Println("deploying") // until ctx ends
		return nil
	})
	fmt.Println(err)
	// Output:
	// deploying
	// <nil>
}

// A lease that is used for as long as it lasts.
func ExampleClient_Acquire() {
	addresses, stop := nodes()
	defer stop()
	ctx := context.Background()
	client, err := lockstep.Dial(ctx, addresses)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	waiting, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	lease, err := client.Acquire(waiting, "db/migration", lockstep.MaxHold(time.Hour))
	if err != nil {
		log.Fatal(err) // nothing is held
	}
	select {
	case <-lease.Context().Done():
		fmt.Println("stop at once:", context.Cause(lease.Context()))
	case <-time.After(time.Millisecond): // the work is done
		fmt.Println("released:", lease.Release(ctx))
	}
	fmt.Println("now:", lease.Err())
	// Output:
	// released: <nil>
	// now: lease released
}

// Whoever is refused learns by whom.
func ExampleClient_TryAcquire() {
	addresses, stop := nodes()
	defer stop()
	ctx := context.Background()
	client, err := lockstep.Dial(ctx, addresses, lockstep.WithInfo(map[string]string{"command": "backup.sh"}))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	if _, err := client.TryAcquire(ctx, "db"); err != nil {
		log.Fatal(err)
	}
	_, err = client.TryAcquire(ctx, "db")
	var held *lockstep.HeldError
	if errors.As(err, &held) {
		for _, holder := range held.Lock.Holders {
			fmt.Println(held.Name, "is held by", holder.Owner.Info["command"])
		}
	}
	// Output:
	// db is held by backup.sh
}

// Two locks together, one of them shared: all or nothing.
func ExampleAnd() {
	addresses, stop := nodes()
	defer stop()
	ctx := context.Background()
	client, err := lockstep.Dial(ctx, addresses)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	lease, err := client.Acquire(ctx, "account/7", lockstep.And("ledger", lockstep.Shared()))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(lease.Names())
	for info, err := range client.List(ctx, "") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(info.Name, info.Holders[0].Mode)
	}
	// Output:
	// [account/7 ledger]
	// account/7 exclusive
	// ledger shared
}

// At most three at a time.
func ExamplePermits() {
	addresses, stop := nodes()
	defer stop()
	ctx := context.Background()
	client, err := lockstep.Dial(ctx, addresses)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	for i := range 4 {
		_, err := client.TryAcquire(ctx, "licences", lockstep.Permits(1, 3))
		fmt.Println(i, errors.Is(err, lockstep.ErrHeld))
	}
	// Output:
	// 0 false
	// 1 false
	// 2 false
	// 3 true
}

// A resource that asks whether a token is current. One that remembers the highest
// token it has seen needs not even that.
func ExampleClient_Verify() {
	addresses, stop := nodes()
	defer stop()
	ctx := context.Background()
	client, err := lockstep.Dial(ctx, addresses)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	lease, err := client.Acquire(ctx, "printer")
	if err != nil {
		log.Fatal(err)
	}
	current, err := client.Verify(ctx, "printer", lease.Token())
	fmt.Println(current, err)
	if err := lease.Release(ctx); err != nil {
		log.Fatal(err)
	}
	current, err = client.Verify(ctx, "printer", lease.Token())
	fmt.Println(current, err)
	// Output:
	// true <nil>
	// false <nil>
}

// One of many processes leads, until it stops or is lost.
func ExampleClient_Elect() {
	addresses, stop := nodes()
	defer stop()
	ctx := context.Background()
	client, err := lockstep.Dial(ctx, addresses)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	leader, err := client.Elect(ctx, "scheduler")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("leading:", leader.Err() == nil)
	if taken, err := client.Revoke(ctx, "scheduler", "moving house"); err != nil || !taken {
		log.Fatal(taken, err)
	}
	<-leader.Context().Done()
	fmt.Println(context.Cause(leader.Context()))
	// Output:
	// leading: true
	// lease revoked: moving house
}

// What happens below a name, as it happens.
func ExampleClient_Watch() {
	addresses, stop := nodes()
	defer stop()
	ctx := context.Background()
	client, err := lockstep.Dial(ctx, addresses)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	for event, err := range client.Watch(ctx, "deploy/") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.Kind)
		if event.Kind == lockstep.EventBegan {
			if _, err := client.Acquire(ctx, "deploy/web"); err != nil {
				log.Fatal(err)
			}
		}
		if event.Kind == lockstep.EventAcquired {
			break
		}
	}
	// Output:
	// began
	// acquired
}

// Locks without an owner, which stay until somebody unlocks them.
func ExampleClerk() {
	addresses, stop := nodes()
	defer stop()
	ctx := context.Background()
	client, err := lockstep.Dial(ctx, addresses)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	clerk := client.Clerk()
	taken, err := clerk.Lock(ctx, "deploy/web")
	switch {
	case errors.Is(err, lockstep.ErrUnknown):
		log.Fatal("nobody knows whether the lock was taken: ", err)
	case err != nil:
		log.Fatal(err)
	case !taken:
		fmt.Println("somebody else deploys")
		return
	}
	defer clerk.Unlock(context.WithoutCancel(ctx), "deploy/web")
	fmt.Println("deploying")
	// Output:
	// deploying
}
