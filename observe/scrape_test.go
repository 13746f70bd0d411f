package observe

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"lockstep"
	"lockstep/actors"
	"lockstep/lock"
	"lockstep/locktest"
	"lockstep/messages"
	"lockstep/observe/metrics"
)

// scraped is what Prometheus would see, by name.
type scraped map[string]*dto.MetricFamily

// fetch asks a handler.
func fetch(t *testing.T, h http.Handler, target string) string {
	t.Helper()
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", target, answer.Code, answer.Body)
	}
	return answer.Body.String()
}

func scrape(t *testing.T, h http.Handler) scraped {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(fetch(t, h, "/metrics")))
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// value returns a number as a query would name it, name{label="value",…}, or that
// of a histogram's observations; -1 if it is not there.
func (s scraped) value(name string, labels ...string) float64 {
	f := s[name]
	for _, m := range f.GetMetric() {
		if !hasAll(m.GetLabel(), labels) {
			continue
		}
		switch f.GetType() {
		case dto.MetricType_COUNTER:
			return m.GetCounter().GetValue()
		case dto.MetricType_HISTOGRAM:
			return float64(m.GetHistogram().GetSampleCount())
		default:
			return m.GetGauge().GetValue()
		}
	}
	return -1
}

func hasAll(pairs []*dto.LabelPair, labels []string) bool {
	for _, l := range labels {
		if !slices.ContainsFunc(pairs, func(p *dto.LabelPair) bool { return p.GetName()+"="+p.GetValue() == l }) {
			return false
		}
	}
	return true
}

// cluster is three nodes in a bubble, and the numbers of each.
type cluster struct {
	*locktest.Cluster
	t *testing.T
}

func inBubble(t *testing.T, test func(t *testing.T, c *cluster)) {
	synctest.Test(t, func(t *testing.T) {
		test(t, &cluster{locktest.StartCluster(t, 3, locktest.Durable()), t})
	})
}

func (c *cluster) scrape(i int) scraped {
	c.t.Helper()
	return scrape(c.t, Metrics(slog.New(slog.DiscardHandler), c.Node(i)))
}

// acquire takes a lock.
func (c *cluster) acquire(client *lockstep.Client, name string, opts ...lockstep.LockOption) *lockstep.Lease {
	c.t.Helper()
	lease, err := client.Acquire(c.t.Context(), name, opts...)
	if err != nil {
		c.t.Fatal(err)
	}
	return lease
}

