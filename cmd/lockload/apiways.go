package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// way is one in which a program asks for locks.
type way struct {
	name  string
	speak func(entry) (speaker, error) // nil: as the Go client does
}

// ways are in the order of measuring. What the others are compared with is the
// first.
var ways = []way{{"Go client", nil}, {"gRPC", speakGRPC}, {"JSON", speakJSON}}

// fleet is callers that ask in this way.
func (w way) fleet(r reach, e entry, callers int, p plan) (*fleet, error) {
	if w.speak == nil {
		return oneClient(r, callers)
	}
	return apiFleet(w.speak, e, callers, p.timeout, r.log)
}

// apiReport is the public API beside the Go client.
type apiReport struct {
	Service string        `json:"service"`
	Nodes   []string      `json:"nodes"`
	API     string        `json:"api"` // which was asked
	OK      bool          `json:"ok"`
	At      []*comparison `json:"at"` // numbers of callers
}

var errInterrupted = errors.New("interrupted: nothing can be compared")

// measureAPI measures all ways in turns, so that what else the machine does hits all
// alike.
func (p *program) measureAPI(s *service, r reach, stop, abandon <-chan struct{}) (shown, error) {
	e, err := p.entry(s, r)
	if err != nil {
		return nil, err
	}
	report := p.newAPIReport(s, e)
	for run := 1; run <= p.runs && !isClosed(stop); run++ {
		for _, c := range report.At {
			for i, w := range ways {
				p.show(fmt.Sprintf("%d callers, %s, run %d of %d", c.Callers, w.name, run, p.runs))
				fleet, err := w.fleet(r, e, c.Callers, p.plan)
				if err != nil {
					return nil, err
				}
				c.Sides[i].Runs = append(c.Sides[i].Runs, p.loose(p.plan, fleet, s, stop, abandon))
			}
		}
		if isClosed(stop) {
			return nil, errInterrupted
		}
	}
	report.finish()
	return report, nil
}

// entry is the public port that is asked: that of the primary, or the one that was
// given.
func (p *program) entry(s *service, r reach) (e entry, err error) {
	e.address = p.api
	if e.address == "" {
		primary, err := s.atPrimary(r, p.plan.timeout)
		if err != nil {
			return e, err
		}
		e.address = s.apis[primary]
	}
	identity, err := r.identity()
	if err != nil || identity == nil {
		return e, err
	}
	shows := identity.Identity()
	e.tls = &tls.Config{RootCAs: shows.Authorities, Certificates: []tls.Certificate{shows.Certificate}}
	return e, nil
}

func (p *program) newAPIReport(s *service, e entry) *apiReport {
	report := &apiReport{Service: s.kind, Nodes: s.nodes, API: e.address}
	for _, n := range p.callersAt {
		c := &comparison{Workload: ownNames.String(), Locks: leasedLocks.String(), Callers: n, Kind: "callers"}
		for _, w := range ways {
			c.Sides = append(c.Sides, &side{Name: w.name})
		}
		report.At = append(report.At, c)
	}
	return report
}

func (r *apiReport) finish() {
	r.OK = true
	for _, c := range r.At {
		c.finish()
		r.OK = r.OK && c.OK
	}
}

// failure is the first that there is.
func (r *apiReport) failure() error {
	for _, c := range r.At {
		if err := c.failure(); err != nil {
			return err
		}
	}
	return nil
}

// write prints a table that is one in Markdown, too. Every figure is a median, with
// the least and the most behind it.
func (r *apiReport) write(w io.Writer) {
	runs := len(r.At[0].Sides[0].Runs)
	fmt.Fprintf(w, "%s nodes %s, API at %s, leases with own names, medians of %d runs\n\n", r.Service, strings.Join(r.Nodes, " and "), r.API, runs)
	table := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(table, "| callers\t| by\t| operations a second\t| p50\t| p99\t| operations of the Go client\t| its p50\t| processor time of an operation: caller, nodes\t|")
	fmt.Fprintln(table, "| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t|")
	for _, c := range r.At {
		for i, s := range c.Sides {
			m := s.Medians
			fmt.Fprintf(table, "| %d\t| %s\t| %s (%s to %s)\t| %s\t| %s\t", c.Callers, s.Name,
				thousands(m.OpsPerSecond.Median), thousands(m.OpsPerSecond.Min), thousands(m.OpsPerSecond.Max), span(m.P50.Median), span(m.P99.Median))
			if i == 0 {
				fmt.Fprintf(table, "| \t| \t")
			} else {
				fmt.Fprintf(table, "| %.2f (%.2f to %.2f)\t| %.2f times\t", s.Ratio.Median, s.Ratio.Min, s.Ratio.Max, s.P50Ratio.Median)
			}
			fmt.Fprintf(table, "| %s\t|\n", s.costs())
		}
	}
	table.Flush()
	r.writeTroubles(w)
}

// costs are what the machine has worked for one operation, if it can be told who
// did.
func (s *side) costs() string {
	if !s.all(func(r *result) bool { return r.CPU != nil && len(r.CPU.Nodes) > 0 && r.Operations > 0 }) {
		return "-"
	}
	of := func(seconds func(result) float64) string {
		return span(middleOf(s.Runs, func(r result) float64 { return seconds(r) / float64(r.Operations) * 1e6 }).Median)
	}
	caller := of(func(r result) float64 { return r.CPU.Client })
	return caller + ", " + of(func(r result) (sum float64) {
		for _, n := range r.CPU.Nodes {
			sum += n.Seconds
		}
		return sum
	})
}

// writeTroubles says what went wrong, if anything did.
func (r *apiReport) writeTroubles(w io.Writer) {
	for _, c := range r.At {
		for _, s := range c.Sides {
			for i := range s.Runs {
				run := &s.Runs[i]
				if run.Errors == 0 && len(run.Wrongs) == 0 && run.Stuck == 0 {
					continue
				}
				fmt.Fprintf(w, "\n%d callers, %s, run %d: %d errors, %d not going again at the end\n", c.Callers, s.Name, i+1, run.Errors, run.Stuck)
				run.writeErrors(w)
			}
		}
	}
}
