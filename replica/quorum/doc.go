// Package quorum is the protocol of three nodes or more as a step function
// (design section 6): it hosts the consensus engine go.etcd.io/raft behind the
// seam that the pair has, and adds what the engine leaves to its host.
//
// The engine's leader that is ready is our primary, and its term our view. One
// entry of the engine is a batch of commands, or a change of the members; the
// lock table's entries are the commands, counted as they are applied.
//
// What is kept, and where:
//
//   - R1: what depends on the disk is said after Stored, and what is said in a
//     view after Synced. The engine's writes end in order (ready.go).
//   - R2: a log has a name, a MemberID, and dies with it. Who has lost its log
//     comes back under another name and is swapped for its former self
//     (changes.go). Views outlive the log in the identity (view.go).
//   - R3: New refuses a log that is not whole (recover.go).
//   - R4: entries are applied in order, once (ready.go), and digests of the state
//     are compared (digest.go).
//   - R5: what was proposed is answered for only by the entry with the same index
//     and term (requests.go).
//   - R6: a node proposes only when it leads and has applied an entry of its own
//     term: ready (quorum.go).
//   - R7: barriers are confirmed by a round that began after they came (reads.go).
//   - R8: a snapshot is cut after one entry, members and table together
//     (snapshot.go); it goes to others in pieces, the engine's own message last
//     (transfer.go, intake.go), and is checked by a sum and by its digest.
//   - R9: one change of the members at a time, a newcomer copies first
//     (changes.go, orders.go). Only members speak to the engine, each from its
//     own address, in this cluster (quorum.go, engine.go).
//   - R10: what makes no sense panics.
//
// The engine draws its election time-outs from crypto/rand, its only chance.
package quorum
