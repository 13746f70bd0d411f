// Package collector is a collector of OpenTelemetry for tests: it takes spans over
// HTTP and shows them.
package collector

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	ingest "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is what a process has told of one.
type Span struct {
	Name              string
	Trace, ID, Parent string // in hexadecimal digits
	Kind              trace.Span_SpanKind
	Begin, End        time.Time
	Notes             map[string]string // with those of its process
	Failed            string            // why, if it has
}

// Collector is one that listens.
type Collector struct {
	server *httptest.Server

	mu      sync.Mutex
	spans   []Span
	changed chan struct{} // closed when there are more
	headers http.Header   // of the last request
	refuses int           // the status that everybody gets, if not zero
}

// Start starts a collector, which ends with the test.
func Start(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{changed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) {
		if status, err := c.take(r); err != nil {
			http.Error(w, err.Error(), status)
		}
	})
	c.server = httptest.NewServer(mux)
	t.Cleanup(c.server.Close)
	return c
}

// URL is where the collector listens.
func (c *Collector) URL() string { return c.server.URL }

// Refuse answers everybody with a status from now on; with zero spans are taken
// again.
func (c *Collector) Refuse(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuses = status
}

// Header is one of the last request.
func (c *Collector) Header(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.headers.Get(name)
}

// Await returns the spans so far as soon as they are what is waited for. It fails
// the test if they are not within some seconds.
func (c *Collector) Await(t testing.TB, enough func([]Span) bool) []Span {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		c.mu.Lock()
		spans, changed := c.spans, c.changed
		c.mu.Unlock()
		if enough(spans) {
			return spans
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("the spans that are waited for do not come; these have:\n%s", Text(spans))
		}
	}
}

// Text writes spans, each in a line.
func Text(spans []Span) (text string) {
	for _, s := range spans {
		text += fmt.Sprintf("%s %s below %q: %s %v\n", s.Trace, s.ID, s.Parent, s.Name, s.Notes)
	}
	return text
}

func (c *Collector) take(r *http.Request) (status int, err error) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(r.Body); err != nil {
			return http.StatusBadRequest, err
		}
	}
	bytes, err := io.ReadAll(body)
	if err != nil {
		return http.StatusBadRequest, err
	}
	request := new(ingest.ExportTraceServiceRequest)
	if err := proto.Unmarshal(bytes, request); err != nil {
		return http.StatusBadRequest, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers = r.Header
	if c.refuses != 0 {
		return c.refuses, fmt.Errorf("nothing is taken now")
	}
	for _, process := range request.GetResourceSpans() {
		for _, scope := range process.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, read(s, process.GetResource().GetAttributes()))
			}
		}
	}
	close(c.changed)
	c.changed = make(chan struct{})
	return http.StatusOK, nil
}

func read(s *trace.Span, process []*common.KeyValue) Span {
	span := Span{
		Name: s.GetName(), Kind: s.GetKind(),
		Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
		Begin: time.Unix(0, int64(s.GetStartTimeUnixNano())), End: time.Unix(0, int64(s.GetEndTimeUnixNano())),
		Notes: map[string]string{},
	}
	for _, list := range [][]*common.KeyValue{process, s.GetAttributes()} {
		for _, one := range list {
			text := one.GetValue().GetStringValue()
			if _, isCount := one.GetValue().GetValue().(*common.AnyValue_IntValue); isCount {
				text = fmt.Sprint(one.GetValue().GetIntValue())
			}
			span.Notes[one.GetKey()] = text
		}
	}
	if s.GetStatus().GetCode() == trace.Status_STATUS_CODE_ERROR {
		span.Failed = s.GetStatus().GetMessage()
	}
	return span
}
