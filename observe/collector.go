package observe

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"lockstep/observe/metrics"
)

// prefix is how the name of every metric begins.
const prefix = "lockstep_"

// maxScrapes is how many are served at once: a node has better things to do.
const maxScrapes = 4

// Metrics answers with the numbers of nodes and of the process, for Prometheus.
func Metrics(log *slog.Logger, nodes ...Node) http.Handler {
	// Not the registry that libraries of this process enter themselves into.
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(nodes))
	prometheus.WrapRegistererWithPrefix(prefix, registry).MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: maxScrapes,
		ErrorHandling:       promhttp.ContinueOnError,
		ErrorLog:            slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	})
}

// collector reads the nodes' numbers when somebody asks for them.
type collector struct {
	nodes   []Node
	singles []*prometheus.Desc // of families
	spreads []*prometheus.Desc // of spreads
}

func newCollector(nodes []Node) *collector {
	c := &collector{nodes: nodes}
	for _, f := range families {
		c.singles = append(c.singles, prometheus.NewDesc(f.name, f.help, append([]string{"node"}, f.labels...), nil))
	}
	for _, s := range spreads {
		c.spreads = append(c.spreads, prometheus.NewDesc(s.name, s.help, []string{"node"}, nil))
	}
	return c
}

// Describe tells what there may be.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, descs := range [][]*prometheus.Desc{c.singles, c.spreads} {
		for _, d := range descs {
			to <- d
		}
	}
}

// Collect asks all nodes at once, so that one that hangs does not silence the
// others.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var all sync.WaitGroup
	for _, node := range c.nodes {
		all.Go(func() {
			n := node.Numbers(ctx)
			c.collect(&n, to)
		})
	}
	all.Wait()
}

func (c *collector) collect(n *metrics.Node, to chan<- prometheus.Metric) {
	for i, f := range families {
		f.read(n, func(value float64, labels ...string) {
			send(to, c.singles[i])(prometheus.NewConstMetric(c.singles[i], f.kind, value, append([]string{n.Name}, labels...)...))
		})
	}
	for i, s := range spreads {
		if h := s.read(n); h != nil {
			send(to, c.spreads[i])(prometheus.NewConstHistogram(c.spreads[i], h.Count(), float64(h.Sum())*s.unit, buckets(h, s.unit), n.Name))
		}
	}
}

// send sends a metric, or what is wrong with it: a name that is no text, say, ends
// nothing but its own line.
func send(to chan<- prometheus.Metric, desc *prometheus.Desc) func(prometheus.Metric, error) {
	return func(m prometheus.Metric, err error) {
		if err != nil {
			m = prometheus.NewInvalidMetric(desc, err)
		}
		to <- m
	}
}

// buckets are those of a histogram, with their bounds in seconds.
func buckets(h *metrics.Histogram, unit float64) map[float64]uint64 {
	upTo := make(map[float64]uint64, metrics.HistogramBuckets)
	for i := range metrics.HistogramBuckets {
		upTo[float64(metrics.Bound(i))*unit] = h.UpTo(i)
	}
	return upTo
}
