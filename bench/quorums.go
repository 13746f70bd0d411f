package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
)

// quorumRow compares three nodes with three members of etcd, and with a pair.
type quorumRow struct {
	Callers    int    `json:"callers"`
	Durability string `json:"durability"` // of three nodes and etcd: "memory" or "fsync"; the pair is in memory
	Kind       string `json:"kind"`       // "goroutines" on one client, or the same with "leases"
	Etcd       runs   `json:"etcd"`
	Pair       runs   `json:"pair"`
	Lockstep   runs   `json:"lockstep"`
	Ratio      middle `json:"ratio_ops_per_second"` // three nodes' to etcd's, of each run
	P50Ratio   middle `json:"ratio_p50"`
	PairRatio  middle `json:"ratio_ops_per_second_pair"` // three nodes' to the pair's
}

// kindsOfLocks are the ways in which each of our own services is measured.
var kindsOfLocks = []string{"goroutines", "leases"}

// compareQuorums measures in turns, each service alone on the machine.
func (r *report) compareQuorums(ctx context.Context, s settings, lockd, dir string) error {
	for _, n := range s.quorum {
		var rows []quorumRow
		for _, durable := range []bool{false, true} {
			for _, kind := range kindsOfLocks {
				rows = append(rows, quorumRow{Callers: n, Durability: durability(durable), Kind: kind})
			}
		}
		for i := range s.runs {
			fmt.Fprintf(os.Stderr, "%d goroutines, three nodes, run %d of %d\n", n, i+1, s.runs)
			if err := quorumRun(ctx, s, lockd, dir, n, rows); err != nil {
				return err
			}
		}
		for k := range rows {
			row := &rows[k]
			row.Ratio, row.P50Ratio = ratios(&row.Etcd, &row.Lockstep)
			row.PairRatio, _ = ratios(&row.Pair, &row.Lockstep)
		}
		r.Quorums = append(r.Quorums, rows...)
	}
	return nil
}

// quorumRun measures everything once.
func quorumRun(ctx context.Context, s settings, lockd, dir string, callers int, rows []quorumRow) error {
	home, err := os.MkdirTemp(dir, "pair-")
	if err != nil {
		return err
	}
	pair, err := alone(ctx, s, callers, func() (servers, error) { return startPair(ctx, lockd, home) }, itself, byLeases)
	if err != nil {
		return fmt.Errorf("the pair: %w", err)
	}
	for i, durable := range []bool{false, true} {
		etcd, err := alone(ctx, s, callers, func() (servers, error) { return startEtcd(ctx, s.mutex, dir, durable) }, itself)
		if err != nil {
			return fmt.Errorf("etcd: %w", err)
		}
		ours, err := alone(ctx, s, callers, func() (servers, error) { return startTrio(ctx, lockd, dir, durable) }, itself, byLeases)
		if err != nil {
			return fmt.Errorf("three nodes: %w", err)
		}
		for k := range kindsOfLocks {
			row := &rows[i*len(kindsOfLocks)+k]
			row.Etcd.Runs = append(row.Etcd.Runs, etcd[0])
			row.Pair.Runs = append(row.Pair.Runs, pair[k])
			row.Lockstep.Runs = append(row.Lockstep.Runs, ours[k])
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
	fmt.Fprintln(w, "in memory its files are on a file system in memory and nothing is synced. The pair is in memory")
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "callers\tthree nodes\tetcd ops/s\tp50\tp99\tpair ops/s\tp50\tp99\tthree nodes ops/s\tp50\tp99\tof etcd's ops/s\tof etcd's p50\tof the pair's ops/s")
	for _, row := range r.Quorums {
		fmt.Fprintf(table, "%d %s\t%s\t%s\t%s\t%s\t%s\t%.2f (%.2f..%.2f)\n", row.Callers, row.Kind, row.Durability,
			row.Etcd.cells(), row.Pair.cells(), row.Lockstep.cells(), ratioCells(row.Ratio, row.P50Ratio),
			row.PairRatio.Median, row.PairRatio.Min, row.PairRatio.Max)
	}
	return table.Flush()
}
