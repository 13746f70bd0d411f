// Package metrics is what a node counts of itself: plain values, each with one
// owner.
//
//	Table      owned by the LockTable: requests, grants, waits, holds, and who waits where
//	Reigns     owned by the Replicator: reigns, and how long nobody served before them
//	Syncs      written by the Disk, read by anybody
//	Traffic    written by the door and the links, read by anybody
//	Node       all of it, as of one moment
//
// What an actor owns is counted without an atomic or a mutex and handed over as a
// copy, by message: whoever wants the numbers pays for them, and who serves a
// request does not. What many write, or what a slow disk would keep from
// answering, is shared.
//
// What happens to locks is counted by the node that reigns when it happens. So
// the sum over all nodes counts everything once, but for what a failover catches
// on its way, which may be in no node's count. How many locks, waits and sessions
// there are each node tells of its own copy.
//
// Nothing here is counted by session, and nothing but Contention by the name of a
// lock: there are millions of those. Contention is bounded.
package metrics
