package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares output with a file.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := "testdata/" + file
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; -update writes it anew. Got:\n%s", path, got)
	}
}

func sample(scale float64) result {
	r := result{
		Seconds: 2, Operations: 12_345, OpsPerSecond: 6_172.5 * scale,
		Lock:   verbResult{True: 6000, False: 170, Errors: 3, P50: 151.25 * scale, P99: 912, P999: 4_100, Max: 1_730_000},
		Unlock: verbResult{True: 6000, False: 175, P50: 149, P99: 905, P999: 3_900, Max: 22_000},
		All:    verbResult{P50: 150 * scale, P99: 910},

		Refusals: 345, Errors: 3, ErrorKinds: kinds{"no answer in time": 3},
		LongestWait: 1_730_000, LongestGap: 1_200_000, PerSecond: []int64{9_000, 3_345}, Callers: 64,
		CPU:    &cpuResult{Client: 1.25, Nodes: []nodeCPU{{PID: 812, Seconds: 0.75}, {PID: 813, Seconds: 0.5}}},
		Wrongs: []wrongAnswer{},
	}
	r.addFloor(floorResult{Outstanding: 64, Seconds: 2, Operations: 100_000, OpsPerSecond: 50_000, P50: 30, P99: 90})
	return r
}

// leasedSample is a run beside which leases were measured, and a lock that went
// round.
func leasedSample() result {
	r, leases := sample(1), sample(0.875)
	leases.Floor, leases.Ratio = nil, nil
	leases.Common = &lockResult{
		Grants: 6000, HandOffs: 5990, HandOffsPerSec: 2995, Most: 95, Fewest: 92, MostBetween: 71, InOrder: 64,
		Reads: 4000, Writes: 2000, ReadsPerSecond: 2000, WritesPerSecond: 1000, MostReaders: 9,
	}
	r.addLeases(leases)
	return r
}

func sampleReport(runs ...result) *report {
	r := &report{Workload: "mix", Locks: "ownerless", Callers: 64, Kind: "clients", Service: "spawned", Nodes: []string{"127.0.0.1:7101", "127.0.0.1:7102"}, Runs: runs}
	r.finish()
	return r
}

func TestReportForPeople(t *testing.T) {
	wrong := sample(1)
	wrong.Stuck, wrong.MoreWrongs = 2, 7
	wrong.Wrongs = append(wrong.Wrongs, wrongAnswer{Caller: 3, At: 0.5, What: `lock "x": true: the lock was granted twice`})
	var out bytes.Buffer
	sampleReport(sample(1)).write(&out)
	out.WriteString("--------\n")
	sampleReport(sample(2), wrong, sample(1)).write(&out)
	out.WriteString("--------\n")
	leased := sampleReport(leasedSample(), leasedSample())
	leased.Locks = "both"
	leased.write(&out)
	golden(t, "report.txt", out.Bytes())
}

func TestReportForMachines(t *testing.T) {
	out, err := json.MarshalIndent(sampleReport(leasedSample()), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", append(out, '\n'))
}

func TestHistogramsKeepThreeDigits(t *testing.T) {
	var tally = newTallies().verbs[lockVerb]
	for us := 1; us <= 10_000; us++ {
		tally.add(answer{yes: us%10 != 0, took: 1000 * 1000 * 1})
	}
	r := tally.result()
	if r.True != 9000 || r.False != 1000 {
		t.Errorf("%d true and %d false, want 9,000 and 1,000", r.True, r.False)
	}
	for _, got := range []float64{r.P50, r.P99, r.P999, r.Max} {
		if got < 999 || got > 1001 {
			t.Errorf("got %v µs, want a thousand", got)
		}
	}
}

func TestParseStat(t *testing.T) {
	stat := []byte("4711 (a ) b) S 1 4711 4711 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 100 0 0")
	if seconds, ok := parseStat(stat); !ok || seconds != 2 {
		t.Errorf("got %v, %v, want 2 seconds", seconds, ok)
	}
	for _, bad := range []string{"", "4711 (x", "4711 (x) S 1 2 3"} {
		if _, ok := parseStat([]byte(bad)); ok {
			t.Errorf("%q was understood", bad)
		}
	}
}
