package api

import (
	"context"
	"net/http"
	"strings"

	"connectrpc.com/connect"

	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
	"lockstep/observe/traces"
)

// Traced are the options by which each call of the service is a span of a tracer's,
// below the one that the caller's header traceparent names. With nil there are
// none. A Watch is no span: it goes on for as long as somebody looks.
func Traced(t traces.Tracer) []connect.HandlerOption {
	if t == nil {
		return nil
	}
	return []connect.HandlerOption{connect.WithInterceptors(tracing{t})}
}

type tracing struct{ tracer traces.Tracer }

// begin returns a context in which what is asked of the nodes is below the call's
// span. The span is nil if nobody keeps it.
func (t tracing) begin(ctx context.Context, call connect.Spec, from connect.Peer, header http.Header) (context.Context, traces.Span) {
	name := strings.TrimPrefix(call.Procedure, "/")
	method, ours := strings.CutPrefix(name, pb.LockServiceName+"/")
	if !ours || call.Procedure == pb.LockServiceWatchProcedure {
		return ctx, nil
	}
	// Two parents are as good as none.
	if said := header.Values("Traceparent"); len(said) == 1 {
		if in, ok := traces.Parse(said[0]); ok {
			ctx = traces.With(ctx, in)
		}
	}
	span := t.tracer.Begin(ctx, name, traces.Server)
	if span == nil {
		return traces.Without(ctx), nil
	}
	span.Note(traces.Text("rpc.service", pb.LockServiceName), traces.Text("rpc.method", method), traces.Text("rpc.system", from.Protocol))
	return traces.With(ctx, span.Context()), span
}

// end says how a call has ended. What its caller has got wrong is no failure of the
// service.
func end(span traces.Span, err error) {
	if err != nil {
		code := connect.CodeOf(err)
		span.Note(traces.Text("rpc.connect_rpc.error_code", code.String()))
		switch code {
		case connect.CodeUnknown, connect.CodeDeadlineExceeded, connect.CodeInternal, connect.CodeUnavailable, connect.CodeDataLoss:
			span.Fail(err.Error())
		}
	}
	span.End()
}

// WrapUnary implements connect.Interceptor, as the methods below do.
func (t tracing) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (answer connect.AnyResponse, err error) {
		ctx, span := t.begin(ctx, r.Spec(), r.Peer(), r.Header())
		if span == nil {
			return next(ctx, r)
		}
		if about, ok := r.Any().(interface{ GetName() string }); ok {
			if name := about.GetName(); name != "" && len(name) <= lock.MaxNameBytes { // a longer one is no lock's
				span.Note(traces.Text("lockstep.lock", name))
			}
		}
		defer func() { end(span, err) }()
		return next(ctx, r)
	}
}

func (t tracing) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, c connect.StreamingHandlerConn) (err error) {
		ctx, span := t.begin(ctx, c.Spec(), c.Peer(), c.RequestHeader())
		if span == nil {
			return next(ctx, c)
		}
		defer func() { end(span, err) }()
		return next(ctx, c)
	}
}

func (t tracing) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next // the service asks nobody
}
