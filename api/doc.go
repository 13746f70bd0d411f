// Package api is the public port of a node: what programs in any language, people
// with curl, health checks and collectors of metrics talk to. Nodes talk to each
// other, and the Go client to nodes, on another port and in another way.
//
// A Server owns the port: the listener, the limits that keep one client from
// hurting others, and a mux on which everything else is mounted. It knows nothing
// of locks.
//
// Mount puts the service on it that lockstep/v1/lockstep.proto describes. Its
// handlers translate and decide nothing: what they need of the node is a Backend,
// and what they may conclude stands there. A refusal is an answer, not an error;
// each error has the code that its protocol's users expect, and a Failure that says
// whether the request may have been executed.
package api