func (c *cluster) release(lease *lockstep.Lease) {
	c.t.Helper()
	if err := lease.Release(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

// loseSession opens a session for a client that is never heard again, and lets it
// have a lock.
func (c *cluster) loseSession(client *lockstep.Client, name string) {
	c.t.Helper()
	node := c.Node(c.Primary())
	ask := func(command lock.Command) {
		node.Root().Send(node.Actors.LockTable, &actors.FromClients{From: node.Address(), Requests: []messages.Request{{Command: command}}})
		time.Sleep(time.Second)
	}
	before := c.sessions(client)
	ask(lock.Command{Verb: lock.OpenSession, Number: 12345})
	for session := range c.sessions(client) {
		if !before[session] {
			ask(lock.Command{Verb: lock.Acquire, Session: session, Number: 1, Name: name})
		}
	}
}

func (c *cluster) sessions(client *lockstep.Client) map[lock.SessionID]bool {
	c.t.Helper()
	all := map[lock.SessionID]bool{}
	for info, err := range client.Sessions(c.t.Context()) {
		if err != nil {
			c.t.Fatal(err)
		}
		var id lock.SessionID
		if _, err := fmt.Sscanf(info.ID, "%x", &id); err != nil {
			c.t.Fatal(err)
		}
		all[id] = true
	}
	return all
}

// play makes happen what is counted.
func (c *cluster) play() {
	c.t.Helper()
	one, two := c.Client(), c.Client()
	held := c.acquire(one, "secret/lock")
	if _, err := two.TryAcquire(c.t.Context(), "secret/lock"); err == nil {
		c.t.Fatal("a held lock was granted")
	}
	granted := make(chan *lockstep.Lease)
	go func() { granted <- c.acquire(two, "secret/lock") }()
	time.Sleep(3 * time.Second)
	c.release(held)
	c.release(<-granted)
	c.release(c.acquire(one, "shared by three", lockstep.Permits(2, 3)))
	c.acquire(one, "to be revoked")
	if _, err := two.Revoke(c.t.Context(), "to be revoked", "a test"); err != nil {
		c.t.Fatal(err)
	}
	c.acquire(one, "held for too long", lockstep.MaxHold(time.Second))
	c.loseSession(two, "secret/lost")
	time.Sleep(12 * time.Second)
}

func TestNumbersMove(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		primary := c.Primary()
		before := c.scrape(primary)
		c.play()
		after := c.scrape(primary)
		for _, n := range []struct {
			what  string
			moved float64
		}{
			{"lockstep_requests_total verb=open_session outcome=opened", 3},
			{"lockstep_requests_total verb=acquire outcome=granted", 5},
			{"lockstep_requests_total verb=acquire outcome=held", 1},
			{"lockstep_requests_total verb=revoke outcome=released", 1},
			{"lockstep_queries_total kind=sessions", 2},
			{"lockstep_grants_total mode=exclusive", 5},
			{"lockstep_grants_total mode=" + string(lockstep.ModePermits), 1},
			{"lockstep_grants_total mode=ownerless", 0},
			{"lockstep_releases_total", 3},
			{"lockstep_expiries_total", 1},
			{"lockstep_revocations_total", 1},
			{"lockstep_overholds_total", 1},
			{"lockstep_waits_given_up_total", 0},
			{"lockstep_sessions_opened_total", 3},
			{"lockstep_sessions_expired_total", 1},
			{"lockstep_wait_seconds", 1},
			{"lockstep_hold_seconds", 6},
			{"lockstep_locks", 0},
			{"lockstep_waiters", 0},
			{"lockstep_sessions", 2},
			{"lockstep_reigns_total", 0},
			{"lockstep_failover_seconds", 0},
			{"lockstep_view", 0},
		} {
			words := strings.Fields(n.what)
			was, is := before.value(words[0], words[1:]...), after.value(words[0], words[1:]...)
			if moved := is - max(was, 0); moved != n.moved || is < 0 {
				t.Errorf("%s went from %v to %v, not by %v", n.what, was, is, n.moved)
			}
		}
		for _, name := range []string{
			"lockstep_requests_total verb=acquire outcome=waiting", "lockstep_requests_total verb=keep_alive outcome=alive",
			"lockstep_entries_total", "lockstep_frames_total direction=in", "lockstep_frames_total direction=out",
			"lockstep_frame_bytes_total direction=in", "lockstep_frame_bytes_total direction=out",
			"lockstep_commit_seconds", "lockstep_log_sync_seconds", "lockstep_log_bytes",
		} {
			words := strings.Fields(name)
			if was, is := before.value(words[0], words[1:]...), after.value(words[0], words[1:]...); is <= was {
				t.Errorf("%s went from %v to %v", name, was, is)
			}
		}
		if h := after["lockstep_wait_seconds"].GetMetric()[0].GetHistogram(); h.GetSampleSum() < 2.9 || h.GetSampleSum() > 3.1 {
			t.Errorf("a wait of 3 s counts %v", h.GetSampleSum())
		}
		for member := range 3 {
			is := after.value("lockstep_role", "role=primary")
			if member != primary {
				is = c.scrape(member).value("lockstep_role", "role=backup")
			}
			if is != 1 {
				t.Errorf("node %d has the role %v times", member, is)
			}
		}
		if lag := after.value("lockstep_lag_entries", "member="+c.Names()[(primary+1)%3]); lag != 0 {
			t.Errorf("a backup that has everything is %v behind", lag)
		}
		if got := after.value("lockstep_members", "role=backup"); got != 2 {
			t.Errorf("there are %v backups", got)
		}
		backup := c.scrape((primary + 1) % 3)
		if got := backup.value("lockstep_grants_total", "mode=exclusive"); got != 0 {
			t.Errorf("who does not reign counts %v grants", got)
		}
		if got := backup.value("lockstep_lag_entries"); got != -1 {
			t.Errorf("who does not reign says that a member is %v behind", got)
		}
	})
}

