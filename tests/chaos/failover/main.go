// Command failover measures how long clients wait when the primary of three nodes
// on this machine ends: from kill -9, and from SIGTERM, to the first success of a
// client that asked after it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"lockstep"
	"lockstep/tests/cluster"
)

func main() {
	kills := flag.Int("kills", 20, "how often the primary is ended, each way")
	nodes := flag.Int("nodes", 3, "how many nodes there are")
	durability := flag.String("durability", "", "of the nodes; else what they do by themselves")
	clients := flag.Int("clients", 16, "how many clients are at work meanwhile")
	lockd := flag.String("lockd", "", "the lockd to run; else it is built")
	flag.Parse()
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *lockd, *nodes, *kills, *clients, *durability)
	release()
	if err != nil {
		fmt.Fprintln(os.Stderr, "failover:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, lockd string, nodes, kills, clients int, durability string) error {
	dir, err := os.MkdirTemp("", "lockstep-failover-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if lockd == "" {
		lockd = filepath.Join(dir, "lockd")
		if out, err := exec.Command("go", "build", "-o", lockd, "lockstep/cmd/lockd").CombinedOutput(); err != nil {
			return fmt.Errorf("build lockd: %w: %s", err, strings.TrimSpace(string(out)))
		}
	}
	cfg := cluster.Config{Lockd: lockd, Dir: dir}
	if durability != "" {
		cfg.Flags = []string{"-durability", durability}
	}
	if cfg.Addresses, err = freeAddresses(nodes); err != nil {
		return err
	}
	c, err := cluster.Start(ctx, cfg)
	defer c.Stop()
	if err != nil {
		return err
	}
	w, err := startWork(ctx, c.Addresses(), clients)
	if err != nil {
		return err
	}
	defer w.end()
	for _, how := range []struct {
		name   string
		signal syscall.Signal
	}{{"kill -9", syscall.SIGKILL}, {"SIGTERM", syscall.SIGTERM}} {
		if err := measure(ctx, c, w, how.name, how.signal, kills); err != nil {
			return err
		}
	}
	return w.verdict()
}

// measure ends whoever is the primary, again and again.
func measure(ctx context.Context, c *cluster.Cluster, w *work, name string, s syscall.Signal, times int) error {
	var first, longest []time.Duration
	for range times {
		if err := c.AwaitWhole(ctx); err != nil {
			return err
		}
		if err := w.probe(ctx); err != nil { // who serves is known, as to any client at work
			return err
		}
		primary, err := c.Primary(ctx)
		if err != nil {
			return err
		}
		w.startPause()
		began := time.Now()
		primary.Signal(s)
		if s == syscall.SIGKILL {
			<-primary.Exited() // an answer that was under way is no success of the others
		}
		if err := w.probe(ctx); err != nil {
			return err
		}
		first = append(first, time.Since(began))
		<-primary.Exited()
		longest = append(longest, w.endPause())
		if err := primary.Start(); err != nil {
			return err
		}
	}
	slices.Sort(first)
	slices.Sort(longest)
	fmt.Printf("%s of the primary, %d times: to the first success median %v (%v..%v); longest pause of all clients median %v (..%v)\n", name, times,
		median(first), first[0].Round(time.Millisecond), first[len(first)-1].Round(time.Millisecond), median(longest), longest[len(longest)-1].Round(time.Millisecond))
	return ctx.Err()
}

func median(sorted []time.Duration) time.Duration {
	n := len(sorted)
	return ((sorted[(n-1)/2] + sorted[n/2]) / 2).Round(time.Millisecond)
}

// work is clients that lock and unlock names of their own, and one that is asked.
type work struct {
	clients []*lockstep.Client
	prober  *lockstep.Clerk
	asked   int
	stop    context.CancelFunc
	group   sync.WaitGroup

	last    atomic.Int64 // when a client was answered last
	longest atomic.Int64 // the longest time without
	wrong   atomic.Int64
	failed  atomic.Int64
}

func startWork(ctx context.Context, nodes []string, n int) (*work, error) {
	w := &work{}
	ctx, w.stop = context.WithCancel(ctx)
	for i := range n + 1 {
		client, err := lockstep.Dial(ctx, nodes)
		if err != nil {
			w.end()
			return nil, err
		}
		w.clients = append(w.clients, client)
		if i == n {
			w.prober = client.Clerk()
		} else {
			w.group.Go(func() { w.loop(ctx, client.Clerk(), fmt.Sprint("failover/", i)) })
		}
	}
	return w, nil
}

// loop is one client, whose answers must all be true.
func (w *work) loop(ctx context.Context, k *lockstep.Clerk, name string) {
	for ctx.Err() == nil {
		for _, ask := range []func(context.Context, string) (bool, error){k.Lock, k.Unlock} {
			yes, err := ask(ctx, name)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				w.failed.Add(1)
			case !yes:
				w.wrong.Add(1)
			}
			now := time.Now().UnixNano()
			if pause := now - w.last.Swap(now); pause > w.longest.Load() {
				w.longest.Store(pause)
			}
		}
	}
}

const patience = 30 * time.Second

// probe locks or unlocks a name that nobody else asks for.
func (w *work) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ask := w.prober.Lock
	if w.asked%2 == 1 {
		ask = w.prober.Unlock
	}
	w.asked++
	yes, err := ask(ctx, "failover/probe")
	if err == nil && !yes {
		err = errors.New("a wrong answer: false for a lock that nobody else asks for")
	}
	return err
}

func (w *work) startPause() { w.longest.Store(0) }

// endPause returns the longest pause since, when some clients go on.
func (w *work) endPause() time.Duration {
	time.Sleep(100 * time.Millisecond) // a pause that has begun is to end
	return time.Duration(w.longest.Load())
}

func (w *work) end() {
	w.stop()
	w.group.Wait()
	for _, c := range w.clients {
		_ = c.Close() // the nodes may be dead
	}
}

func (w *work) verdict() error {
	fmt.Printf("%d wrong answers, %d failed requests\n", w.wrong.Load(), w.failed.Load())
	if w.wrong.Load()+w.failed.Load() > 0 {
		return errors.New("there were wrong answers or failed requests")
	}
	return nil
}

func freeAddresses(n int) (all []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		all = append(all, l.Addr().String())
	}
	return all, nil
}
