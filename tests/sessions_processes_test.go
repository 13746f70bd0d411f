package tests

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockstep"
	"lockstep/internal/leash"
)

// dial returns a client that is closed with the test.
func (w *processes) dial(opts ...lockstep.Option) *lockstep.Client {
	w.t.Helper()
	client, err := lockstep.Dial(w.t.Context(), w.addresses, opts...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = client.Close() }) // the nodes may be dead
	return client
}

// acquire takes a lock, or fails the test.
func acquire(t *testing.T, c *lockstep.Client, name string, opts ...lockstep.LockOption) *lockstep.Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	lease, err := c.Acquire(ctx, name, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

// awaitLock polls a lock until it looks as wanted.
func awaitLock(t *testing.T, c *lockstep.Client, name string, wanted func(lockstep.LockInfo) bool) lockstep.LockInfo {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		info, err := c.Show(t.Context(), name)
		if err == nil && wanted(info) {
			return info
		}
		if time.Now().After(deadline) {
			t.Fatalf("lock %q: %+v, %v", name, info, err)
		}
		time.Sleep(5 * time.Millisecond) // between two polls
	}
}

// The client that is killed is this test program, run again.
const victimNodes = "LOCKSTEP_TEST_VICTIM_NODES"

const victimTTL = 2 * time.Second

// victim holds one lock and waits for another until it is killed.
func victim(nodes string) {
	client, err := lockstep.Dial(context.Background(), strings.Split(nodes, ","), lockstep.WithTTL(victimTTL))
	if err == nil {
		_, err = client.Acquire(context.Background(), "held")
	}
	if err == nil {
		_, err = client.Acquire(context.Background(), "queued")
	}
	fmt.Fprintln(os.Stderr, "the victim ends:", err)
	os.Exit(1)
}

// startVictim returns the process when it holds and waits.
func startVictim(t *testing.T, w *processes, watcher *lockstep.Client) *exec.Cmd {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), victimNodes+"="+strings.Join(w.addresses, ","))
	command.Stderr = os.Stderr
	if err := leash.Start(command); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	awaitLock(t, watcher, "held", func(l lockstep.LockInfo) bool { return len(l.Holders) == 1 })
	awaitLock(t, watcher, "queued", func(l lockstep.LockInfo) bool { return l.Waiters == 1 })
	return command
}

// A client that is killed while it holds and waits: its locks pass on in time,
// its waits vanish, and nothing else changes.
func TestAKilledClientsLocksPassOn(t *testing.T) {
	t.Parallel()
	w := startProcesses(t)
	other := w.dial()
	kept := acquire(t, other, "queued")
	if _, err := other.Clerk().Lock(t.Context(), "ownerless"); err != nil {
		t.Fatal(err)
	}
	dying := startVictim(t, w, other)
	if err := dying.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	next := acquire(t, other, "held")
	const inTime = victimTTL + 3*50*time.Millisecond + time.Second
	took := time.Since(killed)
	t.Logf("passed on after %v", took.Round(time.Millisecond))
	if took > inTime {
		t.Errorf("the lock passed on after %v, which is more than %v", took, inTime)
	}
	if next.Token() <= kept.Token() {
		t.Errorf("token %v after %v", next.Token(), kept.Token())
	}
	if info := awaitLock(t, other, "queued", func(lockstep.LockInfo) bool { return true }); info.Waiters != 0 ||
		len(info.Holders) != 1 || info.Holders[0].Token != kept.Token() || kept.Err() != nil {
		t.Errorf("the other lock has changed: %+v, %v", info, kept.Err())
	}
	if again, err := other.Clerk().Lock(t.Context(), "ownerless"); again || err != nil {
		t.Errorf("the ownerless lock: %v, %v", again, err)
	}
}

// waiters are many callers that queue for one lock, one behind the other.
type waiters struct {
	t    *testing.T
	mu   sync.Mutex
	got  []int
	last lockstep.Token
	half chan struct{} // closed when half of them had the lock
	of   int
	all  sync.WaitGroup
}

// had notes that a waiter has the lock, before it gives it back.
func (q *waiters) had(i int, token lockstep.Token) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if token <= q.last {
		q.t.Errorf("waiter %d has token %v after %v", i, token, q.last)
	}
	q.got, q.last = append(q.got, i), token
	if len(q.got) == q.of/2 {
		close(q.half)
	}
}

