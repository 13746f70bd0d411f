package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// clerk is one caller's way to a lock service.
type clerk interface {
	lock(ctx context.Context, name string) (bool, error)
	unlock(ctx context.Context, name string) (bool, error)
}

// service is a lock service under measurement.
type service interface {
	// connect returns a clerk for each caller, and what frees them.
	connect(ctx context.Context, callers int) ([]clerk, func(), error)
	// pids are the processes of the service.
	pids() []int
}

// figures are what was measured once.
type figures struct {
	OpsPerSecond  float64 `json:"ops_per_second"` // one acquire or one release
	P50           float64 `json:"p50_us"`
	P99           float64 `json:"p99_us"`
	ServerSeconds float64 `json:"server_cpu_seconds_per_100k_ops"`
	ClientSeconds float64 `json:"client_cpu_seconds_per_100k_ops"`
}

// stopWatch is the time within which operations count.
type stopWatch struct {
	started time.Time
	open    atomic.Int64 // since started, in nanoseconds
	shut    atomic.Int64
	over    atomic.Bool
}

// loop is one caller: it takes its lock and frees it, over and over, and stops
// at the first answer that is not what it must be.
func (w *stopWatch) loop(ctx context.Context, k clerk, name string, took *hdr.Histogram) error {
	began := time.Since(w.started)
	for !w.over.Load() {
		for _, ask := range []func(context.Context, string) (bool, error){k.lock, k.unlock} {
			yes, err := ask(ctx, name)
			if err != nil {
				return err
			}
			if !yes {
				return fmt.Errorf("false for %s, which nobody else asks for", name)
			}
			ended := time.Since(w.started)
			if int64(ended) >= w.open.Load() && int64(ended) <= w.shut.Load() {
				_ = took.RecordValue(int64(ended - began)) // a minute is in range
			}
			began = ended
		}
	}
	return nil
}

// measure runs so many callers for a while.
func measure(ctx context.Context, s service, callers int, warmUp, duration time.Duration) (f figures, err error) {
	clerks, free, err := s.connect(ctx, callers)
	if err != nil {
		return f, err
	}
	defer free()
	w := &stopWatch{started: time.Now()}
	w.open.Store(int64(time.Hour))
	w.shut.Store(int64(time.Hour))
	took := make([]*hdr.Histogram, callers)
	errs := make([]error, callers)
	var group sync.WaitGroup
	for i, k := range clerks {
		took[i] = hdr.New(100, int64(time.Minute), 2)
		group.Go(func() { errs[i] = w.loop(ctx, k, fmt.Sprintf("bench-%d-%d", w.started.UnixNano()%1e9, i), took[i]) })
	}
	pause(ctx, warmUp)
	client, server := cpu(os.Getpid()), cpu(s.pids()...)
	opened := time.Since(w.started)
	w.open.Store(int64(opened))
	pause(ctx, duration)
	shut := time.Since(w.started)
	w.shut.Store(int64(shut))
	client, server = cpu(os.Getpid())-client, cpu(s.pids()...)-server
	w.over.Store(true)
	group.Wait()
	if err := errors.Join(errors.Join(errs...), ctx.Err()); err != nil {
		return f, err
	}
	return sumUp(took, shut-opened, client, server), nil
}

func sumUp(took []*hdr.Histogram, seconds time.Duration, client, server float64) figures {
	all := took[0]
	for _, h := range took[1:] {
		all.Merge(h)
	}
	n := float64(all.TotalCount())
	return figures{
		OpsPerSecond:  n / seconds.Seconds(),
		P50:           float64(all.ValueAtQuantile(50)) / 1000,
		P99:           float64(all.ValueAtQuantile(99)) / 1000,
		ServerSeconds: server / max(1, n) * 1e5,
		ClientSeconds: client / max(1, n) * 1e5,
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
