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
	if raceEnabled {
		t.Skip("clients over real remoting in one process race on gRPC's global logger: run this without -race")
	}
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

// recording is one client that writes down what it does and sees.
type recording struct {
	id       int
	client   *lockstep.Client
	clerk    *lockstep.Clerk
	recorder *history.Recorder
	random   *rand.Rand
}

// Few names, so that the clients meet; several, so that each history stays short.
var (
	leaseNames = []string{"lease/a", "lease/b", "lease/c", "lease/d", "lease/e", "lease/f"}
	labNames   = []string{"lab/a", "lab/b", "lab/c"}
)

func (r *recording) run(ctx context.Context) {
	for ctx.Err() == nil {
		switch r.random.IntN(4) {
		case 0:
			r.lab(ctx)
		default:
			r.lease(ctx)
		}
	}
}

// patience is how long a client mostly waits for an answer: longer than any
// fault, since every unknown outcome makes the search for an order longer.
const patience = 20 * time.Second

func (r *recording) lab(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	name := labNames[r.random.IntN(len(labNames))]
	o := history.Op{Client: r.id, Kind: history.Lock, Name: name, Call: r.recorder.Now()}
	ask := r.clerk.Lock
	if r.random.IntN(2) == 0 {
		o.Kind, ask = history.Unlock, r.clerk.Unlock
	}
	yes, err := ask(ctx, name)
	switch {
	case err != nil:
		r.recorder.Open(o)
		return
	case yes:
		o.Answer = history.Yes
	default:
		o.Answer = history.No
	}
	r.recorder.Answered(o)
}

// lease takes a lock, keeps it for a moment or until it is lost, and gives it
// back.
func (r *recording) lease(ctx context.Context) {
	held, o := r.acquire(context.WithoutCancel(ctx))
	if held == nil {
		return
	}
	until := r.hold(held, time.Duration(r.random.IntN(15))*time.Millisecond)
	lost := history.Op{Client: r.id, Kind: history.Lose, Name: o.Name, Token: o.Token, Call: until}
	if held.Err() != nil {
		r.recorder.Open(lost)
		return
	}
	r.release(context.WithoutCancel(ctx), held, o, lost)
}

func (r *recording) acquire(ctx context.Context) (*lockstep.Lease, history.Op) {
	waits := patience
	if r.random.IntN(100) == 0 {
		waits = time.Duration(r.random.IntN(20)) * time.Millisecond // gives up
	}
	ctx, cancel := context.WithTimeout(ctx, waits)
	defer cancel()
	o := history.Op{Client: r.id, Kind: history.Acquire, Name: leaseNames[r.random.IntN(len(leaseNames))]}
	var opts []lockstep.LockOption
	if r.random.IntN(3) == 0 {
		o.Kind, opts = history.AcquireShared, []lockstep.LockOption{lockstep.Shared()}
	}
	ask := r.client.Acquire
	if r.random.IntN(2) == 0 {
		ask = r.client.TryAcquire
	}
	o.Call = r.recorder.Now()
	held, err := ask(ctx, o.Name, opts...)
	switch {
	case err == nil:
		o.Answer, o.Token = history.Yes, uint64(held.Token())
		r.recorder.Answered(o)
	case errors.Is(err, lockstep.ErrHeld):
		o.Answer = history.No
		r.recorder.Answered(o)
	default:
		r.recorder.GaveUp(o)
	}
	return held, o
}

// hold keeps a lease and returns the moment until which its holder could believe
// in it: now, or its last deadline if it is lost.
func (r *recording) hold(held *lockstep.Lease, d time.Duration) int64 {
	deadline := held.Deadline()
	for end := time.Now().Add(d); time.Now().Before(end) && held.Err() == nil; {
		if next := held.Deadline(); !next.IsZero() {
			deadline = next
		}
		select {
		case <-held.Context().Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	return min(r.recorder.Now(), r.recorder.At(deadline))
}

func (r *recording) release(ctx context.Context, held *lockstep.Lease, o, lost history.Op) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	o.Kind, o.Call = history.Release, r.recorder.Now()
	switch err := held.Release(ctx); {
	case err == nil:
		o.Answer = history.Yes
		r.recorder.Answered(o)
	case errors.Is(err, lockstep.ErrLost):
		r.recorder.Open(lost)
	default:
		o.Answer = history.Unknown
		r.recorder.Open(o)
	}
}

// TestHistoriesAreLinearizable lets sixteen clients work while processes are
// killed and paused and the network stands still, and wants an order of all that
// they did in which every answer is right.
func TestHistoriesAreLinearizable(t *testing.T) {
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
		r := &recording{id: i, client: client, clerk: client.Clerk(), recorder: recorder, random: rand.New(rand.NewPCG(1, uint64(i)))}
		clients.Go(func() { r.run(ctx) })
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
	if err := history.Check(ops, within); err != nil {
		t.Error(err)
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
