package observe

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"lockstep/observe/metrics"
)

// Node is what is observed: a node of this process.
type Node interface {
	// Numbers returns what the node counts. What does not answer before ctx ends
	// is missing.
	Numbers(ctx context.Context) metrics.Node
	// Waits returns who waits and waited for what.
	Waits(ctx context.Context) (metrics.Waits, error)
}

// patience is how long a node may take to answer. One that hangs is seen by what
// is missing.
const patience = time.Second

// Mux is where handlers are mounted.
type Mux interface {
	Handle(pattern string, h http.Handler)
}

// Mount mounts all that this package shows of some nodes. The guard stands before
// what is for administrators; nil is OnlyThisMachine.
func Mount(mux Mux, guard Guard, log *slog.Logger, nodes ...Node) {
	if guard == nil {
		guard = OnlyThisMachine
	}
	mux.Handle("GET /metrics", Metrics(log, nodes...))
	mux.Handle("GET /debug/locks", guard.before(Locks(nodes...)))
	mux.Handle("/debug/pprof/", guard.before(Profiles()))
}
