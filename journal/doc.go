// Package journal keeps a node's log on disk: checksummed records in segments,
// synced in groups, and snapshots that appear whole or not at all (design
// section 6, R1 and R3). It does not know what the entries mean.
//
// # The promise
//
//  1. What was synced is there after a loss of power, in the order of writing.
//  2. A group, which is all that was appended between two syncs, is there whole
//     or not at all. Of what was not synced, a first part of whole groups may be
//     there, and nothing else.
//  3. What is damaged is never taken for something else. A group that was being
//     written when the power failed is left out; every other damage is an error
//     that names the file and the byte. An error changes nothing on disk.
//  4. After an error of Append or Sync nothing more is written: nobody knows
//     what is on disk (R3).
//
// # The files
//
// A directory has segments, 0000000001.log and so on, and snapshots,
// 0000000001.snapshot. Numbers rise; a snapshot has that of the segment that
// begins with it. All integers are little-endian; lengths and places in bytes.
//
// Every file begins with 32 bytes: "LOCKSTEP", the version of the format (4), a
// CRC-32C of these twelve (4), and zeros. What follows are records, each of a
// head of 32 bytes and its data, filled up with zeros to a multiple of 32. So no
// head lies in two sectors.
//
//	 0  4  CRC-32C of the other 28 bytes of the head, seeded with the file's
//	       number and the record's place: a record is valid nowhere else
//	 4  4  CRC-32C of the data
//	 8  4  length of the data
//	12  1  kind
//	13  1  an entry's own kind
//	14  2  zero
//	16  8  number of the group within its segment, from 1
//	24  8  index
//
//	kind         index                  data
//	1 header     -                      cluster, member, first, previous, counts (8 each), name of the node
//	2 state      -                      what the core last gave
//	3 entry      of the entry           term (8), data
//	4 snapshot   its last entry         term (8), number of its file (8)
//	5 commit     -                      -
//	6 content    its last entry         term (8), the snapshot: the second and last record of its file
//
// A group ends with its commit record; the next is begun only when it is on
// disk. A segment's first group begins with the header, and repeats the state and
// the snapshot that are valid: so a segment needs none that a snapshot has
// replaced. The header names the first segment that still counts, the previous
// one, and how many bytes of that count.
//
// An entry replaces those at its index and behind it. A snapshot replaces the
// entries up to its own; if all are to go, the segment that begins with it is the
// first that counts.
//
// # Torn or damaged
//
// All but the last group of the newest segment was on disk before something later
// was written: what is invalid there is damaged. In the last group, sectors may
// have arrived in any order, or not. One that did not is missing, if the file is
// too short for it, or holds zeros from the group's beginning on. So the group is
// torn if its first invalid record is short or has such a sector; else it has
// arrived and is damaged. (A record whose data has a whole sector of zeros loses
// this distinction while its group is the last.) A segment whose first group is
// torn was never used, and is passed over.
//
// # Beginning again
//
// Open never goes on in an old segment. What its last group holds may be known to
// the system's cache alone, after a sync that failed in the life before; the core
// will take it for stored. So it is written again, into a new segment, and counts
// there.
package journal
