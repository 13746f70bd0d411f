// Package journal keeps a node's log on disk: checksummed records in segments,
// synced in groups, and snapshots that appear whole or not at all (design
// section 6, R1 and R3). It does not know what the entries mean.
package journal
