package tests

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockstep"
	"lockstep/tests/cluster"
)

// trio is three lockd processes that are a cluster.
type trio struct {
	*processes // its clients and their progress
	*cluster.Cluster
}

// startTrio starts three nodes and returns when they are a cluster.
func startTrio(t *testing.T, flags ...string) *trio {
	t.Helper()
	return start(t, cluster.New(cluster.Config{
		Lockd: binary(t, "lockd"), Dir: t.TempDir(), Addresses: []string{freeAddress(t), freeAddress(t), freeAddress(t)}, Flags: flags,
	}))
}

func start(t *testing.T, c *cluster.Cluster) *trio {
	t.Helper()
	w := &trio{processes: &processes{t: t, addresses: c.Addresses()}, Cluster: c}
	t.Cleanup(func() {
		c.Stop()
		if t.Failed() {
			for _, n := range c.Nodes {
				t.Logf("node %s said:\n%s", n.Name, n.Said())
			}
		}
	})
	for _, n := range c.Nodes {
		w.begin(n)
	}
	w.awaitWhole()
	return w
}

func (w *trio) begin(n *cluster.Node) {
	w.t.Helper()
	if err := n.Start(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *trio) awaitWhole() {
	w.t.Helper()
	if err := w.AwaitWhole(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *trio) primary() *cluster.Node {
	w.t.Helper()
	n, err := w.Primary(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// Whichever of three nodes is killed, at any time, no answer is wrong, every
// client goes on, and the node comes back by itself.
func TestKillAnyOfThreeUnderLoad(t *testing.T) {
	t.Parallel()
	for _, durability := range []string{"memory", "fsync"} {
		t.Run(durability, func(t *testing.T) {
			w := startTrio(t, "-durability", durability)
			l := startLoad(t, w.processes, "-clients", "50")
			for _, n := range w.Nodes { // one of them is the primary
				n.Kill()
				w.goOn()
				w.begin(n)
				w.awaitWhole()
			}
			l.end("SIGKILL of each node")
		})
	}
}

// A node that is told to end hands over first.
func TestThePrimaryLeavesUnderLoad(t *testing.T) {
	t.Parallel()
	w := startTrio(t)
	l := startLoad(t, w.processes, "-clients", "50")
	n := w.primary()
	n.Signal(syscall.SIGTERM)
	select {
	case <-n.Exited():
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
	if code := n.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	w.goOn()
	l.end("SIGTERM of the primary")
}

// grants are what clients were promised.
type grants struct {
	mu    sync.Mutex
	names []string
}

func (g *grants) add(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.names = append(g.names, name)
}

func (g *grants) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.names)
}

// promised is what clients were told before the power was cut.
type promised struct {
	*processes
	lease  *lockstep.Lease
	stop   context.CancelFunc
	group  sync.WaitGroup
	grants grants
}

// workUntilPowerCut lets clients lock names, each once, and returns when some have
// been granted. They go on.
func (w *processes) workUntilPowerCut() *promised {
	w.t.Helper()
	p := &promised{processes: w, lease: acquire(w.t, w.dial(lockstep.WithTTL(time.Minute)), "lease")}
	var ctx context.Context
	ctx, p.stop = context.WithCancel(w.t.Context())
	client := w.dial()
	for i := range 32 {
		clerk := client.Clerk()
		p.group.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				name := fmt.Sprintf("kept/%d/%d", i, k)
				if yes, err := clerk.Lock(ctx, name); yes && err == nil {
					p.grants.add(name)
				}
			}
		})
	}
	const some = 500
	for deadline := time.Now().Add(30 * time.Second); p.grants.count() < some; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("only %d grants", p.grants.count())
		}
	}
	return p
}

// end returns when nobody asks any more.
func (p *promised) end() {
	p.stop()
	p.group.Wait()
}

// check wants to find all that was promised.
func (p *promised) check() {
	p.t.Helper()
	there := map[string]bool{}
	other := p.dial()
	for info, err := range other.List(p.t.Context(), "kept/") {
		if err != nil {
			p.t.Fatal(err)
		}
		there[info.Name] = true
	}
	missing := 0
	for _, name := range p.grants.names {
		if !there[name] {
			missing++
		}
	}
	p.t.Logf("%d grants were acknowledged, %d locks are held", len(p.grants.names), len(there))
	if missing > 0 {
		p.t.Errorf("%d of %d acknowledged grants are missing", missing, len(p.grants.names))
	}
	if info := awaitLock(p.t, other, "lease", func(lockstep.LockInfo) bool { return true }); len(info.Holders) != 1 ||
		info.Holders[0].Token != p.lease.Token() || p.lease.Err() != nil {
		p.t.Errorf("the lease: %+v, %v", info, p.lease.Err())
	}
	if next := acquire(p.t, other, "next"); next.Token() <= p.lease.Token() {
		p.t.Errorf("token %v after %v", next.Token(), p.lease.Token())
	}
}

