package observe

import (
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lockstep/observe/metrics"
)

// dashboard is as much of Grafana's format as matters here.
type dashboard struct {
	Panels      []panel `json:"panels"`
	Annotations struct {
		List []target `json:"list"`
	} `json:"annotations"`
}

type panel struct {
	ID          int                      `json:"id"`
	Type        string                   `json:"type"`
	Title       string                   `json:"title"`
	Description string                   `json:"description"`
	GridPos     struct{ X, Y, W, H int } `json:"gridPos"`
	Targets     []target                 `json:"targets"`
	FieldConfig struct {
		Defaults struct {
			Unit string `json:"unit"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
}

type target struct {
	Expr   string `json:"expr"`
	Legend string `json:"legendFormat"`
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	file, err := os.ReadFile("grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(file, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

var (
	metricName = regexp.MustCompile(`lockstep_[a-z_]+`)
	selector   = regexp.MustCompile(`(lockstep_[a-z_]+)\{([^}]*)\}`)
	matcher    = regexp.MustCompile(`([a-z_]+)=~?"([^"]*)"`)
	labelUse   = regexp.MustCompile(`\{\{([a-z_]+)\}\}|\b(?:by|on) \(([a-z_, ]+)\)`)
)

// base is the metric that a name in a query belongs to.
func (s scraped) base(name string) string {
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		if whole, cut := strings.CutSuffix(name, part); cut && s[whole] != nil {
			return whole
		}
	}
	return name
}

// labels are those of a metric, and those that Prometheus adds.
func (s scraped) labels(name string) map[string]bool {
	all := map[string]bool{"job": true, "instance": true, "le": true, "quantile": true}
	for _, m := range s[name].GetMetric() {
		for _, l := range m.GetLabel() {
			all[l.GetName()] = true
		}
	}
	return all
}

// kinds are the values that labels of a closed set have.
func kinds() map[string][]string {
	var names []string
	for _, r := range roles {
		names = append(names, r.String())
	}
	return map[string][]string{"role": names, "outcome": metrics.Outcomes[:], "verb": metrics.Verbs[:], "reason": metrics.Reasons[:], "mode": metrics.Modes[:]}
}

// The dashboard shows all that a node tells, and nothing that it does not.
func TestTheDashboardShowsWhatThereIs(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.play()
		primary := c.Primary()
		s := scrape(t, Metrics(slog.New(slog.DiscardHandler), c.Node(primary)))
		d := readDashboard(t)
		targets := d.Annotations.List
		for _, p := range d.Panels {
			targets = append(targets, p.Targets...)
		}
		shown := map[string]bool{}
		for _, q := range targets {
			labels := map[string]bool{}
			for _, name := range metricName.FindAllString(q.Expr, -1) {
				base := s.base(name)
				// What was never refused at the port is not in a scrape.
				if s[base] == nil && base != "lockstep_refusals_total" {
					t.Errorf("%s is in no scrape: %s", name, q.Expr)
				}
				shown[base] = true
				maps.Copy(labels, s.labels(base))
			}
			if len(labels) == 0 {
				t.Errorf("nothing of ours is asked for: %q", q.Expr)
			}
			for _, use := range labelUse.FindAllStringSubmatch(q.Expr+q.Legend, -1) {
				for label := range strings.SplitSeq(use[1]+use[2], ", ") {
					if !labels[label] && !strings.Contains(q.Expr, "lockstep_refusals_total") {
						t.Errorf("there is no label %s: %s, %s", label, q.Expr, q.Legend)
					}
				}
			}
			for _, sel := range selector.FindAllStringSubmatch(q.Expr, -1) {
				for _, m := range matcher.FindAllStringSubmatch(sel[2], -1) {
					if !s.labels(s.base(sel[1]))[m[1]] {
						t.Errorf("%s has no label %s: %s", sel[1], m[1], q.Expr)
					}
					for value := range strings.SplitSeq(m[2], "|") {
						if known := kinds()[m[1]]; known != nil && !slices.Contains(known, value) {
							t.Errorf("no %s is called %q: %s", m[1], value, q.Expr)
						}
					}
				}
			}
		}
		for name := range s {
			if ours(name) && !shown[name] {
				t.Errorf("%s is not shown", name)
			}
		}
	})
}

// Every panel says what it is about, and none lies over another.
func TestThePanelsAreInOrder(t *testing.T) {
	taken, ids := map[[2]int]string{}, map[int]bool{}
	for _, p := range readDashboard(t).Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the number %d", p.ID)
		}
		ids[p.ID] = true
		if p.Title == "" || p.Type != "row" && (p.Description == "" || len(p.Targets) == 0) {
			t.Errorf("panel %d, %q: %q, %d queries", p.ID, p.Title, p.Description, len(p.Targets))
		}
		if p.FieldConfig.Defaults.Unit == "bytes" {
			t.Errorf("%s counts in KiB, and everything else in kB", p.Title)
		}
		at := p.GridPos
		if at.X < 0 || at.X+at.W > 24 || at.W == 0 || at.H == 0 {
			t.Errorf("%s is at %+v", p.Title, at)
		}
		for x := at.X; x < at.X+at.W; x++ {
			for y := at.Y; y < at.Y+at.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%s lies over %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}
