// Package machines lets a test have several machines: each a network namespace
// with an address of its own, and if it is wanted a small disk. Packets between
// them go through this process, which drops or delays them as it is told, in one
// direction or both. What the programs on the machines see is a real network: a
// cut wire is silence, nobody refuses a connection, and TCP tries again when it
// thinks fit.
//
// It takes Linux, and either root or the right to make user namespaces. All of it
// is gone when the process is: there are no names to clean up.
package machines
