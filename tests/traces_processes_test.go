package tests

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	wire "go.opentelemetry.io/proto/otlp/trace/v1"

	"lockstep"
	"lockstep/observe/traces/opentelemetry"
	"lockstep/tests/cluster"
	"lockstep/tests/collector"
)

// traced is three nodes with public ports that tell a collector of traces.
type traced struct {
	*trio
	urls      []string
	collector *collector.Collector
}

func startTraced(t *testing.T) *traced {
	t.Helper()
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50") // nobody wants to wait for spans
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
	c := collector.Start(t)
	apis := []string{freeAddress(t), freeAddress(t), freeAddress(t)}
	w := start(t, cluster.New(cluster.Config{
		Lockd: binary(t, "lockd"), Dir: t.TempDir(), Addresses: []string{freeAddress(t), freeAddress(t), freeAddress(t)},
		APIs: apis, Flags: []string{"-otlp", c.URL()},
	}))
	var urls []string
	for _, api := range apis {
		urls = append(urls, "http://"+api)
	}
	return &traced{w, urls, c}
}

// place is that of the node that serves.
func (w *traced) place() int {
	w.t.Helper()
	return slices.Index(w.Nodes, w.primary())
}

// post asks a node's API for something below a span.
func (w *traced) post(node int, traceparent, method, body string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), "POST", w.urls[node]+"/lockstep.v1.LockService/"+method, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Traceparent", traceparent)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != 200 {
		w.t.Fatalf("%s: %s %s, %v", method, answer.Status, text, err)
	}
}

// family is the spans of one trace.
type family struct {
	t   *testing.T
	all []collector.Span
}

// await returns a trace as soon as it has a certain number of spans of a name.
func (w *traced) await(trace, name string, n int) family {
	w.t.Helper()
	var f family
	w.collector.Await(w.t, func(all []collector.Span) bool {
		f = family{w.t, slices.DeleteFunc(slices.Clone(all), func(s collector.Span) bool { return s.Trace != trace })}
		found := 0
		for _, s := range f.all {
			if s.Name == name {
				found++
			}
		}
		return found >= n
	})
	return f
}

// child is the one span of a name below a parent; with a verb, that of the node which
// has served it.
func (f family) child(parent, name, verb string) collector.Span {
	f.t.Helper()
	var found []collector.Span
	for _, s := range f.all {
		sentAway := s.Notes["lockstep.outcome"] == "not_primary" // as a client is that asks a backup first
		if s.Parent == parent && s.Name == name && (verb == "" || s.Notes["lockstep.verb"] == verb && !sentAway) {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		f.t.Fatalf("there are %d spans %s %s below %s:\n%s", len(found), name, verb, parent, collector.Text(f.all))
	}
	return found[0]
}

// served is a request at the node that has ordered it, with all its parts.
func (f family) served(parent, verb, node string) collector.Span {
	f.t.Helper()
	serve := f.child(parent, "lockstep/serve", verb)
	queue, order, apply := f.child(serve.ID, "lockstep/queue", ""), f.child(serve.ID, "lockstep/order", ""), f.child(serve.ID, "lockstep/apply", "")
	if queue.Begin.Before(serve.Begin) || order.Begin.Before(queue.End) || apply.Begin.Before(order.End) || serve.End.Before(apply.End) || serve.Kind != wire.Span_SPAN_KIND_SERVER {
		f.t.Errorf("what is executed before it is ordered?\n%s", collector.Text(f.all))
	}
	for _, s := range []collector.Span{serve, queue, order, apply} {
		if s.Notes["lockstep.node"] != node || s.Notes["service.name"] != "lockstep" {
			f.t.Errorf("%s is told by %v, want node %s", s.Name, s.Notes, node)
		}
	}
	return serve
}

// TestOneTraceFromTheAPIToTheCommit: who asks a node that does not serve finds his
// request at the one that does, in one trace, from the call to the entry.
func TestOneTraceFromTheAPIToTheCommit(t *testing.T) {
	w := startTraced(t)
	const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	primary := w.place()
	backup := (primary + 1) % 3
	w.post(backup, "00-"+trace+"-"+span+"-00", "TryAcquire", `{"name":"nobody keeps this"}`)
	w.post(backup, "00-"+trace+"-"+span+"-01", "TryAcquire", `{"name":"deploy"}`)

	w.await(trace, "lockstep.v1.LockService/TryAcquire", 1)
	f := w.await(trace, "lockstep/apply", 2)
	call := f.child(span, "lockstep.v1.LockService/TryAcquire", "")
	if call.Notes["lockstep.node"] != w.Nodes[backup].Name || call.Notes["lockstep.lock"] != "deploy" {
		t.Errorf("the call is told by %v", call.Notes)
	}
	f.served(call.ID, "open_session", w.Nodes[primary].Name)
	acquire := f.served(call.ID, "acquire", w.Nodes[primary].Name)
	if acquire.Notes["lockstep.lock"] != "deploy" || acquire.Notes["lockstep.outcome"] != "granted" || acquire.Notes["lockstep.index"] == "" {
		t.Errorf("it says %v", acquire.Notes)
	}
	for _, s := range f.all {
		if s.Notes["lockstep.lock"] == "nobody keeps this" {
			t.Errorf("a span is kept that nobody wants: %v", s)
		}
	}
}

// program is the OpenTelemetry of a Go program, which keeps all of its traces.
func program(t *testing.T, c *collector.Collector) *sdk.TracerProvider {
	t.Helper()
	out, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(c.URL()+"/v1/traces"))
	if err != nil {
		t.Fatal(err)
	}
	provider := sdk.NewTracerProvider(sdk.WithSyncer(out), sdk.WithSampler(sdk.AlwaysSample()))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	return provider
}

