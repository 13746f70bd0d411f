package lockstep_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"

	"lockstep"
	"lockstep/locktest"
	"lockstep/observe/traces/opentelemetry"
)

// The benchmarks take and give back own names, in 256 goroutines of one client,
// over the network inside the process: leases should cost what clerks do.
const benchWorkers = 256

func BenchmarkLease(b *testing.B) { benchmarkLease(b) }

func benchmarkLease(b *testing.B, opts ...lockstep.Option) {
	pair := locktest.StartPair(b)
	client := pair.Client(opts...)
	inParallel(b, func(name string) func() error {
		return func() error {
			lease, err := client.TryAcquire(b.Context(), name)
			if err != nil {
				return err
			}
			return lease.Release(b.Context())
		}
	})
}

// BenchmarkLeaseUnsampled is BenchmarkLease in a program that follows its calls, and
// keeps none of these.
func BenchmarkLeaseUnsampled(b *testing.B) {
	unsampled := sdk.NewTracerProvider(sdk.WithSampler(sdk.NeverSample()))
	benchmarkLease(b, lockstep.WithTracer(opentelemetry.New(unsampled)))
}

func BenchmarkClerk(b *testing.B) {
	pair := locktest.StartPair(b)
	client := pair.Client()
	inParallel(b, func(name string) func() error {
		clerk := client.Clerk()
		return func() error {
			if _, err := clerk.Lock(b.Context(), name); err != nil {
				return err
			}
			_, err := clerk.Unlock(b.Context(), name)
			return err
		}
	})
}

func inParallel(b *testing.B, worker func(name string) func() error) {
	var names atomic.Int32
	b.SetParallelism(benchWorkers)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		once := worker(fmt.Sprint("own/", names.Add(1)))
		for pb.Next() {
			if err := once(); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
