// Command bench compares a Lockstep pair with a Redis primary and replica, and
// three nodes with three of etcd, on this machine and in the same run: the same
// closed loop of callers, each of which takes a lock of its own and frees it, or
// all of which wait for one.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// settings are what the flags say.
type settings struct {
	callers  []int
	clients  []int
	leases   []int
	waiters  []int
	quorum   []int
	mutex    bool
	poll     time.Duration
	runs     int
	duration time.Duration
	warmUp   time.Duration
	json     bool
	redis    string
}

func main() {
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := program(ctx, os.Args[1:])
	release()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.As(err, new(usageError)):
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(64)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// program is bench, or a server that bench has started.
func program(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == etcdMode {
		return runEtcd(args[1:])
	}
	return run(ctx, args)
}

type usageError struct{ error }

func parse(args []string) (s settings, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	callers := flags.String("callers", "1,16,256,1024", "callers that ask at the same time: goroutines on one Lockstep client")
	clients := flags.String("clients", "1024", "the same with as many Lockstep client actors, each a session of its own; empty for none")
	leases := flags.String("leases", "256", "the same as -callers with leases instead of ownerless locks; empty for none")
	waiters := flags.String("waiters", "16", "callers that wait for one lock and hand it on, as goroutines and as clients; empty for none")
	quorum := flags.String("quorum", "1,256,1024", "the same as -callers with three nodes against three of etcd, in memory and on disk, and against a pair; empty for none")
	flags.BoolVar(&s.mutex, "etcd-mutex", false, "let etcd's clients lock with etcd's own package, as its users do, which costs more than the least that a lock takes")
	flags.DurationVar(&s.poll, "redis-poll", time.Millisecond, "how long a caller that waits for a lock of Redis pauses between two attempts; many pollers in its way make less be the slower")
	flags.IntVar(&s.runs, "runs", 3, "how often each is measured, in turns; medians are shown")
	flags.DurationVar(&s.duration, "duration", 3*time.Second, "for how long each is measured")
	flags.DurationVar(&s.warmUp, "warm-up", 500*time.Millisecond, "for how long each runs before")
	flags.BoolVar(&s.json, "json", false, "print one JSON object")
	flags.StringVar(&s.redis, "redis-server", "redis-server", "the redis-server to compare with")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return s, err
		}
		return s, usageError{err}
	}
	if flags.NArg() > 0 {
		return s, usageError{fmt.Errorf("%q is one too many: there are only flags", flags.Arg(0))}
	}
	for _, list := range []struct {
		flag, text string
		to         *[]int
	}{
		{"callers", *callers, &s.callers}, {"clients", *clients, &s.clients}, {"leases", *leases, &s.leases}, {"waiters", *waiters, &s.waiters}, {"quorum", *quorum, &s.quorum},
	} {
		if *list.to, err = numbers(list.text); err != nil {
			return s, usageError{fmt.Errorf("-%s: %w", list.flag, err)}
		}
	}
	if s.runs < 1 || s.duration <= 0 || s.warmUp < 0 || s.poll < 0 || !s.pairs() && len(s.quorum) == 0 {
		return s, usageError{errors.New("there is nothing to measure")}
	}
	return s, nil
}

// pairs says whether pairs are measured at all.
func (s *settings) pairs() bool {
	return len(s.callers)+len(s.clients)+len(s.leases)+len(s.waiters) > 0
}

// maxCallers is what Redis takes from one machine by default, less a few.
const maxCallers = 8000

func numbers(text string) (all []int, err error) {
	if text == "" {
		return nil, nil
	}
	for field := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || n < 1 || n > maxCallers {
			return nil, fmt.Errorf("want numbers from 1 to %d with commas between them", maxCallers)
		}
		all = append(all, n)
	}
	return all, nil
}

// run starts the services, compares them, and stops what it has started.
func run(ctx context.Context, args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "lockstep-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	lockd, err := buildLockd(ctx, dir)
	if err != nil {
		return err
	}
	r := &report{}
	if s.pairs() {
		if err := r.pairs(ctx, s, lockd, dir); err != nil {
			return err
		}
	}
	if err := r.compareQuorums(ctx, s, lockd, dir); err != nil {
		return err
	}
	if s.json {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	return r.write(os.Stdout)
}

// pairs compares the two pairs.
func (r *report) pairs(ctx context.Context, s settings, lockd, dir string) error {
	redis, err := startRedis(ctx, s.redis, dir)
	if err != nil {
		return err
	}
	defer redis.stop()
	redis.poll = s.poll
	pair, err := startPair(ctx, lockd, dir)
	if err != nil {
		return err
	}
	defer pair.stop()
	return r.comparePairs(ctx, s, redis, pair)
}