// TestOneTraceThroughAPair: at either node of a pair, the one that orders and the one
// that sends on what it is asked, a request is told of where it was asked.
func TestOneTraceThroughAPair(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	w := &traced{collector: collector.Start(t)}
	pair := startProcesses(t, "-otlp", w.collector.URL())
	w.trio = &trio{processes: pair}
	provider := program(t, w.collector)
	for _, address := range pair.addresses {
		client, err := lockstep.Dial(t.Context(), []string{address}, lockstep.WithTracer(opentelemetry.New(provider)))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if _, err := client.Clerk().Lock(t.Context(), "before"); err != nil { // it has a session then
			t.Fatal(err)
		}
		ctx, work := provider.Tracer("the program").Start(t.Context(), "work")
		if _, err := client.Clerk().Lock(ctx, "db"); err != nil {
			t.Fatal(err)
		}
		work.End()
		trace := work.SpanContext().TraceID().String()
		f := w.await(trace, "lockstep/apply", 1)
		call := f.child(work.SpanContext().SpanID().String(), "lockstep/Lock", "")
		f.served(call.ID, "lock", address)
	}
}

// TestOneTraceFromAProgramToTheCommit: the spans of a Go program, of its calls and
// of the nodes are one trace, and a wait is a part of it.
func TestOneTraceFromAProgramToTheCommit(t *testing.T) {
	w := startTraced(t)
	provider, primary := program(t, w.collector), w.primary()
	client, err := lockstep.Dial(t.Context(), w.Addresses(), lockstep.WithTracer(opentelemetry.New(provider)))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	first, err := client.Acquire(t.Context(), "db") // a trace of its own
	if err != nil {
		t.Fatal(err)
	}

	ctx, work := provider.Tracer("the program").Start(t.Context(), "work")
	trace := work.SpanContext().TraceID().String()
	if _, err := client.TryAcquire(ctx, "db"); err == nil {
		t.Fatal("a lock has two holders")
	}
	done := make(chan error, 1)
	go func() {
		second, err := client.Acquire(ctx, "db")
		if err == nil {
			err = second.Release(ctx)
		}
		done <- err
	}()
	for {
		shown, err := client.Show(t.Context(), "db")
		if err != nil {
			t.Fatal(err)
		}
		if shown.Waiters == 1 {
			break
		}
	}
	if err := first.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	work.End()

	w.await(trace, "work", 1)
	f := w.await(trace, "lockstep/apply", 3)
	program := f.child("", "work", "")
	for call, verb := range map[string]string{"lockstep/TryAcquire": "acquire", "lockstep/Acquire": "acquire", "lockstep/Release": "release"} {
		span := f.child(program.ID, call, "")
		if span.Kind != wire.Span_SPAN_KIND_CLIENT || span.Notes["lockstep.lock"] != "db" || span.Failed != "" {
			t.Errorf("%+v", span)
		}
		serve := f.served(span.ID, verb, primary.Name)
		if call == "lockstep/Acquire" {
			f.child(serve.ID, "lockstep/wait", "")
		}
	}
}

