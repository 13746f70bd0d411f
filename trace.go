package lockstep

import (
	"context"
	"errors"

	"lockstep/actors"
	"lockstep/observe/traces"
)

// WithTracer makes each call that asks for a lock, or gives one back, a span, below
// the one that the call's context is in, and has the nodes go on from there: they
// tell how long the request waited to be ordered and for its turn. Package
// lockstep/observe/traces/opentelemetry has a tracer for programs that use OpenTelemetry.
// Without a tracer no context is looked at.
func WithTracer(t traces.Tracer) Option { return func(o *options) { o.tracer = t } }

// callerOptions are those of the client's actor.
func (o *options) callerOptions(clock actors.Clock) []actors.ClientOption {
	all := []actors.ClientOption{actors.WithClock(clock)}
	if o.tracer != nil {
		all = append(all, actors.WithTraces())
	}
	return all
}

// begin begins the span of a call, if there is a tracer and it keeps that trace, and
// returns the context to ask the nodes with.
func (c *Client) begin(ctx context.Context, call, lock string) (context.Context, traces.Span) {
	if c.tracer == nil {
		return ctx, nil
	}
	span := c.tracer.Begin(ctx, call, traces.Client)
	if span == nil {
		return traces.Without(ctx), nil
	}
	span.Note(traces.Text("lockstep.lock", lock))
	return traces.With(ctx, span.Context()), span
}

// finish ends the span of a call, if there is one. That a lock is held is an answer.
func finish(span traces.Span, err error) {
	if span == nil {
		return
	}
	switch {
	case errors.Is(err, ErrHeld):
		span.Note(traces.Text("lockstep.outcome", "held"))
	case err != nil:
		span.Fail(err.Error())
	}
	span.End()
}