// All nodes lose their power in the middle of their work. What was acknowledged
// is there when they are back, sessions and leases too, and tokens rise.
func TestPowerCutOfAllThree(t *testing.T) {
	t.Parallel()
	w := startTrio(t, "-durability", "fsync")
	p := w.workUntilPowerCut()
	for _, n := range w.Nodes {
		n.Signal(syscall.SIGKILL)
	}
	for _, n := range w.Nodes {
		n.Kill()
	}
	p.end()
	for _, n := range w.Nodes {
		w.begin(n)
	}
	w.awaitWhole()
	p.check()
}

// The same of a pair with its log on disk.
func TestPowerCutOfBoth(t *testing.T) {
	t.Parallel()
	w := startProcesses(t, "-durability", "fsync")
	p := w.workUntilPowerCut()
	for _, d := range w.lockds {
		d.signal(syscall.SIGKILL)
	}
	for _, d := range w.lockds {
		d.kill()
	}
	p.end()
	for i := range w.lockds {
		w.start(i)
	}
	w.awaitPaired()
	p.check()
}

// restarts writes what the script of the rolling restart wants: a line for each
// node, with the command that restarts it.
func (w *trio) restarts(dir string) string {
	w.t.Helper()
	const restart = `set -eu
kill -TERM "$(cat "$1/pid")"
while kill -0 "$(cat "$1/pid")" 2>/dev/null; do sleep 0.02; done
nohup sh "$1/run" >>"$1/log" 2>&1 &
echo $! >"$1/pid"
`
	write := func(path, text string) {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	write("restart", restart)
	var lines []string
	for _, n := range w.Nodes {
		own := filepath.Join(dir, n.Name)
		if err := os.Mkdir(own, 0o700); err != nil {
			w.t.Fatal(err)
		}
		write(n.Name+"/run", "exec "+n.Command()+"\n")
		write(n.Name+"/pid", fmt.Sprintln(n.PID()))
		lines = append(lines, fmt.Sprintf("%s sh %s/restart %s\n", n.Name, dir, own))
		w.t.Cleanup(func() { w.endRestarted(own) })
	}
	write("nodes", strings.Join(lines, ""))
	return filepath.Join(dir, "nodes")
}

// endRestarted kills a node that the script has started.
func (w *trio) endRestarted(dir string) {
	pid := awaitNumber(w.t, dir, "pid")
	_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
	if w.t.Failed() {
		log, _ := os.ReadFile(filepath.Join(dir, "log")) // it may never have begun
		w.t.Logf("%s said:\n%s", dir, log)
	}
}

// All nodes are restarted under load, one after the other. Nobody's request
// fails, no lease is lost, and who waits keeps the place.
func TestRollingRestartOfThreeUnderLoad(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("the script needs bash:", err)
	}
	const many = 50
	w := startTrio(t)
	holder, watcher := w.dial(), w.dial()
	kept, first := acquire(t, holder, "kept"), acquire(t, holder, "line")
	q := &waiters{t: t, half: make(chan struct{}), of: many}
	clients := []*lockstep.Client{w.dial(), w.dial(), w.dial()}
	for i := range many {
		q.wait(clients[i%len(clients)], i)
		awaitLock(t, watcher, "line", func(l lockstep.LockInfo) bool { return l.Waiters == i+1 })
	}
	l := startLoad(t, w.processes, "-clients", "50", "-locks", "leases")

	script := exec.Command("../scripts/rolling-restart.sh", w.restarts(t.TempDir()))
	script.Env = append(os.Environ(), "LOCKC="+binary(t, "lockc"), "LOCKC_NODES="+strings.Join(w.addresses, ","))
	began := time.Now()
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("the three were restarted in %v", time.Since(began).Round(time.Millisecond))
	for _, n := range w.Nodes {
		select {
		case <-n.Exited():
		default:
			t.Errorf("node %s was not restarted", n.Name)
		}
	}
	w.goOn()
	l.end("a rolling restart")
	if err := errors.Join(kept.Err(), first.Err()); err != nil {
		t.Errorf("a lease was lost: %v", err)
	}
	if err := first.Release(t.Context()); err != nil {
		t.Error(err)
	}
	q.all.Wait()
	if len(q.got) != many || !slices.IsSorted(q.got) {
		t.Errorf("%d of %d had the lock, in this order: %v", len(q.got), many, q.got)
	}
}