func TestAFailoverIsMeasured(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		dead := c.Primary()
		lease := c.acquire(c.Client(), "a")
		time.Sleep(time.Second)
		began := time.Now()
		c.Kill(dead)
		next := c.Primary()
		took := time.Since(began)
		s := c.scrape(next)
		if s.value("lockstep_reigns_total") != 1 || s.value("lockstep_failover_seconds") != 1 {
			t.Fatalf("%v reigns, %v failovers", s.value("lockstep_reigns_total"), s.value("lockstep_failover_seconds"))
		}
		// From the last sign of the dead one, which is older than its death, to a time
		// before the test looked.
		measured := time.Duration(s["lockstep_failover_seconds"].GetMetric()[0].GetHistogram().GetSampleSum() * float64(time.Second))
		if slack := 50 * time.Millisecond; measured < took-slack || measured > took+slack {
			t.Errorf("measured %v, and it took %v", measured, took)
		}
		if got := s.value("lockstep_silence_seconds", "member="+c.Names()[dead]); got < 0.9*measured.Seconds() {
			t.Errorf("the dead node was heard %v s ago", got)
		}
		c.release(lease)
		if got := c.scrape(next).value("lockstep_lag_entries", "member="+c.Names()[dead]); got < 1 {
			t.Errorf("a dead node is %v entries behind", got)
		}
	})
}

// A pair's backup that takes over was without its primary for a while; that it
// gets a backup again is no failover.
func TestAFailoverOfAPairIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pair := locktest.StartPair(t)
		clerk := pair.Clerk()
		look := func(i int) scraped { return scrape(t, Metrics(slog.New(slog.DiscardHandler), pair.Node(i))) }
		if s := look(0); s.value("lockstep_failover_seconds") != 0 || s.value("lockstep_reigns_total") != 1 || s.value("lockstep_members", "role=backup") != 1 {
			t.Errorf("a pair that was founded: %v", s["lockstep_failover_seconds"])
		}
		time.Sleep(time.Second)
		pair.KillPrimary()
		began := time.Now()
		if got, err := clerk.Lock(t.Context(), "a"); err != nil || !got {
			t.Fatal(got, err)
		}
		took := time.Since(began).Seconds()
		alone := look(1)
		if alone.value("lockstep_role", "role=solo") != 1 || alone.value("lockstep_members", "role=backup") != 0 || alone.value("lockstep_log_bytes") != -1 {
			t.Errorf("a survivor: %v, %v", alone["lockstep_role"], alone["lockstep_members"])
		}
		if h := alone["lockstep_failover_seconds"].GetMetric()[0].GetHistogram(); h.GetSampleCount() != 1 || h.GetSampleSum() < 0.05 || h.GetSampleSum() > took+0.05 {
			t.Errorf("%v, and a client waited %v s", h, took)
		}
		pair.RestartPrimary()
		pair.AwaitPaired()
		again := look(1)
		if again.value("lockstep_failover_seconds") != 1 || again.value("lockstep_reigns_total") != 2 || again.value("lockstep_role", "role=primary") != 1 {
			t.Errorf("a primary with a backup again: %v, %v", again["lockstep_failover_seconds"], again["lockstep_reigns_total"])
		}
		if lag := again.value("lockstep_lag_entries"); lag != 0 {
			t.Errorf("the backup is %v behind", lag)
		}
	})
}

