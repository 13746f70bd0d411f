package tests

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lockstep/actors"
	"lockstep/internal/leash"
	"lockstep/lock"
	"lockstep/remote"
	"lockstep/replica"
)

// faultRounds is how often a fault that is to be survived again and again is
// done: twice, or what LOCKSTEP_FAULT_ROUNDS says.
func faultRounds(t *testing.T) int {
	rounds := 2
	if s := os.Getenv("LOCKSTEP_FAULT_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("LOCKSTEP_FAULT_ROUNDS is %q: give a number from 1", s)
		}
		rounds = n
	}
	return rounds
}

// load is a lockload that runs against a pair while a test does its worst.
type load struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr bytes.Buffer
}

// loadReport is what these tests read of lockload's JSON.
type loadReport struct {
	OK   bool `json:"ok"`
	Runs []struct {
		Operations   int64    `json:"operations"`
		Errors       int64    `json:"errors"`
		LongestWait  float64  `json:"longest_wait_us"`
		LongestGap   float64  `json:"longest_gap_us"`
		CallersStuck int      `json:"callers_stuck"`
		WrongAnswers []string `json:"wrong_answers"`
	} `json:"runs"`
}

// startLoad starts clients that lock and unlock names of their own and check
// every answer, and returns when they are at work.
func startLoad(t *testing.T, w *processes, flags ...string) *load {
	t.Helper()
	l := &load{t: t}
	args := append([]string{"-nodes", strings.Join(w.addresses, ","), "-duration", "10m", "-timeout", "10s", "-warm-up", "0s", "-json", "-quiet"}, flags...)
	l.cmd = exec.Command(binary(t, "lockload"), args...)
	l.cmd.Stdout, l.cmd.Stderr = &l.stdout, &l.stderr
	before := w.index()
	if err := leash.Start(l.cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if l.cmd.ProcessState == nil {
			_ = l.cmd.Process.Kill()
			_ = l.cmd.Wait()
		}
	})
	w.awaitProgress(before + 5000)
	return l
}

// longestGap is what no fault that a cluster survives may cost, on the slowest of
// machines. How long it takes is measured elsewhere: this says that it ends.
const longestGap = 15 * time.Second

// end interrupts the load and reads its report: nothing may have been wrong, and
// every client must have been going again.
func (l *load) end(what string) {
	l.t.Helper()
	if err := l.cmd.Process.Signal(os.Interrupt); err != nil {
		l.t.Fatal(err)
	}
	err := l.cmd.Wait()
	var report loadReport
	if jsonErr := json.Unmarshal(l.stdout.Bytes(), &report); jsonErr != nil || len(report.Runs) != 1 {
		l.t.Fatalf("lockload ended with %v and said %q, %q", err, l.stdout.String(), l.stderr.String())
	}
	run := report.Runs[0]
	l.t.Logf("%s: %d operations, longest wait of a client %.0f ms, longest time without any answer %.0f ms",
		what, run.Operations, run.LongestWait/1000, run.LongestGap/1000)
	if !report.OK || err != nil || run.Errors > 0 || run.CallersStuck > 0 || len(run.WrongAnswers) > 0 {
		l.t.Errorf("%s: %v; %d errors, %d callers stuck, wrong answers: %v", what, err, run.Errors, run.CallersStuck, run.WrongAnswers)
	}
	if gap := time.Duration(run.LongestGap) * time.Microsecond; gap > longestGap {
		l.t.Errorf("%s: no answer for %v", what, gap)
	}
}

// index is the last entry that any node has applied.
func (w *processes) index() (highest uint64) {
	for _, node := range w.status() {
		highest = max(highest, node.Index)
	}
	return highest
}

// awaitProgress polls until the order has reached an index.
func (w *processes) awaitProgress(index uint64) {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); w.index() < index; {
		if time.Now().After(deadline) {
			w.t.Fatalf("no progress to entry %d: %+v", index, w.status())
		}
		time.Sleep(10 * time.Millisecond) // between two polls
	}
}

