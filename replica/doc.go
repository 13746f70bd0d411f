// Package replica is how nodes agree on the order of commands, and how a client
// finds the node that serves: pure step functions without goroutines, clocks,
// randomness or I/O. An event goes in, effects come out, and the same events
// give the same effects.
//
// Pair is the protocol of two nodes (rules P0 to P9 of the design). Client is
// the other half: one number per request for life, attempts that alternate
// between the nodes, hints, back-off and deadlines.
//
// What is never ordered, keep-alives and questions, is answered behind a Barrier
// only, which shows that the node still reigns (T1). Began and Ended tell the lock
// table of each reign, whose clock counts the sessions' time-outs (T2, T3).
//
// What everything here leans on:
//
//   - Events of one node are handled one at a time, frames of one connection in
//     the order of sending, ticks in the same queue as frames (P2).
//   - Anything may be lost, repeated or late; nothing is altered.
//   - Effects are carried out in their order. Those that need the new view on
//     disk are held back here until Synced (P0).
package replica
