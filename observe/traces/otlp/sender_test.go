package otlp

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"lockstep/observe/traces"
	"lockstep/tests/collector"
)

// environment sets what OpenTelemetry reads, and nothing that is set elsewhere.
func environment(t *testing.T, set map[string]string) {
	t.Helper()
	for _, name := range []string{
		disabled, exporter, endpoint, ownEndpoint, protocol, ownProtocol, "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
		"OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_BSP_SCHEDULE_DELAY",
	} {
		t.Setenv(name, set[name])
	}
}

func started(t *testing.T, given string, log *slog.Logger) *Sender {
	t.Helper()
	url, err := Collector(given, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start(Config{URL: url, Service: "lockstep", Version: "v9", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func stop(t *testing.T, s *Sender) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// What a node tells arrives, from whom and in which trace, also what was told just
// before it stopped.
func TestSpansArrive(t *testing.T) {
	c := collector.Start(t)
	for name, set := range map[string]map[string]string{
		"the URL that is given":      {ownEndpoint: "http://127.0.0.1:1/elsewhere"},
		"where the environment says": {endpoint: c.URL(), "OTEL_SERVICE_NAME": "locks of the shop", "OTEL_EXPORTER_OTLP_HEADERS": "secret=7"},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t, set)
			url := ""
			if set[endpoint] == "" {
				url = c.URL()
			}
			s := started(t, url, slog.New(slog.DiscardHandler))
			one := s.Tracer("a").Begin(t.Context(), name, traces.Server)
			one.End()
			stop(t, s)
			var got collector.Span
			c.Await(t, func(all []collector.Span) bool {
				if len(all) > 0 {
					got = all[len(all)-1]
				}
				return got.Name == name
			})
			service := set["OTEL_SERVICE_NAME"]
			if service == "" {
				service = "lockstep"
			}
			if got.Notes["lockstep.node"] != "a" || got.Notes["service.name"] != service || got.Notes["service.version"] != "v9" {
				t.Errorf("it is told by %v", got.Notes)
			}
			if want := one.Context(); !strings.Contains(want.String(), got.Trace+"-"+got.ID) || got.Parent != "" {
				t.Errorf("got %+v, which calls itself %s", got, want)
			}
			if set["OTEL_EXPORTER_OTLP_HEADERS"] != "" && c.Header("Secret") != "7" {
				t.Error("the collector does not see what it wants to see")
			}
		})
	}
}

// The environment says which traces are kept.
func TestOthersDecideWhatIsKept(t *testing.T) {
	environment(t, map[string]string{"OTEL_TRACES_SAMPLER": "always_off"})
	s := started(t, collector.Start(t).URL(), slog.New(slog.DiscardHandler))
	defer stop(t, s)
	if one := s.Tracer("a").Begin(t.Context(), "call", traces.Server); one != nil {
		t.Error("a span is kept that nobody wants")
	}
}

// A collector that is not well is mentioned once, and once more when it is.
func TestACollectorThatRefusesIsMentionedOnce(t *testing.T) {
	environment(t, map[string]string{"OTEL_BSP_SCHEDULE_DELAY": "1"})
	c := collector.Start(t)
	var log bytes.Buffer
	s := started(t, c.URL(), slog.New(slog.NewTextHandler(&log, nil)))
	tell := func() {
		s.Tracer("a").Begin(t.Context(), "call", traces.Server).End()
		if err := s.provider.ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c.Refuse(http.StatusForbidden)
	tell()
	tell()
	c.Refuse(0)
	tell()
	tell()
	stop(t, s)
	text := log.String()
	if strings.Count(text, "spans cannot be sent") != 1 || strings.Count(text, "spans are sent again") != 1 || strings.Count(text, "\n") != 2 {
		t.Errorf("the log says:\n%s", text)
	}
}

// A process ends in time also when nobody takes its spans.
func TestStoppingDoesNotWaitForACollector(t *testing.T) {
	environment(t, nil)
	c := collector.Start(t)
	c.Refuse(http.StatusServiceUnavailable) // which is worth another try, for a minute
	s := started(t, c.URL(), slog.New(slog.DiscardHandler))
	s.Tracer("a").Begin(t.Context(), "call", traces.Server).End()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	_ = s.Stop(ctx) // it says that it could not send
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	environment(t, map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "no value"})
	if _, err := Start(Config{URL: usual, Service: "lockstep", Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "OTEL_RESOURCE_ATTRIBUTES") {
		t.Errorf("got %v", err)
	}
}

// A page that a collector answers with does not fill the log.
func TestErrorsAreBrief(t *testing.T) {
	if got := brief(context.DeadlineExceeded); got != context.DeadlineExceeded.Error() {
		t.Errorf("a short one became %q", got)
	}
	if got := brief(errors.New(strings.Repeat("x", 10_000))); len(got) > most+len("…") {
		t.Errorf("%d bytes are left", len(got))
	}
}