// serving returns which of the nodes is the primary now.
func (w *processes) serving() int {
	w.t.Helper()
	for i, node := range w.status() {
		if node.Role == "primary" {
			return i
		}
	}
	w.t.Fatalf("no primary: %+v", w.status())
	return 0
}

// goOn waits for a good deal of new operations: the load has got over it.
func (w *processes) goOn() {
	w.t.Helper()
	w.awaitProgress(w.index() + 3000)
}

func TestKillThePrimaryUnderLoad(t *testing.T) {
	t.Parallel()
	w := startProcesses(t)
	l := startLoad(t, w, "-clients", "200")
	w.killPrimary()
	w.goOn()
	l.end("SIGKILL of the primary")
}

// Whichever node stands still, the other serves; when it wakes, nothing that it
// says counts, and the pair forms again.
func TestStopEitherNodeUnderLoad(t *testing.T) {
	t.Parallel()
	for i, who := range []string{"primary", "backup"} {
		t.Run(who, func(t *testing.T) {
			w := startProcesses(t)
			l := startLoad(t, w, "-clients", "50")
			w.lockds[i].signal(syscall.SIGSTOP)
			w.goOn()
			w.lockds[i].signal(syscall.SIGCONT)
			w.awaitPaired()
			w.goOn()
			l.end("SIGSTOP of the " + who)
		})
	}
}

func TestRestartTheBackupUnderLoad(t *testing.T) {
	t.Parallel()
	w := startProcesses(t)
	l := startLoad(t, w, "-clients", "50")
	for range faultRounds(t) {
		w.killBackup()
		w.start(1)
		w.awaitPaired()
		w.goOn()
	}
	l.end("SIGKILL and restart of the backup")
}

func TestRestartWhicheverIsPrimaryUnderLoad(t *testing.T) {
	t.Parallel()
	w := startProcesses(t)
	l := startLoad(t, w, "-clients", "50")
	for range faultRounds(t) {
		i := w.serving()
		w.lockds[i].kill()
		w.start(i)
		w.awaitPaired()
		w.goOn()
	}
	l.end("SIGKILL and restart of whichever node was primary")
}

// When both memories are gone, the locks are; the nodes say so, and the next
// token is still higher than the last (S3).
func TestRestartBoth(t *testing.T) {
	t.Parallel()
	w := startProcesses(t)
	before := takeToken(t, w, "a")
	for i := range w.lockds {
		w.lockds[i].kill()
	}
	w.start(0)
	w.start(1)
	w.awaitPaired()
	if after := takeToken(t, w, "a"); after <= before {
		t.Errorf("token %d after %d: it must rise", after, before)
	}
	if log := w.lockds[0].said(); !strings.Contains(log, "the locks of view") || !strings.Contains(log, "are lost") {
		t.Errorf("the primary does not say that the locks are lost:\n%s", log)
	}
}

var incarnations atomic.Int64

// takeToken locks a name as a client below the API does, which sees the token.
func takeToken(t *testing.T, w *processes, name string) lock.Token {
	t.Helper()
	nodes := []replica.NodeID{replica.NodeID(w.addresses[0]), replica.NodeID(w.addresses[1])}
	process, err := remote.Start(remote.Config{
		Listen: "127.0.0.1:0", Nodes: nodes, Incarnation: replica.Incarnation(incarnations.Add(1)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer process.Stop(time.Second)
	ticker := actors.SpawnTicker(process, actors.ClientTick)
	defer process.Root().Stop(ticker)
	caller := actors.SpawnClient(process, ticker, 1, replica.ClientConfig{Nodes: nodes, Seed: uint64(time.Now().UnixNano())})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	result, err := caller.Call(ctx, caller.NewClerk(), lock.Lock, name)
	if err != nil || result.Outcome != lock.Granted {
		t.Fatalf("lock %q: %+v, %v", name, result, err)
	}
	if err := caller.Close(ctx); err != nil {
		t.Error(err)
	}
	return result.Token
}
