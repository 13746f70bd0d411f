// Package doors stands before the public port of a node. It finds out who comes,
// by a bearer token or a client's certificate; lets in whoever is known, at the
// pace that is due to them; and lets them do what the rules allow. What
// administrators do and whom it refuses it writes down.
//
// Who comes in is one thing, and needs no more than a request's header: Porter is
// a handler before all others. What somebody may do is another, and depends on the
// locks that a request is about: Guard stands before the node itself, behind all
// protocols, so that none has a way around it.
//
// What a page of another site has somebody's browser ask for does not come in, at no
// port: a browser reaches what a stranger does not, and shows the certificate that it
// was given (pages.go). Behind proxies whoever comes is where they say (proxies.go).
//
// A session is bound to the principal that opened it, which stands in the
// session's info at all nodes. To anybody else it is as closed as somebody else's
// lock.
package doors
