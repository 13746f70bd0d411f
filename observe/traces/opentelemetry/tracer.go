// Package opentelemetry tells the spans of Lockstep to OpenTelemetry. A program
// that has a TracerProvider follows its calls through the nodes with
//
//	client, err := lockstep.Dial(ctx, nodes, lockstep.WithTracer(opentelemetry.New(otel.GetTracerProvider())))
//
// The spans of its calls are then below the one that the context of the call is
// in, and the nodes' spans below those, if the nodes have an exporter: see
// lockd --help of -otlp.
package opentelemetry

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"lockstep/observe/traces"
)

// scope is what OpenTelemetry knows the spans' maker by.
const scope = "lockstep"

// New returns a tracer whose spans a provider keeps. The notes stand at each of
// them.
func New(provider trace.TracerProvider, notes ...traces.Note) traces.Tracer {
	return &tracer{provider.Tracer(scope), attributes(notes)}
}

type tracer struct {
	tracer trace.Tracer
	each   []attribute.KeyValue
}

// Begin implements traces.Tracer.
func (t *tracer) Begin(ctx context.Context, name string, kind traces.Kind, notes ...traces.Note) traces.Span {
	if parent := traces.Of(ctx); !parent.IsZero() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: parent.Trace, SpanID: parent.Span, TraceFlags: trace.TraceFlags(parent.Flags), Remote: true,
		}))
	}
	_, s := t.tracer.Start(ctx, name, trace.WithSpanKind(kinds[kind]), trace.WithAttributes(t.each...), trace.WithAttributes(attributes(notes)...))
	if !s.SpanContext().IsSampled() {
		s.End() // somebody may count it all the same
		return nil
	}
	return span{s}
}

var kinds = map[traces.Kind]trace.SpanKind{
	traces.Internal: trace.SpanKindInternal, traces.Server: trace.SpanKindServer, traces.Client: trace.SpanKindClient,
}

type span struct{ trace.Span }

// Context implements traces.Span, as the methods below do.
func (s span) Context() traces.Context {
	c := s.SpanContext()
	return traces.Context{Trace: c.TraceID(), Span: c.SpanID(), Flags: byte(c.TraceFlags())}
}

func (s span) Note(notes ...traces.Note) { s.SetAttributes(attributes(notes)...) }
func (s span) Fail(why string)           { s.SetStatus(codes.Error, text(why)) }
func (s span) End()                      { s.Span.End() }

func attributes(notes []traces.Note) []attribute.KeyValue {
	all := make([]attribute.KeyValue, 0, len(notes))
	for _, n := range notes {
		switch v := n.Value.(type) {
		case string:
			all = append(all, attribute.String(n.Key, text(v)))
		case int64:
			all = append(all, attribute.Int64(n.Key, v))
		default:
			all = append(all, attribute.String(n.Key, text(fmt.Sprint(v))))
		}
	}
	return all
}

// text is what can be sent: with one that is not UTF-8 none of the spans beside it
// could be.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
