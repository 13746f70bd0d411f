// Package api is the public port of a node: what programs in any language, people
// with curl, health checks and collectors of metrics talk to. Nodes talk to each
// other, and the Go client to nodes, on another port and in another way.
//
// A Server owns the port: the listener, the limits that keep one client from
// hurting others, and a mux on which everything else is mounted. It knows nothing
// of locks.
package api
