package actors

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheMonotonicClockIsThatOfTheBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := Monotonic()
		before := clock()
		time.Sleep(time.Hour)
		if took := clock() - before; took != 3_600_000 {
			t.Errorf("an hour took %d ms", took)
		}
	})
}

// T5: the clock of leases shows the time since the machine started, with the time
// for which it was suspended.
func TestTheClockThroughSuspendShowsTheUptime(t *testing.T) {
	text, err := os.ReadFile("/proc/uptime")
	if err != nil || runtime.GOOS != "linux" {
		t.Skip("this system does not tell its uptime")
	}
	seconds, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	if now := float64(ThroughSuspend()()) / 1000; now < seconds-1 || now > seconds+60 {
		t.Errorf("the clock shows %v s, and the uptime was %v s", now, seconds)
	}
}
