package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
)

// besides is how many callers of each way are measured beside an attack.
const besides = 8

// shownLocks are held all the while, so that there is something to ask for that is
// not read.
const shownLocks = 2000

// scene is nodes with doors, and those who are measured there.
type scene struct {
	service *service
	gate    *gate
	reach   reach
	entry   entry    // of the node that is attacked
	fleets  []*fleet // one for each way
	holding *lockstep.Client
}

// floodAll measures every attack in turns, each right behind a time without one.
func (p *program) floodAll() error {
	p.spawn = true
	if err := p.check(); err != nil {
		return err
	}
	stop, abandon, release := interrupts()
	defer release()
	dir, err := os.MkdirTemp("", "lockload-gate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := p.newScene(dir)
	if err != nil {
		return cli.Fail(cli.Unavailable, "%s", cli.Plain(err))
	}
	defer s.close()
	report := p.newFloodReport(s)
	for run := 1; run <= p.runs; run++ {
		for _, row := range report.Attacks {
			p.show(fmt.Sprintf("%s, run %d of %d", row.Attack, run, p.runs))
			if err := p.beside(s, row, stop, abandon); err != nil {
				return cli.Fail(cli.Unavailable, "%s: %s", row.Attack, cli.Plain(err))
			}
			if isClosed(stop) {
				return cli.Fail(cli.Unavailable, "%v", errInterrupted)
			}
		}
	}
	report.finish()
	return p.print(report)
}

// newScene starts the nodes, and connects whom they should go on to serve.
func (p *program) newScene(dir string) (s *scene, err error) {
	s = &scene{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.gate, err = newGate(dir); err != nil {
		return s, err
	}
	s.service, err = startSpawned(setup{lockd: p.lockd, quorum: p.quorum, durability: p.durability, api: true, gate: s.gate})
	if err != nil {
		return s, err
	}
	s.reach = reach{nodes: s.service.nodes, listen: p.listen, tls: s.gate.files(friend), log: cli.NewLog(p.Stderr, false, slog.LevelError)}
	if s.entry, err = p.entry(s.service, s.reach); err != nil {
		return s, err
	}
	if err := s.hold(p.plan.timeout); err != nil {
		return s, err
	}
	for _, w := range ways {
		f, err := w.fleet(s.reach, s.entry, besides, p.plan)
		if err != nil {
			return s, err
		}
		s.fleets = append(s.fleets, f)
	}
	return s, nil
}

// hold takes locks that stay taken.
func (s *scene) hold(within time.Duration) error {
	client, err := lockstep.Dial(context.Background(), s.reach.nodes, s.reach.options()...)
	if err != nil {
		return err
	}
	s.holding = client
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for i := range shownLocks {
		if _, err := client.TryAcquire(ctx, fmt.Sprintf("load-held/%d", i)); err != nil {
			return fmt.Errorf("cannot begin: %w", err)
		}
	}
	return nil
}

func (s *scene) close() {
	for _, f := range s.fleets {
		f.close()
	}
	if s.holding != nil {
		_ = s.holding.Close()
	}
	if s.service != nil {
		s.service.stop()
	}
}

// beside measures a time without an attack and one with it.
func (p *program) beside(s *scene, row *floodRow, stop, abandon <-chan struct{}) error {
	calm := s.measure(p.plan, stop, abandon)
	before, err := s.refusals()
	if err != nil {
		return err
	}
	a, err := send(row.attack, s.entry.address, s.gate)
	if err != nil {
		return err
	}
	if err := a.attack(); err != nil {
		a.end()
		return err
	}
	under := s.measure(p.plan, stop, abandon)
	after, err := s.refusedFor(row.attack.why, before)
	if err != nil {
		a.end()
		return err
	}
	came, err := a.callOff()
	if err != nil {
		return err
	}
	row.add(calm, under, came, before, after)
	return nil
}

// measure lets all fleets loose at once.
func (s *scene) measure(plan plan, stop, abandon <-chan struct{}) []result {
	results := make([]result, len(s.fleets))
	var all sync.WaitGroup
	for i, f := range s.fleets {
		all.Go(func() {
			nobody := func() cpuTimes { return nil }
			results[i] = newLoad(plan, f.members).run(stop, abandon, func(string) {}, nobody).result()
		})
	}
	all.Wait()
	return results
}

// refusedWithin is how long an attack goes on until it is refused once, on a machine that
// leaves it no time.
const refusedWithin = 30 * time.Second

// refusedFor is refusals once there are more for a reason than before, if one is meant.
func (s *scene) refusedFor(why string, before map[string]int64) (map[string]int64, error) {
	for end := time.Now().Add(refusedWithin); ; time.Sleep(100 * time.Millisecond) {
		after, err := s.refusals()
		switch {
		case err != nil || why == "" || after[why] > before[why]:
			return after, err
		case time.Now().After(end):
			return nil, fmt.Errorf("the node has refused nobody for %q", why)
		}
	}
}

// refusals is how often the node has refused for each reason, as it tells Prometheus.
func (s *scene) refusals() (map[string]int64, error) {
	transport := &http.Transport{TLSClientConfig: s.entry.tls.Clone()}
	defer transport.CloseIdleConnections()
	var last error
	for range 10 { // the attack may be in the way for a moment
		answer, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get("https://" + s.entry.address + "/metrics")
		if err != nil {
			last = err
			time.Sleep(200 * time.Millisecond)
			continue
		}
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			return nil, cmp.Or(err, errors.New("/metrics: "+answer.Status))
		}
		counts := map[string]int64{}
		for _, m := range refusalLine.FindAllSubmatch(text, -1) {
			n, _ := strconv.ParseFloat(string(m[2]), 64)
			counts[string(m[1])] = int64(n)
		}
		return counts, nil
	}
	return nil, last
}

var refusalLine = regexp.MustCompile(`(?m)^lockstep_refusals_total\{.*reason="api: ([a-z_]+)".*\} (\S+)$`)

// parseAttacks reads which attacks are meant.
func parseAttacks(text string) (some []attack, err error) {
	if text == "all" {
		return attacks, nil
	}
	for name := range strings.SplitSeq(text, ",") {
		a, ok := attackNamed(strings.TrimSpace(name))
		if !ok {
			return nil, fmt.Errorf("want all, or some of %s with commas between them", strings.Join(attackNames(), ", "))
		}
		some = append(some, a)
	}
	return some, nil
}

func attackNames() (names []string) {
	for _, a := range attacks {
		names = append(names, a.name)
	}
	slices.Sort(names)
	return names
}
