// Package lock is what the service does: a table of named locks as a pure,
// deterministic function of an ordered list of entries.
//
// A client registers a session and numbers its requests in slots of that
// session. Each request reaches the table as an Entry: a Command with the view
// and the index it was given in the order. Apply runs one entry and returns its
// Result. Two tables that applied the same entries are equal, byte for byte, in
// their Snapshot and in their Digest.
//
// The rules it keeps (the numbers are those of the design):
//
//   - S1: at most one holder of an exclusive lock.
//   - S3: every grant carries a Token, view<<40 | n, and tokens strictly rise.
//   - S4: the same number in a slot gets the answer of its first execution, a
//     higher number is executed, a lower one is stale. A repeated opening, told
//     by its nonce, gets the session it opened.
//   - S5: remembered answers go only with their session. Past a limit a command
//     is refused before it has any effect.
//   - Ownerless locks, the verbs Lock and Unlock: no session owns the lock,
//     anyone may unlock it, and closing a session frees nothing.
//
// The package knows no goroutine, clock, randomness or encoding, and no output
// of it depends on the order of a map.
package lock
