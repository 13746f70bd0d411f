// Package traces is the words in which a request's way through the nodes is told
// to those who follow it: spans, each with a beginning, an end and a parent. Who
// keeps them and where they go is behind Tracer; without one nothing is told, and
// nobody pays for it.
//
// A trace travels beside a request, never in it: what the nodes agree on knows
// nothing of traces, and a node that does not pass one on serves all the same.
//
// These are the spans of a request. An API's is below what its caller says in the
// header traceparent, and that of a Go program below the span of its context.
//
//	lockstep.v1.LockService/…   a call of the public API, at the node that got it
//	lockstep/Acquire …          a call of the Go client, in its program
//	  lockstep/serve            at each node that was asked: from the request's coming until it was answered for good
//	    lockstep/queue          until it got its place in the order; at a pair's backup, until it was sent on
//	    lockstep/order          until it came back in order, which is when enough nodes have it
//	    lockstep/apply          its execution, and that of what was ordered with it, until the answer was on its way
//	    lockstep/wait           an Acquire that waits for its turn
//
// A request that is sent again, to another node, is served there in a span of its
// own below the same parent. Questions and keep-alives are not ordered, and have
// the span of their call alone.
package traces