// What every metric has: a name that says whose it is and in what unit, a help
// text, and labels with few values. Neither locks nor sessions are named.
func TestEveryMetricIsInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.play()
		var nodes []Node
		for i := range 3 {
			nodes = append(nodes, c.Node(i))
		}
		handler := Metrics(slog.New(slog.DiscardHandler), nodes...)
		families := scrape(t, handler)
		for _, name := range append(namesOf(families), "lockstep_go_goroutines", "lockstep_process_cpu_seconds_total") {
			f := families[name]
			if f == nil {
				t.Errorf("%s is missing", name)
				continue
			}
			if !strings.HasPrefix(name, prefix) || f.GetHelp() == "" || !hasUnit(name) {
				t.Errorf("%s: %s", name, f.GetHelp())
			}
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					if !ours(name) && l.GetName() == "node" || ours(name) && !slices.Contains(allowed, l.GetName()) {
						t.Errorf("%s has the label %s=%q", name, l.GetName(), l.GetValue())
					}
				}
			}
		}
		for _, f := range families {
			problems, err := promlint.NewWithMetricFamilies([]*dto.MetricFamily{f}).Lint()
			for _, p := range problems {
				if ours(p.Metric) {
					t.Errorf("%s: %s", p.Metric, p.Text)
				}
			}
			if err != nil {
				t.Error(err)
			}
		}
		text := fetch(t, handler, "/metrics")
		for _, private := range []string{"secret", "revoked\"", "session=", "lock="} {
			if strings.Contains(text, private) {
				t.Errorf("there is %q in the numbers", private)
			}
		}
		for session := range c.sessions(c.Client()) {
			if strings.Contains(text, fmt.Sprintf("%x", uint64(session))) {
				t.Errorf("the session %x is named in the numbers", session)
			}
		}
	})
}

// allowed are the labels that there are.
var allowed = []string{"node", "actor", "verb", "outcome", "reason", "kind", "mode", "role", "member", "direction"}

// ours tells what we count from what the runtime tells.
func ours(name string) bool {
	return !strings.HasPrefix(name, prefix+"go_") && !strings.HasPrefix(name, prefix+"process_")
}

// hasUnit reports whether a name ends in what it counts.
func hasUnit(name string) bool {
	return !ours(name) || slices.ContainsFunc([]string{
		"_total", "_seconds", "_bytes", "_entries",
		"_locks", "_waiters", "_sessions", "_members", // that many of them
		"_answered", "_role", "_view", // one or none, and an ordinal number
	}, func(unit string) bool { return strings.HasSuffix(name, unit) })
}

func namesOf(families scraped) (names []string) {
	for name := range families {
		names = append(names, name)
	}
	return names
}

// hung is a node of which nothing answers.
type hung struct{}

func (hung) Numbers(ctx context.Context) metrics.Node {
	<-ctx.Done()
	return metrics.Node{Name: "hung"}
}

func (hung) Waits(ctx context.Context) (metrics.Waits, error) {
	<-ctx.Done()
	return metrics.Waits{}, ctx.Err()
}

// BenchmarkScrape measures what a scrape takes, of which the node's actors do no
// more than copy their numbers.
func BenchmarkScrape(b *testing.B) {
	handler := Metrics(slog.New(slog.DiscardHandler), locktest.StartCluster(b, 1).Node(0))
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", nil))
	}
}

// A node that hangs is seen by that, and does not hide another.
func TestANodeThatHangsIsSeen(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		s := scrape(t, Metrics(slog.New(slog.DiscardHandler), hung{}, c.Node(0)))
		for node, want := range map[string]float64{"hung": 0, "a": 1} {
			for _, actor := range []string{"lock_table", "replicator"} {
				if got := s.value("lockstep_answered", "node="+node, "actor="+actor); got != want {
					t.Errorf("the %s of %s has answered: %v", actor, node, got)
				}
			}
		}
		if s.value("lockstep_locks", "node=a") != 0 || s.value("lockstep_locks", "node=hung") != -1 {
			t.Errorf("locks: %v", s["lockstep_locks"])
		}
	})
}
