package metrics

import "math/bits"

// HistogramBuckets is how many bounded buckets a Histogram has.
const HistogramBuckets = 24

// Histogram counts whole units (of time) in buckets that are each twice as wide
// as the one before: up to 1, up to 2, up to 4 and so on to 2^23, and the rest.
// Of milliseconds that is up to two hours, of microseconds up to eight seconds.
type Histogram struct {
	buckets [HistogramBuckets + 1]uint64
	sum     uint64
}

// Observe counts one value.
func (h *Histogram) Observe(units uint64) {
	bucket := 0
	if units > 1 {
		bucket = min(bits.Len64(units-1), HistogramBuckets)
	}
	h.buckets[bucket]++
	h.sum += units
}

// Bound is the highest value that the i-th bucket counts.
func Bound(i int) uint64 { return 1 << i }

// UpTo returns how many values are not above Bound(i).
func (h *Histogram) UpTo(i int) (n uint64) {
	for _, b := range h.buckets[:i+1] {
		n += b
	}
	return n
}

// Count returns how many values there are, and Sum what they come to together.
func (h *Histogram) Count() uint64 { return h.UpTo(HistogramBuckets) }

// Sum is the sum of all values.
func (h *Histogram) Sum() uint64 { return h.sum }
