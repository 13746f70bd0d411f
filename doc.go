// Package lockstep is the Go client of the Lockstep lock service, which keeps
// every lock on two nodes in lock-step: either can die at any instant, and no
// lock is lost, none is granted twice, and no request is executed twice.
//
//	client, err := lockstep.Dial(ctx, []string{"127.0.0.1:7101", "127.0.0.1:7102"})
//	...
//	defer client.Close()
//	clerk := client.Clerk()
//	taken, err := clerk.Lock(ctx, "deploy/web")
//
// The locks of this version have no owner: whoever calls Unlock frees them, and
// one that its taker forgets stays taken.
//
// # What an answer means
//
// true and false are final: the request was executed exactly once, on both
// nodes, or on the only one left. An error that is ErrUnknown says that no
// answer came before the caller's context ended; the request keeps its number
// through every attempt, so it is executed once or never. ErrInvalid was not
// executed.
//
// # What is promised
//
// With two nodes, under one fault at a time (a crash, a pause of any length, or
// lost messages), there is one holder. Two faults that overlap, or a network
// partition between the nodes, can give two; two nodes cannot do better.
package lockstep
