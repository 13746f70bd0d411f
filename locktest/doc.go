// Package locktest runs a whole pair or cluster of Lockstep nodes inside a test,
// with switches for the faults that the service is there to survive.
//
//	func TestDeploy(t *testing.T) {
//		pair := locktest.StartPair(t)
//		lease, err := pair.Client().Acquire(t.Context(), "deploy")
//		...
//		pair.KillPrimary() // and the lease goes on
//		pair.PauseBoth(time.Minute) // and it is lost
//		...
//	}
//
// The nodes are the real ones, with their actors and their protocol. By default
// they talk over a link inside the process, which encodes and decodes every
// message as the network would, needs no ports, and works under the race
// detector and in a testing/synctest bubble. With Remoting they talk over real
// connections on 127.0.0.1.
//
// StartCluster does the same for three nodes or more, of which any one may be the
// primary:
//
//	cluster := locktest.StartCluster(t, 3, locktest.Durable())
//	...
//	cluster.Isolate(cluster.Primary())
//
// Of a pair, "primary" and "backup" name the nodes by what they were started as,
// whatever role they have since taken: KillPrimary kills Nodes()[0].
package locktest
