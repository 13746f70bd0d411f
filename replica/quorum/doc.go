// Package quorum is the protocol of three nodes or more as a step function
// (design section 6): it hosts the consensus engine go.etcd.io/raft behind the
// seam that the pair has, and adds what the engine leaves to its host.
package quorum
