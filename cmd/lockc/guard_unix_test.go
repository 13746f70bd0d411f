//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
)

// TestMain also is the process that guards: it buries all of its children, and
// the tests want theirs.
func TestMain(m *testing.M) {
	if os.Getenv("LOCKC_TEST_TTL") != "" {
		os.Exit(guarding(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// toyLease lasts until something comes over its pipe: then nobody keeps it alive
// any more, or it is over because of that.
type toyLease struct {
	mu    sync.Mutex
	ttl   time.Duration
	since time.Time // when it was last kept alive; zero is now
	cause error
}

func (l *toyLease) Remaining() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.cause != nil:
		return 0
	case l.since.IsZero():
		return l.ttl
	default:
		return max(0, l.ttl-time.Since(l.since))
	}
}

func (l *toyLease) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

func (l *toyLease) follow(pipe io.Reader) {
	word, _ := io.ReadAll(pipe)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch string(word) {
	case "revoke":
		l.cause = lockstep.ErrRevoked
	case "lose":
		l.cause = lockstep.ErrLost
	case "cut":
		l.since = time.Now()
	}
}

// guarding guards a command, and says at the end what was left of the lease.
func guarding(argv []string) int {
	ttl, _ := time.ParseDuration(os.Getenv("LOCKC_TEST_TTL"))
	l := &toyLease{ttl: ttl}
	go l.follow(os.NewFile(3, "lease"))
	g := &guard{
		lease: l, ending: newEnding(ttl, time.Minute), hold: os.Getenv("LOCKC_TEST_HOLD") != "", signals: make(chan os.Signal, 16),
		notice: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
	}
	listen(g.signals, enders)
	path, err := executable(argv[0])
	code, lost := 0, false
	if err == nil {
		code, lost, err = g.run(path, argv, os.Environ())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		var failure *cli.Failure
		errors.As(err, &failure)
		return failure.Code
	}
	fmt.Fprintf(os.Stderr, "lost=%t left=%d\n", lost, l.Remaining().Milliseconds())
	return code
}

// guarded is such a process, seen from outside.
type guarded struct {
	t     *testing.T
	cmd   *exec.Cmd
	out   *bufio.Reader
	lease *os.File
	said  strings.Builder
}

func guardScript(t *testing.T, script string, settings ...string) *guarded {
	t.Helper()
	return guardCommand(t, []string{"sh", "-c", script}, settings...)
}

func guardCommand(t *testing.T, argv []string, settings ...string) *guarded {
	t.Helper()
	theirs, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	g := &guarded{t: t, cmd: exec.Command(os.Args[0], argv...), lease: ours}
	g.cmd.Env = append(append(os.Environ(), "LOCKC_TEST_TTL=6s"), settings...)
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	g.cmd.ExtraFiles, g.cmd.Stdout, g.cmd.Stderr = []*os.File{theirs}, in, &g.said
	g.cmd.WaitDelay = time.Second // the same for what it says
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	in.Close()
	out.SetReadDeadline(time.Now().Add(watchdog)) // whoever survives keeps the other end
	g.out = bufio.NewReader(out)
	t.Cleanup(func() {
		g.cmd.Process.Kill()
		g.cmd.Wait()
		out.Close()
	})
	return g
}

// watchdog ends a test that would wait for ever.
const watchdog = 20 * time.Second

// line is the next one that the command prints.
func (g *guarded) line() string {
	g.t.Helper()
	line, err := g.out.ReadString('\n')
	if err != nil {
		g.t.Fatalf("%v; said %q", err, g.said.String())
	}
	return strings.TrimSpace(line)
}

func (g *guarded) pid() int {
	g.t.Helper()
	pid, err := strconv.Atoi(g.line())
	if err != nil {
		g.t.Fatal(err)
	}
	return pid
}

func (g *guarded) tell(lease string) {
	g.lease.WriteString(lease)
	g.lease.Close()
}

// ends waits for the end, and checks the exit code and what was said last.
func (g *guarded) ends(code int, lost bool) (left int) {
	g.t.Helper()
	if _, err := io.Copy(io.Discard, g.out); err != nil {
		g.t.Errorf("somebody still has the command's output: %v", err)
		g.cmd.Process.Kill()
	}
	_ = g.cmd.Wait() // the exit code tells
	var was bool
	said := strings.TrimSpace(g.said.String())
	_, err := fmt.Sscanf(said[strings.LastIndex(said, "\n")+1:], "lost=%t left=%d", &was, &left)
	if got := g.cmd.ProcessState.ExitCode(); got != code || err != nil || was != lost {
		g.t.Errorf("exit code %d, want %d; said %q, want lost=%t", got, code, said, lost)
	}
	return left
}

// endsInTime also wants everybody to have gone while the lease still lasted.
func (g *guarded) endsInTime(code int, pids ...int) {
	g.t.Helper()
	if left := g.ends(code, true); left <= 0 {
		g.t.Error("the command outlived its lease")
	}
	for _, pid := range pids {
		if alive(pid) {
			g.t.Errorf("process %d is still there", pid)
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// alive reports whether a process runs; one that nobody has buried does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

func TestTheCommandsOwnExitCodeIsPassedOn(t *testing.T) {
	t.Parallel()
	for script, code := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -9 $$": 128 + 9, "kill -TERM $$": 128 + 15} {
		guardScript(t, script).ends(code, false)
	}
}

func TestACommandThatCannotStart(t *testing.T) {
	t.Parallel()
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte("\x01\x02"), 0o755); err != nil {
		t.Fatal(err)
	}
	for command, code := range map[string]int{
		"no-such-command-anywhere": notFound, "./no/such/file": notFound, plain: cannotExecute, garbage: cannotExecute, os.TempDir(): cannotExecute,
	} {
		g := guardCommand(t, []string{command})
		_ = g.cmd.Wait()
		if got := g.cmd.ProcessState.ExitCode(); got != code || !strings.Contains(g.said.String(), command) {
			t.Errorf("%s: exit code %d, want %d; said %q", command, got, code, g.said.String())
		}
	}
}

func TestACommandThatIgnoresTheRequestIsKilledWithItsGrandchildren(t *testing.T) {
	t.Parallel()
	g := guardScript(t, `trap "" TERM INT HUP; sh -c 'sleep 1000 & echo $!; echo $$; wait' & echo $$; wait; wait; wait; sleep 1000`)
	pids := []int{g.pid(), g.pid(), g.pid()}
	g.tell("cut")
	g.endsInTime(128+9, pids...)
}

// It leaves the other tests no processor to be in time with, so it runs alone.
func TestACommandThatForksAllTheTimeIsGoneInTime(t *testing.T) {
	g := guardScript(t, `trap "" TERM; echo $$; while :; do sleep 0.01 & done`)
	pid := g.pid()
	g.tell("cut")
	g.endsInTime(128+9, pid)
}

func TestACommandMayEndPolitely(t *testing.T) {
	t.Parallel()
	g := guardScript(t, `trap "exit 3" TERM; echo $$; while :; do sleep 0.01; done`)
	pid := g.pid()
	g.tell("cut")
	g.endsInTime(3, pid)
}

func TestACommandThatStandsStillIsTakenDownToo(t *testing.T) {
	t.Parallel()
	g := guardScript(t, `echo $$; kill -STOP $$; exit 0`)
	pid := g.pid()
	g.tell("cut")
	g.endsInTime(128+15, pid)
}

func TestWhoLeftTheGroupIsFoundWhenTheLockIsLost(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux knows descendants that left")
	}
	t.Parallel()
	// The middle shell ends at once: its child is an orphan in a group of its own.
	g := guardScript(t, `sh -c 'setsid sh -c "trap \"\" TERM; echo \$\$; exec sleep 1000" &'; exec sleep 1000`)
	pid := g.pid()
	g.tell("cut")
	g.endsInTime(128+15, pid)
}

func TestALeaseThatIsOverEndsTheCommandAtOnce(t *testing.T) {
	t.Parallel()
	g := guardScript(t, `trap "exit 0" TERM; echo $$; while :; do sleep 0.01; done`)
	pid := g.pid()
	g.tell("lose")
	g.ends(128+9, true)
	if alive(pid) {
		t.Error("the command goes on")
	}
}

func TestARevokedCommandMayCleanUp(t *testing.T) {
	t.Parallel()
	g := guardScript(t, `trap "exit 4" TERM; echo $$; while :; do sleep 0.01; done`)
	g.pid()
	g.tell("revoke")
	g.ends(4, true)
	g = guardScript(t, `trap "" TERM; echo $$; while :; do sleep 0.01; done`)
	g.pid()
	g.tell("revoke")
	g.ends(128+9, true)
}

func TestACommandThatHoldsOnIsNotEnded(t *testing.T) {
	t.Parallel()
	g := guardScript(t, `echo $$; read line; exit 5`, "LOCKC_TEST_HOLD=1")
	g.pid()
	g.tell("lose")
	g.ends(5, false) // its input is empty
}

func TestWhatTheCommandLeavesBehindEndsWithIt(t *testing.T) {
	t.Parallel()
	g := guardScript(t, `trap "" TERM; sleep 1000 & echo $!; exit 6`)
	left := g.pid()
	g.ends(6, false)
	if alive(left) {
		t.Error("it goes on without the lock")
	}
}

func TestADaemonOutlivesTheCommandThatHasStartedIt(t *testing.T) {
	t.Parallel()
	left := filepath.Join(t.TempDir(), "left")
	g := guardScript(t, `mkfifo $LEFT; setsid sh -c 'echo $$; echo yes >$LEFT; exec sleep 1000 >/dev/null 2>&1' & read yes <$LEFT; exit 0`, "LEFT="+left)
	daemon := g.pid()
	defer syscall.Kill(daemon, syscall.SIGKILL)
	g.ends(0, false)
	if !alive(daemon) {
		t.Error("it was killed")
	}
}

func TestSignalsArePassedOn(t *testing.T) {
	t.Parallel()
	g := guardScript(t, `for s in INT TERM HUP QUIT USR1 USR2 WINCH; do trap "echo $s" $s; done; echo $$; while :; do sleep 0.01; done`)
	pid := g.pid()
	for s, word := range map[syscall.Signal]string{
		syscall.SIGINT: "INT", syscall.SIGTERM: "TERM", syscall.SIGHUP: "HUP", syscall.SIGQUIT: "QUIT",
		syscall.SIGUSR1: "USR1", syscall.SIGUSR2: "USR2", syscall.SIGWINCH: "WINCH",
	} {
		if signal.Ignored(s) { // whoever runs this test ignores it, and so does all that it starts
			continue
		}
		if err := g.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		if got := g.line(); got != word {
			t.Errorf("the command got %s, want %s", got, word)
		}
	}
	syscall.Kill(pid, syscall.SIGKILL)
	g.ends(128+9, false)
}

func TestKillingTheGuardKillsTheCommand(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux kills the child with its parent")
	}
	t.Parallel()
	g := guardCommand(t, []string{"sh", "-c", "echo $$; exec sleep 1000"})
	g.pid()
	g.cmd.Process.Kill()
	if _, err := g.out.ReadString('\n'); err != io.EOF { // the command has the other end
		t.Errorf("the command's output goes on: %v", err)
	}
}
