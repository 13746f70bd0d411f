package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"lockstep/cmd/internal/cli"
)

// floodReport is how those who are measured fare beside each attack.
type floodReport struct {
	Nodes      []string    `json:"nodes"`
	API        string      `json:"api"` // which is attacked
	Durability string      `json:"durability"`
	Callers    int         `json:"callers"` // of each way
	OK         bool        `json:"ok"`      // no wrong answer, nobody refused or left without one
	Attacks    []*floodRow `json:"attacks"`
}

// floodRow is one attack.
type floodRow struct {
	Attack  string           `json:"attack"`
	About   string           `json:"about"`
	Beside  []*floodSide     `json:"beside"`
	Tried   []tried          `json:"tried"`
	Refused map[string]int64 `json:"refused"` // in all runs, by the reasons that the node counts

	attack attack
}

// floodSide is one of the ways of asking beside an attack.
type floodSide struct {
	Way   string   `json:"way"`
	Calm  []result `json:"calm"`
	Under []result `json:"under"`

	CalmP99  middle `json:"calm_p99_us"`
	UnderP99 middle `json:"under_p99_us"`
	Ratio    middle `json:"ratio_p99"` // of each run
}

func (p *program) newFloodReport(s *scene) *floodReport {
	r := &floodReport{Nodes: s.service.nodes, API: s.entry.address, Durability: p.durability, Callers: besides}
	for _, a := range p.attacks {
		row := &floodRow{Attack: a.name, About: a.about, attack: a, Refused: map[string]int64{}}
		for _, w := range ways {
			row.Beside = append(row.Beside, &floodSide{Way: w.name})
		}
		r.Attacks = append(r.Attacks, row)
	}
	return r
}

// add takes the results of one run.
func (r *floodRow) add(calm, under []result, came tried, before, after map[string]int64) {
	for i, side := range r.Beside {
		side.Calm, side.Under = append(side.Calm, calm[i]), append(side.Under, under[i])
	}
	r.Tried = append(r.Tried, came)
	for why, n := range after {
		if n > before[why] {
			r.Refused[why] += n - before[why]
		}
	}
}

func (r *floodReport) finish() {
	r.OK = true
	for _, row := range r.Attacks {
		for _, side := range row.Beside {
			side.finish()
			r.OK = r.OK && !slices.ContainsFunc(side.all(), troubled)
		}
	}
}

func (s *floodSide) finish() {
	p99 := func(r result) float64 { return r.All.P99 }
	s.CalmP99, s.UnderP99 = middleOf(s.Calm, p99), middleOf(s.Under, p99)
	var ratios []float64
	for i := range s.Under {
		if calm := s.Calm[i].All.P99; calm > 0 {
			ratios = append(ratios, s.Under[i].All.P99/calm)
		}
	}
	if len(ratios) > 0 {
		s.Ratio = middleOf(ratios, same)
	}
}

func (s *floodSide) all() []result { return slices.Concat(s.Calm, s.Under) }

// troubled is a run in which somebody did not get what was due to him.
func troubled(r result) bool {
	return len(r.Wrongs) > 0 || r.Errors > 0 || r.Stuck > 0 || r.Operations == 0
}

// failure says what those who were measured had to suffer, but for time.
func (r *floodReport) failure() error {
	for _, row := range r.Attacks {
		for _, side := range row.Beside {
			for _, run := range side.all() {
				switch {
				case len(run.Wrongs) > 0:
					return cli.Fail(exitWrong, "%s, %s: %s", row.Attack, side.Way, run.Wrongs[0].What)
				case run.Operations == 0:
					return cli.Fail(cli.Unavailable, "%s, %s: no request was answered", row.Attack, side.Way)
				case troubled(run):
					return cli.Fail(cli.Unavailable, "%s, %s: %d requests had no answer: %s", row.Attack, side.Way, run.Errors, run.ErrorKinds)
				}
			}
		}
	}
	return nil
}

func (k kinds) String() string {
	var all []string
	for _, kind := range slices.Sorted(maps.Keys(k)) {
		all = append(all, fmt.Sprintf("%d × %s", k[kind], kind))
	}
	return strings.Join(all, ", ")
}

// write prints a table that is one in Markdown, too.
func (r *floodReport) write(w io.Writer) {
	fmt.Fprintf(w, "nodes %s; %s is attacked; %d callers of each way, medians of %d runs; p99 without the attack, with it, and times\n\n",
		strings.Join(r.Nodes, " and "), r.API, r.Callers, len(r.Attacks[0].Tried))
	table := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprint(table, "| attack\t| tries a second\t| refused, as counted\t|")
	line := "| ---\t| ---\t| ---\t|"
	for _, side := range r.Attacks[0].Beside {
		fmt.Fprintf(table, " %s\t|", side.Way)
		line += " ---\t|"
	}
	fmt.Fprintln(table, "\n"+line)
	for _, row := range r.Attacks {
		rate := middleOf(row.Tried, func(t tried) float64 { return float64(t.Attempts) / max(t.Seconds, 1e-9) })
		fmt.Fprintf(table, "| %s: %s\t| %s\t| %s\t|", row.Attack, row.About, thousands(rate.Median), row.refused())
		for _, side := range row.Beside {
			fmt.Fprintf(table, " %s, %s, %.2f (%.2f to %.2f)\t|", span(side.CalmP99.Median), span(side.UnderP99.Median), side.Ratio.Median, side.Ratio.Min, side.Ratio.Max)
		}
		fmt.Fprintln(table)
	}
	table.Flush()
}

// refused are the reasons by which the node has counted what it did not do.
func (r *floodRow) refused() string {
	var all []string
	for _, why := range slices.Sorted(maps.Keys(r.Refused)) {
		all = append(all, fmt.Sprintf("%s %s", why, thousands(float64(r.Refused[why]))))
	}
	return strings.Join(all, ", ")
}
