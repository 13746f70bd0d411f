package main

import (
	"context"
	"sync/atomic"
	"time"
)

// outstanding is a caller's request that waits for its answer.
//
// A context with a deadline for every request would cost about as much as the
// request itself. So a caller keeps one context, and whoever sweeps over all
// callers cancels it when a request is late.
type outstanding struct {
	began atomic.Int64 // since the run's beginning; zero if nothing waits

	// These belong to the caller; cancel is read by the sweep while began is set.
	ctx    context.Context
	cancel atomic.Pointer[context.CancelFunc]
}

// begin returns the context of a request.
func (o *outstanding) begin(at time.Duration) context.Context {
	if o.ctx == nil || o.ctx.Err() != nil {
		ctx, cancel := context.WithCancel(context.Background())
		o.ctx = ctx
		o.cancel.Store(&cancel)
	}
	o.began.Store(max(1, int64(at)))
	return o.ctx
}

func (o *outstanding) end() { o.began.Store(0) }

// waiting is how long the request has waited, zero if there is none.
func (o *outstanding) waiting(now time.Duration) time.Duration {
	began := o.began.Load()
	if began == 0 {
		return 0
	}
	return max(0, now-time.Duration(began))
}

// giveUp ends the request if it has waited for longer than allowed. The answer
// may come in this very moment, and the next request find itself cancelled: that
// one counts as an error too, which happens to nobody who is not late.
func (o *outstanding) giveUp(now, allowed time.Duration) {
	if o.waiting(now) <= allowed {
		return
	}
	if cancel := o.cancel.Load(); cancel != nil {
		(*cancel)()
	}
}
