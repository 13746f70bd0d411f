package cli

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
)

func TestTheAllowanceOfTheCollectorTakesNoMemory(t *testing.T) {
	t.Setenv("GOGC", "")
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	before := residentKB(t)
	CollectLess()
	runtime.GC()
	goal := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
	metrics.Read(goal)
	if least := uint64(ballastBytes) * (100 + collectPercent) / 100; goal[0].Value.Uint64() < least {
		t.Errorf("the next collection is at %d bytes, want %d at least", goal[0].Value.Uint64(), least)
	}
	if more := residentKB(t) - before; more > ballastBytes>>12 {
		t.Errorf("%d KiB more are resident", more)
	}
}

func TestGOGCHasTheLastWord(t *testing.T) {
	t.Setenv("GOGC", "250")
	before := debug.SetGCPercent(250)
	CollectLess()
	if was := debug.SetGCPercent(before); was != 250 {
		t.Errorf("the percentage is %d", was)
	}
}

// residentKB is the memory of this process, in KiB.
func residentKB(t *testing.T) (kb int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("there is no /proc here")
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			for _, digit := range strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")) {
				kb = kb*10 + int(digit-'0')
			}
		}
	}
	return kb
}
