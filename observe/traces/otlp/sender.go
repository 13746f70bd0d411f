// Package otlp sends spans to a collector, in OpenTelemetry's protocol over HTTP.
// The variables OTEL_… of OpenTelemetry say where to, which spans, and as whom; a
// URL that is given counts more.
package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"lockstep/observe/traces"
	"lockstep/observe/traces/opentelemetry"
)

// Config is what a Sender is started with.
type Config struct {
	// URL is what Collector says.
	URL string
	// Service is what the process calls itself unless OTEL_SERVICE_NAME says
	// otherwise, and Version which one it is.
	Service, Version string
	Log              *slog.Logger
}

// Sender sends the spans of a process in the background, some thousands at most at
// a time: what is more than the collector takes is dropped.
type Sender struct{ provider *sdk.TracerProvider }

// Start starts a sender. That the collector does not answer is no error.
func Start(cfg Config) (*Sender, error) {
	// What the SDK does not like in the environment, it says to one for all.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		cfg.Log.Warn("traces: "+brief(err), "what", "OpenTelemetry")
	}))
	ctx := context.Background()
	who, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", cfg.Service), attribute.String("service.version", cfg.Version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES cannot be read: %w", err)
	}
	// What is not taken is sent again, but not for long, so that it is soon said that
	// there is nobody.
	out, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(cfg.URL), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
		Enabled: true, InitialInterval: 500 * time.Millisecond, MaxInterval: 2 * time.Second, MaxElapsedTime: 5 * time.Second,
	}))
	if err != nil {
		return nil, err
	}
	return &Sender{sdk.NewTracerProvider(sdk.WithResource(who), sdk.WithBatcher(&outspoken{SpanExporter: out, log: cfg.Log}))}, nil
}

// Tracer returns a tracer whose spans are those of a node.
func (s *Sender) Tracer(node string) traces.Tracer {
	return opentelemetry.New(s.provider, traces.Text("lockstep.node", node))
}

// Stop sends what has not been sent, as far as ctx leaves time for it.
func (s *Sender) Stop(ctx context.Context) error { return s.provider.Shutdown(ctx) }

// outspoken says when spans cannot be sent, and when they can again, once each.
// One goroutine at a time has spans sent.
type outspoken struct {
	sdk.SpanExporter
	log    *slog.Logger
	failed bool
}

// ExportSpans implements sdk.SpanExporter.
func (o *outspoken) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := o.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && !o.failed:
		o.log.Warn("spans cannot be sent, and are dropped until they can", "error", brief(err))
	case err == nil && o.failed:
		o.log.Info("spans are sent again")
	}
	o.failed = err != nil
	return nil
}

// most of an error's text is logged: there may be a page of somebody's in it.
const most = 300

func brief(err error) string {
	text := err.Error()
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
