package main

import (
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"

	"lockstep/cmd/internal/cli"
)

// comparison is different nodes under the same load.
type comparison struct {
	Workload string  `json:"workload"`
	Locks    string  `json:"locks"`
	Callers  int     `json:"callers"`
	Kind     string  `json:"kind"` // "clients" or "goroutines"
	OK       bool    `json:"ok"`   // no wrong answer, and every caller going again
	Sides    []*side `json:"sides"`
}

// side is one kind of nodes.
type side struct {
	Name string `json:"name"`
	report
	Ratio    middle `json:"ratio_ops_per_second"` // to the first side, of each run
	P50Ratio middle `json:"ratio_p50"`

	setup setup
}

// compareAll measures every kind in turns, so that what else the machine does
// hits all alike.
func (p *program) compareAll() error {
	p.spawn = true
	if err := p.check(); err != nil {
		return err
	}
	stop, abandon, release := interrupts()
	defer release()
	c := p.newComparison()
	for run := 1; run <= p.runs && !isClosed(stop); run++ {
		for _, s := range c.Sides {
			p.show(fmt.Sprintf("%s, run %d of %d", s.Name, run, p.runs))
			result, err := p.turn(s.setup, stop, abandon)
			if err != nil {
				return cli.Fail(cli.Unavailable, "%s: %s", s.Name, cli.Plain(err))
			}
			s.Runs = append(s.Runs, result)
			if isClosed(stop) {
				return cli.Fail(cli.Unavailable, "%v", errInterrupted)
			}
		}
	}
	c.finish()
	return p.print(c)
}

func (p *program) newComparison() *comparison {
	whole := p.newReport(&service{kind: "spawned"})
	c := &comparison{Workload: whole.Workload, Locks: whole.Locks, Callers: whole.Callers, Kind: whole.Kind}
	for _, durability := range []string{"memory", "fsync"} {
		for _, quorum := range []bool{false, true} {
			u := setup{lockd: p.lockd, quorum: quorum, durability: durability}
			c.Sides = append(c.Sides, &side{Name: u.String(), report: *whole, setup: u})
		}
	}
	return c
}

// turn measures nodes that are spawned for it.
func (p *program) turn(u setup, stop, abandon <-chan struct{}) (result, error) {
	s, err := startSpawned(u)
	if err != nil {
		return result{}, err
	}
	defer s.stop()
	r := reach{nodes: s.nodes, listen: p.listen, insecure: p.insecure, log: cli.NewLog(p.Stderr, false, slog.LevelError)}
	if err := reachable(r, p.plan.timeout); err != nil {
		return result{}, err
	}
	return p.once(s, r, stop, abandon)
}

func (c *comparison) finish() {
	c.OK = true
	for _, s := range c.Sides {
		s.finish()
		c.OK = c.OK && s.OK
		var ops, p50 []float64
		for i, ours := range s.Runs {
			first := c.Sides[0].Runs[i]
			r := ratioOf(ours.OpsPerSecond, first.OpsPerSecond, ours.All.P50, first.All.P50)
			ops, p50 = append(ops, r.Throughput), append(p50, r.P50)
		}
		s.Ratio, s.P50Ratio = middleOf(ops, same), middleOf(p50, same)
	}
}

func same(f float64) float64 { return f }

// failure is that of the first side that has one.
func (c *comparison) failure() error {
	for _, s := range c.Sides {
		if err := s.failure(); err != nil {
			return err
		}
	}
	return nil
}

// write prints a table. Every figure is a median, with the least and the most
// behind it.
func (c *comparison) write(w io.Writer) {
	fmt.Fprintf(w, "%d %s, %s names, %s, medians of %d runs\n\n", c.Callers, c.Kind, c.Workload, c.Sides[0].what(), len(c.Sides[0].Runs))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "nodes\tops/s\tp50\tp99\tops/s of the pair\tp50 of the pair")
	for _, s := range c.Sides {
		m := s.Medians
		fmt.Fprintf(table, "%s\t%s (%s..%s)\t%s\t%s\t%.2f (%.2f..%.2f)\t%.2f (%.2f..%.2f)\n", s.Name,
			thousands(m.OpsPerSecond.Median), thousands(m.OpsPerSecond.Min), thousands(m.OpsPerSecond.Max), span(m.P50.Median), span(m.P99.Median),
			s.Ratio.Median, s.Ratio.Min, s.Ratio.Max, s.P50Ratio.Median, s.P50Ratio.Min, s.P50Ratio.Max)
	}
	table.Flush()
}
