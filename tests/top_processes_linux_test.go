package tests

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockstep"
	"lockstep/tests/pty"
)

// viewer is somebody before a terminal on which lockc top runs.
type viewer struct {
	t       *testing.T
	person  *os.File
	command *exec.Cmd
	over    chan struct{} // closed when all was read

	mu   sync.Mutex
	page string // the last whole one
	rest string // of the next one
	all  string
}

// endFrame is behind each page, and leave gives the terminal back.
const (
	endFrame = "\x1b[?2026l"
	leave    = "\x1b[?25h\x1b[?7h\x1b[?1049l"
)

// lookOn starts lockc top in a terminal of its own.
func lookOn(t *testing.T, nodes []string, args ...string) *viewer {
	t.Helper()
	return sitDown(t, exec.Command(filepath.Join(binaries(t), "lockc"), append([]string{"top", "-nodes", strings.Join(nodes, ","), "-interval", "200ms"}, args...)...))
}

// sitDown starts a program in a terminal of its own.
func sitDown(t *testing.T, command *exec.Cmd) *viewer {
	t.Helper()
	person, device, err := pty.Open()
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	defer device.Close()
	v := &viewer{t: t, person: person, command: command, over: make(chan struct{})}
	v.resize(140, 40)
	v.command.Stdin, v.command.Stdout, v.command.Stderr = device, device, device
	v.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	v.command.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=", "ENV=", "PS1=$ ")
	if err := v.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = v.command.Process.Kill()
		_ = v.command.Wait()
		person.Close()
	})
	go v.read()
	return v
}

func (v *viewer) read() {
	defer close(v.over)
	piece := make([]byte, 1<<14)
	for {
		n, err := v.person.Read(piece)
		if err != nil {
			return
		}
		v.mu.Lock()
		v.all += string(piece[:n])
		v.rest += string(piece[:n])
		for {
			page, rest, whole := strings.Cut(v.rest, endFrame)
			if !whole {
				break
			}
			v.page, v.rest = page, rest
		}
		v.mu.Unlock()
	}
}

func (v *viewer) resize(columns, rows uint16) {
	v.t.Helper()
	if err := pty.Resize(v.person, columns, rows); err != nil {
		v.t.Fatal(err)
	}
}

func (v *viewer) types(keys string) {
	v.t.Helper()
	if _, err := v.person.WriteString(keys); err != nil {
		v.t.Fatal(err)
	}
}

// awaits waits for a page of which something is true.
func (v *viewer) awaits(what string, is func(page string) bool) {
	v.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		v.mu.Lock()
		page, all := v.page, v.all
		v.mu.Unlock()
		switch {
		case is(page):
			return
		case time.Now().After(end):
			v.t.Fatalf("waited in vain for %s; the page is\n%s\nand all is %q", what, page, all[max(0, len(all)-2000):])
		}
	}
}

// sees waits for a page that has all of some texts.
func (v *viewer) sees(texts ...string) {
	v.t.Helper()
	v.awaits(fmt.Sprintf("%q", texts), func(page string) bool {
		for _, text := range texts {
			if !strings.Contains(page, text) {
				return false
			}
		}
		return true
	})
}

// shows waits for a text anywhere, and shown is all that there was.
func (v *viewer) shows(text string) {
	v.t.Helper()
	v.awaits(fmt.Sprintf("%q", text), func(string) bool { return strings.Contains(v.shown(), text) })
}

func (v *viewer) shown() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.all
}

// forget looks at nothing of what was shown so far.
func (v *viewer) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.all, v.page, v.rest = "", "", ""
}

// ends waits for the program's end and returns how that was.
func (v *viewer) ends() *os.ProcessState {
	v.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- v.command.Wait() }()
	select {
	case <-ended:
		<-v.over // which ends with the last process that has the terminal
		return v.command.ProcessState
	case <-time.After(time.Minute):
		v.t.Fatal("lockc top does not end")
		return nil
	}
}

