package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// lockTally counts the grants of one lock.
type lockTally struct {
	grants, handOffs, reads int64
	perCaller               []int64
	last                    int // the last holder; -1 is nobody
	mostReaders             int
	// turns are the counts of all grants at each caller's last one; mostBetween is
	// how many others there were at most between two of one caller.
	turns       []int64
	mostBetween int64
}

func newLockTally(callers int) lockTally {
	return lockTally{perCaller: make([]int64, callers), turns: make([]int64, callers), last: -1}
}

func (t *lockTally) granted(s *seat, readers int) {
	if t.perCaller[s.caller] > 0 {
		t.mostBetween = max(t.mostBetween, t.grants-t.turns[s.caller])
	}
	t.grants++
	t.turns[s.caller] = t.grants
	t.perCaller[s.caller]++
	if t.last != s.caller {
		t.handOffs++
	}
	t.last = s.caller
	if s.want.shared {
		t.reads++
		t.mostReaders = max(t.mostReaders, readers)
	}
}

// lockResult is how one lock went from caller to caller.
type lockResult struct {
	Grants          int64   `json:"grants"`
	HandOffs        int64   `json:"hand_offs"` // to another caller than the last holder
	HandOffsPerSec  float64 `json:"hand_offs_per_second"`
	Most            int64   `json:"most_grants_of_a_caller"`
	Fewest          int64   `json:"fewest_grants_of_a_caller"`
	MostBetween     int64   `json:"most_grants_between_two_of_a_caller"`
	Reads           int64   `json:"reads"`
	Writes          int64   `json:"writes"`
	MostReaders     int     `json:"most_readers_at_once"`
	ReadsPerSecond  float64 `json:"reads_per_second"`
	WritesPerSecond float64 `json:"writes_per_second"`
	InOrder         int     `json:"callers_in_order"` // how many queued one after the other and were served so
}

func (t *lockTally) result(took time.Duration, inOrder int) *lockResult {
	seconds := max(took.Seconds(), 1e-9)
	writes := t.grants - t.reads
	return &lockResult{
		Grants: t.grants, HandOffs: t.handOffs, HandOffsPerSec: float64(t.handOffs) / seconds,
		Most: slices.Max(t.perCaller), Fewest: slices.Min(t.perCaller), MostBetween: t.mostBetween,
		Reads: t.reads, Writes: writes, MostReaders: t.mostReaders,
		ReadsPerSecond: float64(t.reads) / seconds, WritesPerSecond: float64(writes) / seconds,
		InOrder: inOrder,
	}
}

// enough is how many grants a caller would have had on average, if one that has
// had none was passed over and not just late.
const enough = 20

// starved says who got nothing of a lot, or "".
func (t *lockTally) starved() string {
	none := slices.Index(t.perCaller, 0)
	if none < 0 || t.grants < enough*int64(len(t.perCaller)) {
		return ""
	}
	return fmt.Sprintf("caller %d was never granted the lock, and others were %d times: not first come, first served", none, t.grants)
}

func (r *lockResult) write(w io.Writer) {
	if r == nil {
		return
	}
	fmt.Fprintf(w, "hand-offs to another than the last holder: %s/s, %d of %d grants\n", thousands(r.HandOffsPerSec), r.HandOffs, r.Grants)
	fmt.Fprintf(w, "grants of one caller: %d at the fewest, %d at the most; between two of one caller %d of others at the most\n",
		r.Fewest, r.Most, r.MostBetween)
	if r.Reads > 0 {
		fmt.Fprintf(w, "reads %s/s, writes %s/s, %d readers at once at the most\n", thousands(r.ReadsPerSecond), thousands(r.WritesPerSecond), r.MostReaders)
	}
	if r.InOrder > 0 {
		fmt.Fprintf(w, "before, %d callers queued one after the other, and were served in that order\n", r.InOrder)
	}
}