// wait lets one more wait, who gives the lock on.
func (q *waiters) wait(client *lockstep.Client, i int) {
	q.all.Go(func() {
		lease, err := client.Acquire(q.t.Context(), "line")
		if err != nil {
			q.t.Errorf("waiter %d: %v", i, err)
			return
		}
		q.had(i, lease.Token())
		if err := lease.Release(q.t.Context()); err != nil {
			q.t.Errorf("waiter %d: %v", i, err)
		}
	})
}

// Five hundred wait in line, and the primary dies in the middle of handing over.
func TestEveryWaiterGetsTheLockOnceAlthoughThePrimaryIsKilled(t *testing.T) {
	t.Parallel()
	const many, clients = 500, 10
	w := startProcesses(t)
	watcher := w.dial()
	first := acquire(t, watcher, "line")
	var dialed []*lockstep.Client
	for range clients {
		dialed = append(dialed, w.dial())
	}
	q := &waiters{t: t, half: make(chan struct{}), of: many}
	for i := range many {
		q.wait(dialed[i%clients], i)
		awaitLock(t, watcher, "line", func(l lockstep.LockInfo) bool { return l.Waiters == i+1 })
	}
	if err := first.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-q.half
	w.killPrimary()
	q.all.Wait()
	if len(q.got) != many || !slices.IsSorted(q.got) {
		t.Errorf("%d of %d had the lock, in this order: %v", len(q.got), many, q.got)
	}
}

// A command runs under a lock, and both nodes fall silent: the command and what
// it started are gone before another client can have the lock.
func TestACommandIsGoneBeforeItsLockPassesOn(t *testing.T) {
	t.Parallel()
	const ttl = 3 * time.Second
	w := startProcesses(t)
	next := w.dial()
	dir := t.TempDir()
	script := `trap "" TERM; echo $LOCK_TOKEN > token; sh -c 'trap "" TERM; echo $$ > grandchild; sleep 60' & echo $$ > child; wait`
	run := exec.Command(binary(t, "lockc"), "run", "--ttl", ttl.String(), "x", "--", "sh", "-c", script)
	run.Dir = dir
	run.Env = append(os.Environ(), "LOCKC_NODES="+strings.Join(w.addresses, ","))
	var said strings.Builder
	run.Stderr = &said
	if err := leash.Start(run); err != nil {
		t.Fatal(err)
	}
	child, grandchild, token := awaitNumber(t, dir, "child"), awaitNumber(t, dir, "grandchild"), awaitNumber(t, dir, "token")
	granted := make(chan *lockstep.Lease, 1)
	go func() { granted <- acquire(t, next, "x") }()
	awaitLock(t, next, "x", func(l lockstep.LockInfo) bool { return l.Waiters == 1 })

	stopped := time.Now()
	for _, node := range w.lockds {
		node.signal(syscall.SIGSTOP)
	}
	for lives(child) || lives(grandchild) {
		if time.Since(stopped) >= ttl {
			t.Fatalf("the command lives on although the nodes fell silent %v ago", ttl)
		}
		time.Sleep(5 * time.Millisecond) // between two looks
	}
	t.Logf("the command was gone %v after the nodes fell silent", time.Since(stopped).Round(time.Millisecond))
	err := run.Wait()
	if code := run.ProcessState.ExitCode(); code != 76 {
		t.Errorf("exit code %d (%v), not 76; lockc said:\n%s", code, err, said.String())
	}
	for _, node := range w.lockds {
		node.signal(syscall.SIGCONT)
	}
	if lease := <-granted; lease != nil && int(lease.Token()) <= token {
		t.Errorf("the next holder has token %v after %d", lease.Token(), token)
	}
}

// awaitNumber polls a file until it holds a number.
func awaitNumber(t *testing.T, dir, name string) int {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(dir, name)) // it may not be there yet
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			return n
		}
	}
	t.Fatalf("no number in %s", name)
	return 0
}

// lives reports whether a process runs; one that ended and was not waited for
// does not.
func lives(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == nil // there is no /proc, or no such process
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}
