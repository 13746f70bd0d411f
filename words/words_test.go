package words

import (
	"testing"
	"time"
)

func TestLengthsHaveTwoUnitsAtMost(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0ms", 999 * time.Millisecond: "999ms", 1250 * time.Millisecond: "1.2s", 9999 * time.Millisecond: "9.9s", 10 * time.Second: "10s", 61 * time.Second: "1m01s",
		3661 * time.Second: "1h01m", 25 * time.Hour: "1d01h",
	} {
		if got := Length(d); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}

func TestAgoHasAWordForNever(t *testing.T) {
	if got := Ago(-1); got != "never" {
		t.Errorf("got %s", got)
	}
	if got := Ago(1500 * time.Millisecond); got != "1.5s ago" {
		t.Errorf("got %s", got)
	}
}
