// Package lockstep is the Go client of the Lockstep lock service, which keeps
// every lock on two nodes or more in lock-step: any of them can die at any
// instant, and no lock is lost, none is granted twice, and no request is executed
// twice.
//
//	client, err := lockstep.Dial(ctx, []string{"127.0.0.1:7101", "127.0.0.1:7102"})
//	...
//	defer client.Close()
//	err = client.Do(ctx, "deploy/web", func(ctx context.Context, lease *lockstep.Lease) error {
//		return deploy(ctx, lease.Token())
//	})
//
// # Leases
//
// A client has one session at the nodes, which it keeps alive by itself. What it
// acquires, its session holds. A session that is silent for its TTL (WithTTL)
// expires: its locks pass on, and its waits are over.
//
// A Lease knows when it is lost. The client gives it up by its own clock, a
// little before the nodes do, so Lease.Context ends before anybody else can be
// granted the lock. Between looking and doing a program may be paused all the
// same: what must not be done twice should carry Lease.Token, and whoever does
// it should refuse a token that is lower than one it has seen.
//
// A lease that is over stays over. Nothing acquires a lock again by itself.
//
// # Waiting
//
// Acquire waits in a queue, first come, first served, which outlives the death
// of a node. A wait that could never end, since everybody in a circle waits for
// the next one, is refused with ErrDeadlock. The nodes know of circles within
// one client's goroutines only if an Acquire is made with the context of the
// lease that is kept meanwhile (Lease.Context, or the one that Do gives), or
// with Under.
//
// # Clerks
//
// The locks of a Clerk have no owner: whoever calls Unlock frees them, they never
// expire, and one that its taker forgets stays taken. They share their names with
// the locks of leases; neither kind frees the other. Programs want leases.
//
// # What an answer means
//
// An answer is final: the request was executed exactly once, on both nodes or the
// only one left of two, on a majority of three or more. A refusal of a Clerk is
// the answer false; one of TryAcquire is ErrHeld. An error that is ErrUnknown says
// that no answer came before the caller's context ended; the request keeps its
// number through every attempt, so it is executed once or never. ErrNoQuorum
// beside it says why there was no answer. ErrInvalid was not executed. When
// Acquire returns an error, nothing is held.
//
// So is a request executed at most once, and exactly once if it is answered. When
// the session ends under it, that is not known any more, and the error is
// ErrSessionExpired; WithAtLeastOnce has some requests repeated then.
//
// # Nodes
//
// A client that was given one node learns who the others are, and follows when
// they change. Status and Members show them; AddNode, RemoveNode, Switchover and
// Bootstrap are an operator's orders.
//
// # What is promised
//
// With three nodes or more: one holder, whatever the network and the nodes do. A
// minority serves nobody, and clients that reach no other nodes lose their leases.
//
// With two nodes, under one fault at a time (a crash, a pause of any length, or
// lost messages), there is one holder. Two faults that overlap, or a network
// partition between the nodes, can give two; two nodes cannot do better, and the
// tokens of the two differ. What clocks show does not matter, as long as none
// runs more than 2% too fast or too slow.
package lockstep