// Who looks on in a terminal sees the nodes, who holds and who waits, finds a lock
// and its history, sees a failover as it happens, and has the terminal back at the
// end.
func TestSomebodyLooksOnInATerminal(t *testing.T) {
	t.Parallel()
	w := startTrio(t)
	client := w.dial()
	lease := acquire(t, client, "deploy/web")
	acquire(t, client, "cron/backup")
	waiting, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	another := w.dial()
	go func() { _, _ = another.Acquire(waiting, "deploy/web") }()
	awaitLock(t, client, "deploy/web", func(l lockstep.LockInfo) bool { return l.Waiters == 1 })

	v := lookOn(t, w.Addresses())
	primary := w.primary()
	v.sees("lockstep", primary.Name+" is the primary", "safe: any one node may fail", "reigns", "2 locks held, 1 waits, most awaited first",
		"▸", "deploy/web", "cron/backup", "what happens")
	v.awaits("the lock that is waited for at the top", func(page string) bool {
		return strings.Index(page, "deploy/web") < strings.Index(page, "cron/backup")
	})

	v.types("/BACK\r")
	v.sees("1 with \"back\" in it", "cron/backup")
	v.awaits("a page without the other lock", func(page string) bool { return !strings.Contains(page, "deploy/web") })
	v.types("\r")
	v.sees("\"cron/backup\" is held, exclusive", "FROM", "WAITED", "has it")
	v.types("\x1b")
	v.sees("what happens", "cron/backup")
	v.types("\x1b")
	v.sees("deploy/web")

	v.types("?")
	v.sees("lockc release --force takes a lock away")
	v.types(" ")
	v.resize(60, 12)
	v.awaits("a smaller page", func(page string) bool {
		return strings.Count(page, "\r\n") == 11 && strings.Contains(page, "deploy/web")
	})
	v.resize(200, 40)

	if err := lease.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.sees("released", "acquired") // the next in line has it
	primary.Kill()
	v.sees("fell silent, nobody served for", "warning:", "does not answer", "not safe")
	w.begin(primary)
	v.sees("safe: any one node may fail")

	v.types("q")
	if state := v.ends(); state.ExitCode() != 0 {
		t.Errorf("lockc top ended with %v", state)
	}
	if all := v.shown(); !strings.HasSuffix(all, leave) {
		t.Errorf("the terminal is left with %q", all[max(0, len(all)-100):])
	}
}

// Control-Z gives the terminal to the shell as it was, and fg brings the picture
// back.
func TestTopStepsAside(t *testing.T) {
	t.Parallel()
	w := startTrio(t)
	v := sitDown(t, exec.Command("sh", "-i"))
	v.types(fmt.Sprintf("cd %s; stty -a >before; %s top -nodes %s\n", t.TempDir(), filepath.Join(binaries(t), "lockc"), strings.Join(w.Addresses(), ",")))
	v.sees("safe: any one node may fail")
	v.types("\x1a")
	v.shows("Stopped")
	if !strings.Contains(v.shown(), leave) {
		t.Error("the shell writes over the picture")
	}
	v.types("stty -a | cmp - before && echo the-\"\"same\n")
	v.shows("the-same")
	v.forget()
	v.types("fg\n")
	v.sees("safe: any one node may fail", "what happens")
	v.types("q")
	v.shows(leave + "$ ") // before that lockc reads what is typed
	v.types("exit\n")
	if state := v.ends(); state.ExitCode() != 0 {
		t.Errorf("the shell ended with %v", state)
	}
}

// When no node answers, top says so and waits; it finds them again by itself.
func TestTopOutlastsTheNodes(t *testing.T) {
	t.Parallel()
	w := startTrio(t)
	v := lookOn(t, w.Addresses(), "-timeout", "1s")
	v.sees("safe: any one node may fail")
	for _, n := range w.Nodes {
		n.Kill()
	}
	v.sees("no node answers", "no answer within 1s")
	for _, n := range w.Nodes {
		w.begin(n)
	}
	v.sees("safe: any one node may fail", "0 locks held")
	v.types("\x03")
	if state := v.ends(); state.ExitCode() != 130 {
		t.Errorf("after control-C lockc top ended with %v", state)
	}
}
