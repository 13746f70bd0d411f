package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"lockstep/tests/history"
)

// run is all eras.
type run struct {
	settings
	dir    string // gone in the end
	origin time.Duration
	random *rand.Rand
	faults []fault
	deck   []*fault // what comes next
	judge  *judge

	mu         sync.Mutex
	violations []string
	failed     chan struct{} // closed by the first violation
	injected   map[string]*injected
	operations int
	unknown    int
	leases     int
	lost       int
	eras       int
	rounds     int
	longest    pause
}

// injected is what is told of one kind of fault.
type injected struct {
	times int
	// The longest time without an answer for any client, while it lasted or right
	// after: as the only fault, and with others.
	alone, together time.Duration
}

// pause is a time without an answer for any client.
type pause struct {
	length time.Duration
	during string
}

func newRun(s settings) (*run, error) {
	dir, err := os.MkdirTemp("", "lockstep-chaos-nodes-")
	if err != nil {
		return nil, err
	}
	r := &run{
		settings: s, dir: dir, origin: clock(), random: rand.New(rand.NewPCG(s.seed, 0)),
		failed: make(chan struct{}), injected: map[string]*injected{},
	}
	if r.faults, err = chosen(s.faults); err != nil {
		return nil, err
	}
	r.judge = newJudge(r)
	return r, nil
}

// chosen are the faults that are named, or all.
func chosen(names string) ([]fault, error) {
	if names == "" {
		return allFaults, nil
	}
	var some []fault
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(allFaults, func(f fault) bool { return f.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no fault %q", name)
		}
		some = append(some, allFaults[i])
	}
	return some, nil
}

func (r *run) now() time.Duration { return clock() - r.origin }

// violated notes what must not happen. The run ends.
func (r *run) violated(format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	fmt.Printf("%s VIOLATION: %s\n", show(r.now()), what)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.violations = append(r.violations, what); len(r.violations) == 1 {
		close(r.failed)
	}
}

// An era is long enough for logs to grow and for faults to follow on faults.
const longestEra = 3 * time.Minute

// live goes through eras until the time is up, the first violation, or an
// interrupt.
func (r *run) live(ctx context.Context) {
	defer os.RemoveAll(r.dir)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-r.failed:
			cancel()
		case <-ctx.Done():
		}
	}()
	for end := r.now() + r.duration; r.now() < end && ctx.Err() == nil; {
		r.eras++
		r.era(ctx, min(r.now()+longestEra, end))
	}
}

// era is the life of one cluster.
func (r *run) era(ctx context.Context, end time.Duration) {
	e, err := r.found(ctx)
	if e != nil {
		defer e.end()
	}
	for err == nil && r.now() < end && ctx.Err() == nil {
		r.rounds++
		err = e.round(ctx, end)
	}
	if err == nil && ctx.Err() == nil {
		err = e.retire()
	}
	if err != nil && ctx.Err() == nil {
		r.violated("era %d: %v", r.eras, err)
	}
	if r.broken() && e != nil {
		e.keepLogs()
	}
}

func (r *run) broken() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.violations) > 0
}

// note counts what a history tells.
func (r *run) note(ops []history.Op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range ops {
		switch {
		case o.Kind == history.Lose:
			r.lost++
			continue
		case o.Answer == history.Unknown:
			r.unknown++
		case o.Answer == history.Yes && (o.Kind == history.Acquire || o.Kind == history.AcquireShared):
			r.leases++
		}
		r.operations++
	}
}

// notePauses finds when nobody was answered, and blames the faults of that time.
func (r *run) notePauses(ops []history.Op, strikes []strike) {
	var answers []int64
	for _, o := range ops {
		if o.Return != math.MaxInt64 {
			answers = append(answers, o.Return)
		}
	}
	slices.Sort(answers)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := 1; i < len(answers); i++ {
		from, to := time.Duration(answers[i-1]), time.Duration(answers[i])
		var blamed []string
		for _, s := range strikes {
			if s.from <= to && from <= s.to {
				blamed = append(blamed, s.name)
			}
		}
		for _, name := range blamed {
			kind := r.injected[name]
			worst := &kind.together
			if len(blamed) == 1 {
				worst = &kind.alone
			}
			*worst = max(*worst, to-from)
		}
		if to-from > r.longest.length {
			r.longest = pause{to - from, strings.Join(blamed, " and ")}
		}
	}
}

func (r *run) struck(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.injected[name] == nil {
		r.injected[name] = &injected{}
	}
	r.injected[name].times++
}

// code is the exit code.
func (r *run) code() int {
	if r.broken() || r.operations == 0 {
		return 1
	}
	return 0
}

func show(d time.Duration) string { return fmt.Sprintf("%7.1fs", d.Seconds()) }

// printTable closes the run.
func (r *run) printTable(w io.Writer) {
	v := r.judge.count()
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "fault\ttimes\tlongest pause of all clients\twith another fault")
	total := 0
	for _, name := range slices.SortedFunc(maps.Keys(r.injected), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.injected[b].times, r.injected[a].times), cmp.Compare(a, b))
	}) {
		f := r.injected[name]
		total += f.times
		fmt.Fprintf(table, "%s\t%d\t%v\t%v\n", name, f.times, f.alone.Round(time.Millisecond), f.together.Round(time.Millisecond))
	}
	fmt.Fprintf(table, "all\t%d\t\t\n", total)
	table.Flush()
	fmt.Fprintf(w, "longest pause of all clients: %v (%s)\n", r.longest.length.Round(time.Millisecond), cmp.Or(r.longest.during, "no fault"))
	fmt.Fprintf(w, "\n%d clusters, %d rounds; %d operations, %d of them with an unknown outcome; %d leases, %d of them lost\n",
		r.eras, r.rounds, r.operations, r.unknown, r.leases, r.lost)
	fmt.Fprintf(w, "%d histories: %d sound, %d wrong, %d undecided\n", v[sound]+v[wrong]+v[undecided], v[sound], v[wrong], v[undecided])
	if len(r.violations) == 0 {
		fmt.Fprintf(w, "no violation in %v\n", r.now().Round(time.Second))
		return
	}
	fmt.Fprintf(w, "%d VIOLATIONS; -seed %d; logs and histories are in %s\n", len(r.violations), r.seed, r.keep)
	for _, what := range r.violations {
		first, _, _ := strings.Cut(what, "\n")
		fmt.Fprintln(w, "  "+first)
	}
}

// keepLogs saves what the nodes said.
func (e *era) keepLogs() {
	var err error
	for _, n := range e.all {
		text, readErr := os.ReadFile(n.log)
		err = errors.Join(err, readErr, os.WriteFile(filepath.Join(e.run.keep, filepath.Base(n.log)), text, 0o600))
	}
	if err != nil {
		fmt.Println("the logs could not be kept:", err)
	}
}
