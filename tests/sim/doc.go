// Package sim runs whole clusters of the pure cores under a seed: the nodes of a
// pair or of a quorum with little shells like the actors', several clients with
// clocks of their own and several clerks and users each, a network, disks, an
// operator, and faults. One seed decides everything, so a run that fails can be
// repeated to the byte.
//
// Nothing here sleeps or runs at once with anything else: one heap of events is
// worked off in the order of simulated time. A simulated minute takes a few
// hundredths of a second, of a quorum about a tenth.
//
// Pairs have two regimes (design section 10). In the first, loss and delay never
// hide N-1 heartbeats in a row, and the next fault comes only when the pair has
// formed again: every promise must be kept. In the second anything may happen,
// partitions included: each side executes a request at most once, no view has
// two reigns, a node without a role serves nobody, and when the faults stop the
// pair forms and every call ends. Regimes 4 and 5 are these two with the log on
// disk: power fails on both nodes at once, and no copy is lost by it.
//
// Regimes 7 and 8 are the first two, in memory or on disk, with an operator who
// changes the roles again and again, and faults that come just then.
//
// A quorum has one regime, the third: anything. Machines crash, stop, lose their
// power together, lose their directories; disks are slow, fail, fill up and rot;
// messages are lost, doubled and late, connections break, directions are blocked;
// and the operator hands over, adds machines, removes and replaces them all the
// while. Only the memory of a majority is spared, and every promise must be kept.
// The journal is the real one, on a disk that loses and tears what was not synced
// (package journaltest). The consensus engine draws from crypto/rand, of which a
// process has one: runs of quorums take turns in a process.
//
// In the sixth regime an operator has a pair become a quorum, with a third machine.
// As long as it is a pair the faults are the first regime's, many of them sent to the
// moments of turning, and then the third's. Half of the pairs have their log on disk.
//
// In the ninth regime, which is the third but for that, the majority is not spared:
// once, all machines but one are lost for good, often after that one was cut off,
// and now and then it is harmed, too. The operator has it begin another cluster by
// force, and takes the others in, emptied or as they were. What holds across that
// is told at type ruin.
//
// Not simulated: two clusters that meet, versions that differ, a clock whose rate
// changes in a run, a wrong bit in the very last record of a log (nobody can tell
// it from a torn write), and a cluster that is given up although its majority lives.
//
// The checkers look after every step. Strict are those of regimes 1, 3, 4, 6, 7 and 9:
//
//	one-order     nodes apply the same entries at the same index (strict)
//	digest        equal states after equal entries
//	answers       every result is what a model of the service says of the order
//	agreement     a client is never given two answers to one request (strict)
//	real-time     what was answered before a request was sent precedes it (strict)
//	own-name      a name that one clerk uses is as that clerk left it (strict)
//	tokens        tokens and session ids rise: in strict regimes through everything
//	new-history   an empty table only when every copy was lost
//	memory        one fault never costs the last copy (regime 1)
//	fifo          whoever waits is let in by the order of the queueing entries
//	belief        no two clients believe at one instant to hold what only one
//	              can: see lease.believed (strict)
//	told          what ends by time, with its session or by its MaxHold, is not
//	              believed in any more when a node first applies the end: so a loss
//	              is told before another can be granted the lock (strict)
//	orphans       the session of a dead client ends within its TTL, 3 ticks and a
//	              second of undisturbed time
//	linger        a client that can reach its nodes keeps its session, through
//	              failovers too (strict)
//	reads         a report is not older than any answer that was given before it
//	              was asked for, and shows what the model has (strict)
//	record        who had which lock is remembered as it was told, by every node
//	reigns        a primary begins behind all that the views before it settled
//	              (regimes 3, 6)
//	barriers      whoever answers without an entry has applied all that any node
//	              had when it was asked (regimes 3, 6)
//	one-reign     a view has one primary or solo
//	view-on-disk  no message of a view leaves before the view is on disk
//	serves        a node without a role answers nothing of its own
//	refused       nobody is told "not executed" of what was sent to the peer (P4) or
//	              has been numbered
//	durability    what was ordered is there in the end (regimes 3, 6)
//	buried        a cluster that was given up serves nobody, and nobody who comes
//	              out of it has a part in the next but with another log (regime 9)
//	orders        each is answered once, and what is called done is; who hands over
//	              while nothing fails has done so in time (regime 7)
//	decay         a disk that has rotten is not read
//	waits         a node that serves alone serves everybody (regime 1)
//	healthy       a fault leaves no node suspecting a healthy one (regime 1)
//	formed, calls when faults have stopped the pair forms and calls end, in time
//	panic, exit, runaway
package sim
