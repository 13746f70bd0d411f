package tests

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockstep"
	"lockstep/tests/crew"
	"lockstep/tests/history"
)

// behindProxies is a pair whose nodes are reached through proxies, by each other
// and by the clients.
type behindProxies struct {
	*processes
	proxies [2]*proxy
}

// startBehindProxies starts a pair that takes a peer for dead after a second, so
// that a network which stands still for less is no partition.
func startBehindProxies(t *testing.T) *behindProxies {
	t.Helper()
	w := &behindProxies{processes: &processes{
		t: t, addresses: []string{freeAddress(t), freeAddress(t)},
		dirs: []string{t.TempDir(), t.TempDir()}, lockds: make([]*lockd, 2), flags: []string{"-suspect", "20"},
		bound: []string{freeAddress(t), freeAddress(t)},
	}}
	for i := range w.lockds {
		w.proxies[i] = startProxy(t, w.addresses[i], w.bound[i])
		w.start(i)
	}
	w.awaitPaired()
	return w
}

// stall holds up all that is on its way to a node for less than it takes to be
// suspected.
func (w *behindProxies) stall(i int) {
	w.proxies[i].stall()
	time.Sleep(400 * time.Millisecond) // the length of the fault
	w.proxies[i].flow()
}

// Few names, so that the clients meet; several, so that each history stays short.
var names = crew.Names{
	Leases: []string{"lease/a", "lease/b", "lease/c", "lease/d", "lease/e", "lease/f"},
	Lab:    []string{"lab/a", "lab/b", "lab/c"},
}

// TestHistoriesAreLinearizable lets sixteen clients work while processes are
// killed and paused and the network stands still, and wants an order of all that
// they did in which every answer is right.
func TestHistoriesAreLinearizable(t *testing.T) {
	t.Parallel()
	w := startBehindProxies(t)
	recorder := history.NewRecorder()
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for i := range 16 {
		client, err := lockstep.Dial(ctx, w.addresses, lockstep.WithTTL(3*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		h := &crew.Hand{
			ID: i, Client: client, Clerk: client.Clerk(), Recorder: recorder, Random: rand.New(rand.NewPCG(1, uint64(i))),
			Names: names, Longest: 15 * time.Millisecond,
		}
		clients.Go(func() { h.Work(ctx) })
	}
	for range (faultRounds(t) + 1) / 2 { // each takes twenty seconds
		w.misfortunes()
	}
	stop()
	clients.Wait()
	judge(t, recorder.Ops())
}

// misfortunes does one thing after the other to the pair, each when it has got
// over the last.
func (w *behindProxies) misfortunes() {
	for i := range w.lockds {
		w.progress()
		w.stall(i)
		w.progress()
		w.lockds[i].signal(syscall.SIGSTOP)
		w.progress() // the other serves alone
		w.lockds[i].signal(syscall.SIGCONT)
		w.awaitPaired()
		w.progress()
		w.proxies[i].cut()
		w.progress()
		w.lockds[i].kill()
		w.progress()
		w.start(i)
		w.awaitPaired()
	}
}

// progress waits for a little work to be done: enough for a fault to meet some,
// little enough for histories that can be judged.
func (w *behindProxies) progress() { w.awaitProgress(w.index() + 300) }

// judge wants an order that explains the history, and proves that the search
// would have found a lock that was granted twice.
func judge(t *testing.T, ops []history.Op) {
	t.Helper()
	unknown := 0
	for _, o := range ops {
		if o.Answer == history.Unknown {
			unknown++
		}
	}
	t.Logf("%d operations, %d of them with an unknown outcome", len(ops), unknown)
	if len(ops) < 2000 {
		t.Errorf("only %d operations: the faults met no work", len(ops))
	}
	const within = 2 * time.Minute
	for _, err := range []error{history.Check(ops, within), history.CheckBelief(ops), history.CheckTokens(ops)} {
		if err != nil {
			t.Error(err)
		}
	}
	if err := history.Check(append(ops, doubleGrant(t, ops)), within); err == nil || errors.Is(err, history.ErrTooHard) {
		t.Errorf("a lock was granted twice, and the verdict is %v", err)
	}
}

// doubleGrant makes a grant of a lock that somebody certainly held.
func doubleGrant(t *testing.T, ops []history.Op) history.Op {
	t.Helper()
	for i, granted := range ops {
		if granted.Kind != history.Acquire || granted.Answer != history.Yes {
			continue
		}
		for _, released := range ops[i:] {
			if released.Kind == history.Release && released.Token == granted.Token && released.Answer == history.Yes {
				middle := (granted.Return + released.Call) / 2
				return history.Op{Client: 99, Kind: history.Acquire, Name: granted.Name, Token: granted.Token + 1, Answer: history.Yes, Call: middle, Return: middle}
			}
		}
	}
	t.Fatalf("no lease was released among %d operations", len(ops))
	return history.Op{}
}
