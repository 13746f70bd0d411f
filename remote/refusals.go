package remote

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// refusals counts what was turned away, by reason, and says so at most once a
// second: an attacker must not be able to fill the log.
type refusals struct {
	log *slog.Logger

	mu     sync.Mutex
	total  map[string]uint64
	unsaid map[string]uint64
	last   time.Time
}

func newRefusals(log *slog.Logger) *refusals {
	return &refusals{log: log, total: map[string]uint64{}, unsaid: map[string]uint64{}}
}

// count takes note of one refusal. The reason is one of a fixed set, never text
// that came from outside; the detail may be, and is quoted in the log.
func (r *refusals) count(reason, detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total[reason]++
	r.unsaid[reason]++
	now := time.Now()
	if now.Sub(r.last) < time.Second {
		return
	}
	r.last = now
	r.log.Warn("refused what arrived from the network", "counts", summary(r.unsaid), "last", reason, "detail", detail)
	clear(r.unsaid)
}

// counts returns how often each reason occurred.
func (r *refusals) counts() map[string]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.total)
}

func summary(counts map[string]uint64) string {
	var b strings.Builder
	for i, reason := range slices.Sorted(maps.Keys(counts)) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %d", reason, counts[reason])
	}
	return b.String()
}