// TestOneTraceFromAJobToTheCommit: of a command in a job that is traced the nodes tell
// below the job's span, and in one that is not they tell of nothing.
func TestOneTraceFromAJobToTheCommit(t *testing.T) {
	w := startTraced(t)
	const trace, span = "3af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	run := func(name, parent string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), binary(t, "lockc"), "-nodes", strings.Join(w.Addresses(), ","), "run", name, "--", "true")
		command.Env = append(os.Environ(), "TRACEPARENT="+parent)
		if said, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
	}
	run("kept by nobody", "00-"+trace+"-"+span+"-00")
	run("nonsense", "00-"+trace)
	run("deploy", "00-"+trace+"-"+span+"-01")
	f := w.await(trace, "lockstep/apply", 2)
	for _, verb := range []string{"acquire", "release"} {
		if serve := f.served(span, verb, w.primary().Name); serve.Notes["lockstep.lock"] != "deploy" {
			t.Errorf("it says %v", serve.Notes)
		}
	}
}

// TestTracesOutliveAFailover: a call whose node dies goes on at another, and the
// trace with it; and a node that stops sends what it has told last.
func TestTracesOutliveAFailover(t *testing.T) {
	w := startTraced(t)
	const trace, span = "1af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	primary := w.place()
	backup := (primary + 1) % 3
	w.Nodes[primary].Kill()
	w.post(backup, "00-"+trace+"-"+span+"-01", "TryAcquire", `{"name":"deploy"}`)
	f := w.await(trace, "lockstep.v1.LockService/TryAcquire", 1)
	call := f.child(span, "lockstep.v1.LockService/TryAcquire", "")
	f = w.await(trace, "lockstep/apply", 2)
	granted := 0
	for _, s := range f.all {
		if s.Name == "lockstep/serve" && s.Parent == call.ID && s.Notes["lockstep.outcome"] == "granted" {
			granted++
		}
	}
	if granted != 1 {
		t.Errorf("it was granted %d times:\n%s", granted, collector.Text(f.all))
	}
}

// TestANodeStopsInTimeWithItsTraces: what was told last is sent when a node stops,
// and one whose collector does not answer stops no later for it.
func TestANodeStopsInTimeWithItsTraces(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")
	collects := collector.Start(t)
	for name, url := range map[string]string{"one that takes them": collects.URL(), "one that does not answer": "http://" + silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			api := freeAddress(t)
			w := start(t, cluster.New(cluster.Config{
				Lockd: binary(t, "lockd"), Dir: t.TempDir(), Addresses: []string{freeAddress(t)}, APIs: []string{api}, Flags: []string{"-found", "-otlp", url},
			}))
			const trace = "2af7651916cd43dd8448eb211c80319c"
			one := &traced{w, []string{"http://" + api}, collects}
			one.post(0, "00-"+trace+"-b7ad6b7169203331-01", "TryAcquire", `{"name":"deploy"}`)
			http.DefaultClient.CloseIdleConnections()
			began := time.Now()
			w.Nodes[0].Signal(syscall.SIGTERM)
			<-w.Nodes[0].Exited()
			took := time.Since(began)
			if code := w.Nodes[0].ExitCode(); code != 0 || took > 5*time.Second {
				t.Errorf("it has stopped with code %d after %v", code, took)
			}
			if url == collects.URL() {
				one.await(trace, "lockstep/apply", 2)
			} else if said := w.Nodes[0].Said(); !strings.Contains(said, "the last spans were not sent") {
				t.Errorf("it does not say that spans are lost:\n%s", said)
			}
		})
	}
}
