package observe

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"lockstep/lock"
	"lockstep/observe/metrics"
)

// Locks shows which locks are waited for, as a profile that go tool pprof reads:
// how often, and for how long in all, those who wait now included. A node counts
// while it reigns, since it was started; with ?seconds=N only what is added in
// that time, and with ?debug=1 as a list to read.
//
// The stack of a wait is the lock's name, part by part: deploy/web is called by
// deploy/. Each part stands with all that is above it, since a profile adds up
// what is called alike, and deploy/web is not stage/web.
func Locks(nodes ...Node) http.Handler { return locks(nodes) }

type locks []Node

// maxSeconds is how long a request may watch.
const maxSeconds = 300

func (l locks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	seconds := 0
	if asked := r.URL.Query().Get("seconds"); asked != "" {
		var err error
		if seconds, err = strconv.Atoi(asked); err != nil || seconds < 1 || seconds > maxSeconds {
			http.Error(w, fmt.Sprintf("seconds=%.20q: say 1 to %d, or leave it out", asked, maxSeconds), http.StatusBadRequest)
			return
		}
	}
	names, err := l.watch(r.Context(), time.Duration(seconds)*time.Second)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if debug := r.URL.Query().Get("debug"); debug != "" && debug != "0" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff") // names are others' text
		writeList(w, names)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="locks"`)
	_ = profileOf(names, time.Now(), time.Duration(seconds)*time.Second).Write(w) // it fails when nobody reads any more
}

// watch returns what was waited for in the time to come, or ever if there is none.
func (l locks) watch(ctx context.Context, span time.Duration) ([]metrics.Contended, error) {
	before, err := l.read(ctx)
	if err != nil || span == 0 {
		return before.list(), err
	}
	select {
	case <-time.After(span):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	after, err := l.read(ctx)
	for name, n := range before {
		after.subtract(name, n)
	}
	return after.list(), err
}

// contended is what was waited for, by name.
type contended map[string]metrics.Contended

// read asks all nodes.
func (l locks) read(ctx context.Context) (contended, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	all := contended{}
	for _, node := range l {
		waits, err := node.Waits(ctx)
		if err != nil {
			return nil, fmt.Errorf("the node does not answer within %v: it hangs, or has much to do", patience)
		}
		for _, list := range [][]metrics.Contended{waits.Over, waits.Now} {
			for _, n := range list {
				sum := all[n.Name]
				all[n.Name] = metrics.Contended{Name: n.Name, Waits: sum.Waits + n.Waits, Delay: sum.Delay + n.Delay}
			}
		}
	}
	return all, nil
}

// subtract takes back what was counted before. A name that lost its place since
// then began anew.
func (c contended) subtract(name string, before metrics.Contended) {
	n, still := c[name]
	if !still {
		return
	}
	n.Waits -= min(n.Waits, before.Waits)
	n.Delay -= min(n.Delay, before.Delay)
	c[name] = n
}

// list returns what was waited for at all, the most delay first.
func (c contended) list() (names []metrics.Contended) {
	for _, n := range c {
		if n.Waits > 0 || n.Delay > 0 {
			names = append(names, n)
		}
	}
	slices.SortFunc(names, func(a, b metrics.Contended) int {
		return cmp.Or(cmp.Compare(b.Delay, a.Delay), strings.Compare(a.Name, b.Name))
	})
	return names
}

// longest is as much delay as a profile can tell.
const longest = lock.Millis(math.MaxInt64 / int64(time.Millisecond))

func delayOf(n metrics.Contended) time.Duration {
	return time.Duration(min(n.Delay, longest)) * time.Millisecond
}

// writeList writes a line a lock. No name has control characters.
func writeList(w http.ResponseWriter, names []metrics.Contended) {
	fmt.Fprintf(w, "%12s %10s  lock\n", "delay", "waits")
	for _, n := range names {
		fmt.Fprintf(w, "%12s %10d  %s\n", delayOf(n), n.Waits, called(n.Name))
	}
}

// called is what a lock is called where it is shown.
func called(name string) string {
	if name == "" {
		return "(other locks)"
	}
	return name
}

// maxDepth is how many parts a name has in a profile. The last has the rest.
const maxDepth = 16

// stack cuts a name into its parts, the first one first.
func stack(name string) (parts []string) {
	for i := range len(name) - 1 {
		if name[i] == '/' && len(parts) < maxDepth-1 {
			parts = append(parts, name[:i+1])
		}
	}
	return append(parts, name)
}

// profileOf makes a profile, which is full of symbols: pprof is to look for none.
func profileOf(names []metrics.Contended, at time.Time, span time.Duration) *profile.Profile {
	waits, delay := &profile.ValueType{Type: "waits", Unit: "count"}, &profile.ValueType{Type: "delay", Unit: "nanoseconds"}
	mapping := &profile.Mapping{ID: 1, File: "lockstep", HasFunctions: true, HasFilenames: true, HasLineNumbers: true, HasInlineFrames: true}
	p := &profile.Profile{
		SampleType: []*profile.ValueType{waits, delay}, DefaultSampleType: delay.Type,
		PeriodType: waits, Period: 1, TimeNanos: at.UnixNano(), DurationNanos: int64(span),
		Mapping: []*profile.Mapping{mapping},
	}
	places := map[string]*profile.Location{}
	place := func(part string) *profile.Location {
		if known := places[part]; known != nil {
			return known
		}
		id := uint64(len(places) + 1)
		f := &profile.Function{ID: id, Name: part, SystemName: part}
		l := &profile.Location{ID: id, Mapping: mapping, Line: []profile.Line{{Function: f}}}
		p.Function, p.Location = append(p.Function, f), append(p.Location, l)
		places[part] = l
		return l
	}
	for _, n := range names {
		s := &profile.Sample{Value: []int64{int64(n.Waits), int64(delayOf(n))}}
		for _, part := range stack(called(n.Name)) {
			s.Location = append(s.Location, place(part))
		}
		slices.Reverse(s.Location) // a profile has the innermost first
		p.Sample = append(p.Sample, s)
	}
	return p
}
