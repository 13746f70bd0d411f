// Package trust says who a process is and whom it believes: a certificate, its
// key, and the authorities that sign those of others, read from files and read
// again when they change.
//
// A certificate of Lockstep is of one of two kinds, which its extended key usage
// tells apart.
//
//   - A node's may be used by servers. It speaks for the hosts that it names, and
//     for no other: whoever shows it must be reached, or claim to be reached,
//     under one of them.
//   - A client's may be used by clients only. It names no host: it speaks for the
//     principal in its common name, wherever that is.
//
// Both are shown in both directions, since nodes connect to clients too, and each
// side asks for the other's.
package trust
