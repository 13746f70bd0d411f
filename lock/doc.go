// Package lock is what the service does: a table of named locks as a pure,
// deterministic function of an ordered list of entries.
//
// A client registers a session and numbers its requests in slots of that
// session. Each request reaches the table as an Entry: a Command with the view
// and the index it was given in the order. Apply runs one entry and returns its
// Result. Two tables that applied the same entries are equal, byte for byte, in
// their Snapshot and in their Digest.
//
// A session holds locks by grants: a grant is what one Acquire got, all its locks
// under one token. While it cannot have them it is a wait, in the queue of each;
// the code calls both a claim.
//
// The rules it keeps (the numbers are those of the design):
//
//   - S1: at most one exclusive holder, never exclusive beside shared, never more
//     permits out than the lock has.
//   - S2: a holder's session exists. Closing or expiring a session frees all that
//     it holds and waits for in that same entry.
//   - S3: every grant carries a Token, view<<40 | n, and tokens strictly rise.
//   - S4: the same number in a slot gets the answer of its first execution, a
//     higher number is executed, a lower one is stale. A repeated opening, told
//     by its nonce, gets the session it opened.
//   - S5: remembered answers go only with their session. Past a limit a command
//     is refused before it has any effect.
//   - S6: a wait is granted in the very entry that frees the lock, first come
//     first served, without overtaking, and the grant replaces the slot's answer.
//     A higher number in the slot ends the wait; a Cancel undoes the grant too.
//   - S7: an expiry for a session that has gone does nothing.
//   - S8: an Acquire of several locks gets all of them or none.
//   - S9: a tenure that ends is in the record, with how it ended, until newer ones
//     need its room. Replicas forget alike. It is no part of the Digest.
//   - T6: a lock that was lost, not given back, may stay closed for a while.
//   - A wait that would close a cycle of waits is refused, unless it is allowed.
//   - Ownerless locks, the verbs Lock and Unlock: no session owns the lock,
//     anyone may unlock it, and closing a session frees nothing. They share the
//     names with owned locks; neither verb frees the other's kind.
//
// The package knows no goroutine, clock, randomness or encoding, and no output
// of it depends on the order of a map.
package lock
