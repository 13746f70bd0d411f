package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"lockstep/cmd/internal/cli"
)

// keepReport is what holding locks has shown. Its names are those of the JSON
// output, and stay.
type keepReport struct {
	Work           string      `json:"work"` // "hold" or "idle"
	Locks          int         `json:"locks"`
	Clients        int         `json:"clients"`
	TTL            float64     `json:"ttl_seconds"`
	Service        string      `json:"service"`
	Nodes          []string    `json:"nodes"`
	OK             bool        `json:"ok"`
	Held           int         `json:"held"`
	AcquireSeconds float64     `json:"acquire_seconds"`
	HeldSeconds    float64     `json:"held_seconds"`
	ReleaseSeconds float64     `json:"release_seconds"`
	Usage          []nodeUsage `json:"usage"`
	Lost           int         `json:"leases_lost"`
	Expired        int         `json:"sessions_expired"`
	Errors         kinds       `json:"error_kinds"`
	Wrongs         []string    `json:"wrong_answers"`
	MoreWrongs     int         `json:"wrong_answers_not_shown"`
}

func (r *keepReport) addUsage(before, full, after usage) {
	r.Usage = append([]nodeUsage{}, costs(before, full, after, r.Held)...)
}

func (r *keepReport) failure() error {
	switch {
	case len(r.Wrongs) > 0:
		return cli.Fail(exitWrong, "%d wrong answers", len(r.Wrongs)+r.MoreWrongs)
	case r.Expired > 0:
		return cli.Fail(cli.Unavailable, "%d of %d sessions expired, with %d locks", r.Expired, r.Clients, r.Lost)
	case r.Held < r.Locks:
		return cli.Fail(cli.Unavailable, "only %d of %d locks were acquired", r.Held, r.Locks)
	default:
		return nil
	}
}

func (r *keepReport) write(w io.Writer) {
	fmt.Fprintf(w, "%s: %s locks of %s clients with a TTL of %v s, %s pair %s\n", r.Work,
		thousands(float64(r.Locks)), thousands(float64(r.Clients)), r.TTL, r.Service, strings.Join(r.Nodes, " and "))
	fmt.Fprintf(w, "%s were acquired in %.2f s, held for %.2f s, and released in %.2f s; %d sessions expired\n\n",
		thousands(float64(r.Held)), r.AcquireSeconds, r.HeldSeconds, r.ReleaseSeconds, r.Expired)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "node\tresident before\tthen\tbytes a lock\tof a core\t")
	for _, n := range r.Usage {
		fmt.Fprintf(table, "%d\t%.1f MiB\t%.1f MiB\t%.0f\t%.2f%%\t\n", n.PID, mebi(n.Before), mebi(n.After), n.BytesPerLock, 100*n.Share)
	}
	table.Flush()
	for kind, n := range r.Errors {
		fmt.Fprintf(w, "errors: %d × %s\n", n, kind)
	}
	for _, wrong := range r.Wrongs {
		fmt.Fprintf(w, "WRONG ANSWER: %s\n", wrong)
	}
	if r.MoreWrongs > 0 {
		fmt.Fprintf(w, "and %d more wrong answers\n", r.MoreWrongs)
	}
}

func mebi(bytes int64) float64 { return float64(bytes) / (1 << 20) }
