package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
)

// quorumRow compares three nodes with three members of etcd.
type quorumRow struct {
	Callers    int    `json:"callers"`
	Durability string `json:"durability"` // of both: "memory" or "fsync"
	Etcd       runs   `json:"etcd"`
	Lockstep   runs   `json:"lockstep"`
	Ratio      middle `json:"ratio_ops_per_second"` // Lockstep's to etcd's, of each run
	P50Ratio   middle `json:"ratio_p50"`
}

// compareQuorums measures in turns, each service alone on the machine.
func (r *report) compareQuorums(ctx context.Context, s settings, lockd, dir string) error {
	for _, n := range s.quorum {
		rows := []quorumRow{{Callers: n, Durability: durability(false)}, {Callers: n, Durability: durability(true)}}
		for i := range s.runs {
			for j := range rows {
				row, durable := &rows[j], j == 1
				fmt.Fprintf(os.Stderr, "%d goroutines, three nodes, %s, run %d of %d\n", n, row.Durability, i+1, s.runs)
				theirs, err := alone(ctx, s, n, func() (servers, error) {
					trio, err := startEtcd(ctx, dir, durable)
					if err == nil {
						trio.mutex = s.mutex
					}
					return trio, err
				})
				if err != nil {
					return fmt.Errorf("etcd: %w", err)
				}
				ours, err := alone(ctx, s, n, func() (servers, error) { return startTrio(ctx, lockd, dir, durable) })
				if err != nil {
					return fmt.Errorf("lockstep: %w", err)
				}
				row.Etcd.Runs, row.Lockstep.Runs = append(row.Etcd.Runs, theirs), append(row.Lockstep.Runs, ours)
			}
		}
		for i := range rows {
			rows[i].Ratio, rows[i].P50Ratio = ratios(&rows[i].Etcd, &rows[i].Lockstep)
		}
		r.Quorums = append(r.Quorums, rows...)
	}
	return nil
}

// servers are a service that we start and stop.
type servers interface {
	service
	stop()
}

// alone starts a service, measures it, and stops it.
func alone(ctx context.Context, s settings, callers int, begin func() (servers, error)) (figures, error) {
	service, err := begin()
	if err != nil {
		return figures{}, err
	}
	defer service.stop()
	return measure(ctx, service, callers, s.warmUp, s.duration)
}

// writeQuorums prints a table of its own.
func (r *report) writeQuorums(w io.Writer) error {
	if len(r.Quorums) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nThree nodes. etcd: a transaction that makes the key if there is none, with a lease, and a delete, or with")
	fmt.Fprintln(w, "-etcd-mutex its own package's TryLock and Unlock;")
	fmt.Fprintln(w, "in memory its files are on a file system in memory and nothing is synced")
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "callers\t\tetcd ops/s\tp50\tp99\tLockstep ops/s\tp50\tp99\tops/s ratio\tp50 ratio")
	for _, row := range r.Quorums {
		fmt.Fprintf(table, "%d goroutines\t%s\t%s\t%s\t%s\n", row.Callers, row.Durability, row.Etcd.cells(), row.Lockstep.cells(), ratioCells(row.Ratio, row.P50Ratio))
	}
	return table.Flush()
}
