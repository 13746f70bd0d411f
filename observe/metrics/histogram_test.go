package metrics

import "testing"

func TestAHistogramCountsUpToEachBound(t *testing.T) {
	var h Histogram
	for _, v := range []uint64{0, 1, 2, 3, 4, 5, 1 << 23, 1<<23 + 1, 1 << 40} {
		h.Observe(v)
	}
	for i, want := range map[int]uint64{0: 2, 1: 3, 2: 5, 3: 6, 22: 6, 23: 7} {
		if got := h.UpTo(i); got != want {
			t.Errorf("%d values are not above %d, not %d", got, Bound(i), want)
		}
	}
	if h.Count() != 9 || h.Sum() != 15+1<<23+1<<23+1+1<<40 {
		t.Errorf("%d values with the sum %d", h.Count(), h.Sum())
	}
}

// Every value is in the first bucket whose bound it does not exceed.
func TestAHistogramsBounds(t *testing.T) {
	for i := range HistogramBuckets {
		for value, above := range map[uint64]bool{Bound(i): false, Bound(i) + 1: true} {
			var h Histogram
			h.Observe(value)
			if got := h.UpTo(i) == 0; got != above {
				t.Errorf("%d is above %d: %v, not %v", value, Bound(i), got, above)
			}
		}
	}
}
