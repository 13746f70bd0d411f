package tests

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockstep"
	"lockstep/internal/leash"
)

// processes is a world of real lockd processes, over real remoting.
type processes struct {
	t         *testing.T
	addresses []string
	dirs      []string
	lockds    []*lockd
	flags     []string         // of both
	bound     []string         // where the nodes listen, if not at their addresses
	client    *lockstep.Client // for status; nil until it is needed
}

// startProcesses starts a primary and a backup and returns when they are paired.
func startProcesses(t *testing.T, flags ...string) *processes {
	t.Helper()
	w := &processes{
		t: t, addresses: []string{freeAddress(t), freeAddress(t)},
		dirs: []string{t.TempDir(), t.TempDir()}, lockds: make([]*lockd, 2), flags: flags,
	}
	w.start(0, "-fault", "before-reply")
	w.start(1)
	w.awaitPaired()
	return w
}

func (w *processes) start(i int, extra ...string) {
	w.t.Helper()
	args := append([]string{[]string{"-p", "-b"}[i], w.addresses[0], w.addresses[1], "-data", w.dirs[i]}, w.flags...)
	if w.bound != nil {
		args = append(args, "-listen", w.bound[i])
	}
	w.lockds[i] = startLockd(w.t, append(args, extra...)...)
}

func (w *processes) nodes() []string { return w.addresses }
func (w *processes) killPrimary()    { w.lockds[0].kill() }
func (w *processes) killBackup()     { w.lockds[1].kill() }

func (w *processes) primaryDiesBeforeReply() <-chan struct{} {
	w.t.Helper()
	armed, died := w.lockds[0].says("fault: armed"), w.lockds[0].says("fault: died before the reply")
	w.lockds[0].signal(syscall.SIGUSR1)
	select {
	case <-armed:
	case <-time.After(10 * time.Second):
		w.t.Fatal("lockd did not arm its fault")
	}
	return died
}

// status asks the nodes where they stand, with a client that is used again.
func (w *processes) status() []lockstep.NodeStatus {
	w.t.Helper()
	if w.client == nil {
		client, err := lockstep.Dial(w.t.Context(), w.addresses)
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { _ = client.Close() }) // the nodes may be dead
		w.client = client
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 500*time.Millisecond)
	defer cancel()
	return w.client.Status(ctx)
}

// awaitPaired polls the nodes until both say that they are paired.
func (w *processes) awaitPaired() {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		nodes := w.status()
		if nodes[0].Paired && nodes[1].Paired {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the nodes are not paired: %+v", nodes)
		}
		time.Sleep(10 * time.Millisecond) // between two polls
	}
}

// lockd is one process.
type lockd struct {
	t       *testing.T
	command *exec.Cmd
	exited  chan struct{}

	mu     sync.Mutex
	log    bytes.Buffer
	awaits map[string]chan struct{} // closed when the log has a line with the text
}

// startLockd starts a process, which is ended with the test.
func startLockd(t *testing.T, args ...string) *lockd {
	t.Helper()
	d := &lockd{t: t, command: exec.Command(binary(t, "lockd"), args...), exited: make(chan struct{}), awaits: map[string]chan struct{}{}}
	d.command.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir())
	stderr, err := d.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := leash.Start(d.command); err != nil {
		t.Fatal(err)
	}
	go d.read(stderr)
	t.Cleanup(func() {
		d.kill()
		if t.Failed() {
			t.Logf("lockd %s said:\n%s", strings.Join(args, " "), d.said())
		}
	})
	return d
}

// read keeps what the process says, until it ends.
func (d *lockd) read(stderr io.Reader) {
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		d.mu.Lock()
		d.log.WriteString(lines.Text() + "\n")
		for text, seen := range d.awaits {
			if strings.Contains(lines.Text(), text) {
				close(seen)
				delete(d.awaits, text)
			}
		}
		d.mu.Unlock()
	}
	_ = d.command.Wait() // its exit code is in ProcessState
	close(d.exited)
}

// says returns a channel that is closed when the process says a text, from now on.
func (d *lockd) says(text string) <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	seen := make(chan struct{})
	d.awaits[text] = seen
	return seen
}

// said returns all that the process has said.
func (d *lockd) said() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.String()
}

func (d *lockd) signal(s os.Signal) {
	d.t.Helper()
	if err := d.command.Process.Signal(s); err != nil {
		d.t.Fatalf("signal lockd: %v", err)
	}
}

// kill ends the process by SIGKILL and waits until it is gone.
func (d *lockd) kill() {
	select {
	case <-d.exited:
		return
	default:
	}
	_ = d.command.Process.Kill() // it may be gone in this moment
	<-d.exited
}

// TestScenariosAsProcesses plays the lab's scenarios with lockd processes, which
// were built with the fault hooks.
func TestScenariosAsProcesses(t *testing.T) {
	t.Parallel()
	playAll(t, func(t *testing.T, scene func(*testing.T, world)) {
		scene(t, startProcesses(t))
	})
}
