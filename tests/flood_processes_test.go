package tests

import (
	"encoding/json"
	"net"
	"os/exec"
	"testing"
)

// TestOthersAreServedBesideAttacks: lockload attacks a node of three in each way that
// it knows. Every request of those who mean well is answered, and rightly; what is
// refused is counted by its reason. How long they wait is for a machine that does
// nothing else to tell.
func TestOthersAreServedBesideAttacks(t *testing.T) {
	if l, err := net.Listen("tcp", "127.0.0.2:0"); err != nil {
		t.Skipf("this machine has one address only to come from: %v", err)
	} else {
		l.Close()
	}
	flood := exec.Command(binary(t, "lockload"), "flood", "-quorum", "-durability", "memory", "-duration", "1s", "-pace", "40ms", "-quiet", "--json",
		"-lockd", binary(t, "lockd"))
	out, err := flood.Output()
	var report struct {
		OK      bool
		Attacks []struct {
			Attack string
			Beside []struct {
				Way   string
				Under []struct{ Operations int }
				Ratio struct{ Median float64 } `json:"ratio_p99"`
			}
			Refused map[string]int
			Tried   []struct{ Attempts int }
		}
	}
	if json.Unmarshal(out, &report) != nil || err != nil || !report.OK {
		t.Fatalf("%v: %s", err, out)
	}
	counted := map[string]string{
		"flood": "rate", "streams": "rate", "strangers": "unauthenticated", "certificates": "handshake", "impatient": "handshakes",
		"idle": "handshakes", "oversized": "too_large", "malformed": "malformed",
	}
	for _, a := range report.Attacks {
		if a.Tried[0].Attempts == 0 {
			t.Errorf("%s: nothing was tried", a.Attack)
		}
		if why := counted[a.Attack]; why != "" && a.Refused[why] == 0 {
			t.Errorf("%s: refused %v, want some for %q", a.Attack, a.Refused, why)
		}
		for _, b := range a.Beside {
			t.Logf("beside %s, %s: %d operations, %.1f times the p99 without it", a.Attack, b.Way, b.Under[0].Operations, b.Ratio.Median)
			if b.Under[0].Operations < 50 {
				t.Errorf("beside %s, %s had %d answers", a.Attack, b.Way, b.Under[0].Operations)
			}
		}
		delete(counted, a.Attack)
	}
	if len(counted) > 0 {
		t.Errorf("not tried: %v", counted)
	}
}
