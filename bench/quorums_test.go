package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test program be a member of etcd, as the program is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == etcdMode {
		if err := runEtcd(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestThreeNodesAreComparedWithEtcd(t *testing.T) {
	lockd, err := buildLockd(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := &report{}
	s := settings{quorum: []int{8}, mutex: true, runs: 1, duration: 200 * time.Millisecond}
	if err := r.compareQuorums(t.Context(), s, lockd, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := r.write(&out); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &out)
	if len(r.Quorums) != 4 || strings.Count(out.String(), "8 leases") != 2 {
		t.Fatalf("not in memory and on disk, by both kinds of locks:\n%s", &out)
	}
	for _, row := range r.Quorums {
		if row.Etcd.Runs[0].OpsPerSecond <= 0 || row.Lockstep.Runs[0].OpsPerSecond <= 0 || row.Ratio.Median <= 0 {
			t.Errorf("nothing was measured: %+v", row)
		}
	}
}
