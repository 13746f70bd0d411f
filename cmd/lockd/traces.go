package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"lockstep/cmd/internal/cli"
	"lockstep/observe/traces"
	"lockstep/observe/traces/otlp"
)

// tracesStop is how long what was told last may take to be sent.
const tracesStop = 200 * time.Millisecond

func (p *program) addTracesFlag() {
	cli.Var(p.Flags, &p.otlp, "otlp", "",
		"the `URL` of a collector of OpenTelemetry that takes traces over HTTP, such as\nhttp://127.0.0.1:4318 (the default is what OTEL_EXPORTER_OTLP_ENDPOINT says, or\nnone); the other variables OTEL_… say which traces, and as whom", func(text string) (string, error) { return text, otlp.CheckURL(text) })
}

// tracing is where the nodes of this process tell of the traces that somebody
// keeps. Nil is nowhere.
type tracing struct{ sender *otlp.Sender }

// openTraces starts sending, if anybody wants to have it.
func (p *program) openTraces(log *slog.Logger) (*tracing, error) {
	to, err := otlp.Collector(p.otlp, p.Getenv)
	if err != nil {
		return nil, cli.Fail(cli.Config, "traces: %v", err)
	}
	if to == "" {
		return nil, nil
	}
	log.Info("telling of requests whose traces are kept", "collector", to)
	sender, err := otlp.Start(otlp.Config{URL: to, Service: "lockstep", Version: cli.Version(), Log: log})
	if err != nil {
		return nil, cli.Fail(cli.Config, "traces cannot be sent: %s", cli.Plain(err))
	}
	return &tracing{sender}, nil
}

// tracer is that of one node.
func (t *tracing) tracer(node string) traces.Tracer {
	if t == nil {
		return nil
	}
	return t.sender.Tracer(node)
}

// close sends what is left, after the last node has gone.
func (t *tracing) close(log *slog.Logger) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), tracesStop)
	defer cancel()
	if err := t.sender.Stop(ctx); err != nil {
		log.Warn("the last spans were not sent", "error", fmt.Sprintf("%.300s", err))
	}
}
