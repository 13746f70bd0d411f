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
	Kind       string `json:"kind"`       // "goroutines" on one client, or the same with "leases"
	Etcd       runs   `json:"etcd"`
	Lockstep   runs   `json:"lockstep"`
	Ratio      middle `json:"ratio_ops_per_second"` // Lockstep's to etcd's, of each run
	P50Ratio   middle `json:"ratio_p50"`
}

// compareQuorums measures in turns, each service alone on the machine.
func (r *report) compareQuorums(ctx context.Context, s settings, lockd, dir string) error {
	for _, n := range s.quorum {
		for _, durable := range []bool{false, true} {
			rows := []quorumRow{
				{Callers: n, Durability: durability(durable), Kind: "goroutines"},
				{Callers: n, Durability: durability(durable), Kind: "leases"},
			}
			for i := range s.runs {
				fmt.Fprintf(os.Stderr, "%d goroutines, three nodes, %s, run %d of %d\n", n, durability(durable), i+1, s.runs)
				theirs, err := alone(ctx, s, n, func() (servers, error) { return startEtcd(ctx, s.mutex, dir, durable) }, itself)
				if err != nil {
					return fmt.Errorf("etcd: %w", err)
				}
				ours, err := alone(ctx, s, n, func() (servers, error) { return startTrio(ctx, lockd, dir, durable) }, itself, byLeases)
				if err != nil {
					return fmt.Errorf("lockstep: %w", err)
				}
				for k := range rows {
					rows[k].Etcd.Runs = append(rows[k].Etcd.Runs, theirs[0])
					rows[k].Lockstep.Runs = append(rows[k].Lockstep.Runs, ours[k])
				}
			}
			for k := range rows {
				rows[k].Ratio, rows[k].P50Ratio = ratios(&rows[k].Etcd, &rows[k].Lockstep)
			}
			r.Quorums = append(r.Quorums, rows...)
		}
	}
	return nil
}

func itself(s servers) service { return s }

func byLeases(s servers) service { return leased{s.(*lockstepNodes), false} }

// servers are a service that we start and stop.
type servers interface {
	service
	stop()
}

// alone starts a service, measures it in some ways, and stops it.
func alone(ctx context.Context, s settings, callers int, begin func() (servers, error), ways ...func(servers) service) ([]figures, error) {
	service, err := begin()
	if err != nil {
		return nil, err
	}
	defer service.stop()
	var all []figures
	for _, way := range ways {
		f, err := measure(ctx, way(service), callers, s.warmUp, s.duration)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
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
		fmt.Fprintf(table, "%d %s\t%s\t%s\t%s\t%s\n", row.Callers, row.Kind, row.Durability, row.Etcd.cells(), row.Lockstep.cells(), ratioCells(row.Ratio, row.P50Ratio))
	}
	return table.Flush()
}
