package opentelemetry

import (
	"context"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"lockstep/observe/traces"
)

func recorded(t *testing.T, options ...sdk.TracerProviderOption) (*sdk.TracerProvider, *tracetest.SpanRecorder) {
	t.Helper()
	kept := tracetest.NewSpanRecorder()
	return sdk.NewTracerProvider(append(options, sdk.WithSpanProcessor(kept))...), kept
}

// A span says all that was noted, and is below what the caller has told of.
func TestASpanIsTold(t *testing.T) {
	provider, kept := recorded(t)
	parent, _ := traces.Parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	tracer := New(provider, traces.Text("node", "a"))
	s := tracer.Begin(traces.With(t.Context(), parent), "serve", traces.Server, traces.Count("slot", uint16(7)))
	s.Note(traces.Note{Key: "odd", Value: 1.5}, traces.Text("not text", "a\xffb"))
	s.Fail("it went wrong\xff")
	s.End()

	all := kept.Ended()
	if len(all) != 1 {
		t.Fatalf("%d spans were kept", len(all))
	}
	got := all[0]
	if got.Name() != "serve" || got.SpanKind() != trace.SpanKindServer || got.Status().Code != codes.Error || got.Status().Description != "it went wrong\uFFFD" {
		t.Errorf("got %s, %v, %v", got.Name(), got.SpanKind(), got.Status())
	}
	if p := got.Parent(); p.TraceID() != parent.Trace || p.SpanID() != parent.Span || !p.IsRemote() {
		t.Errorf("it is below %v", p)
	}
	if c := s.Context(); c.Trace != parent.Trace || c.Span != got.SpanContext().SpanID() || !c.Sampled() {
		t.Errorf("it calls itself %s", c)
	}
	for _, want := range []attribute.KeyValue{
		attribute.String("node", "a"), attribute.Int64("slot", 7), attribute.String("odd", "1.5"), attribute.String("not text", "a\uFFFDb"),
	} {
		if !slices.Contains(got.Attributes(), want) {
			t.Errorf("%v is missing in %v", want, got.Attributes())
		}
	}
}

// Where nothing was told, the program's own span is the parent.
func TestAProgramsSpanIsTheParent(t *testing.T) {
	provider, kept := recorded(t)
	ctx, outer := provider.Tracer("the program").Start(t.Context(), "work")
	New(provider).Begin(ctx, "call", traces.Client).End()
	outer.End()
	if got := kept.Ended()[0]; got.Parent().SpanID() != outer.SpanContext().SpanID() || got.SpanKind() != trace.SpanKindClient {
		t.Errorf("the call is below %v", got.Parent())
	}
}

// Of a trace that nobody keeps there is no span: so nothing travels either.
func TestWhatNobodyKeepsIsNoSpan(t *testing.T) {
	provider, kept := recorded(t, sdk.WithSampler(sdk.ParentBased(sdk.NeverSample())))
	unkept, _ := traces.Parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
	for name, ctx := range map[string]context.Context{"by us": t.Context(), "by the caller": traces.With(t.Context(), unkept)} {
		if s := New(provider).Begin(ctx, "call", traces.Internal); s != nil {
			t.Errorf("%s: there is a span %v", name, s)
		}
	}
	if n := len(kept.Ended()); n > 0 {
		t.Errorf("%d spans were kept", n)
	}
}
