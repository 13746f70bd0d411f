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
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client, err := lockstep.Dial(ctx, []string{"127.0.0.1:7101", "127.0.0.1:7102"})
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
}
