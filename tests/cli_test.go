package tests

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestCommandLine runs lockd and lockc as people do. Each script under
// testdata/cli is a session in a folder of its own, with free addresses $P and
// $B for a pair, and $C, $D and $E besides. Its commands, apart from testscript's:
//
//	exits CODE PROGRAM ARGS...    run a program that must end with this exit code
//	refused CODE PROGRAM ARGS...  the same, and it must have said why in one line
//	within TIME PROGRAM ARGS...   run a program that must succeed in this time
//	await REGEXP PROGRAM ARGS...  run a program until it prints this
//	paired                        wait until lockc status shows $P and $B paired
//	safe                          wait until lockc status has nothing to warn of
//	signal NAME INDEX             send a signal to a background process, the oldest being 0
func TestCommandLine(t *testing.T) {
	binaries(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "cli"),
		Deadline:            time.Now().Add(3 * time.Minute), // what hangs is killed, with its stacks
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup:               func(env *testscript.Env) error { return setUpScript(t, env) },
		Condition:           scriptCondition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "refused": refused, "within": within,
			"await": await, "paired": paired, "safe": safe, "signal": sendSignal,
		},
	})
}

func setUpScript(t *testing.T, env *testscript.Env) error {
	env.Setenv("PATH", binaries(t)+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
	for _, name := range []string{"P", "B", "C", "D", "E"} {
		env.Setenv(name, freeAddress(t))
	}
	// Names that cannot be typed into a script.
	env.Setenv("LONG", strings.Repeat("x", 257))
	env.Setenv("CONTROL", "a\nb")
	env.Setenv("BINARY", "\xff")
	return nil
}

// scriptCondition knows [default-ports], those of lockd trio are free, and
// [mounts], a script may have disks of its own.
func scriptCondition(name string) (bool, error) {
	switch name {
	case "default-ports":
		return defaultPortsAreFree()
	case "mounts":
		return exec.Command("unshare", "-rm", "sh", "-c", "mount -t tmpfs none /tmp").Run() == nil, nil
	default:
		return false, fmt.Errorf("no condition %q", name)
	}
}

func defaultPortsAreFree() (bool, error) {
	for _, address := range []string{"127.0.0.1:7101", "127.0.0.1:7102", "127.0.0.1:7103"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return false, nil
		}
		l.Close()
	}
	return true, nil
}

// No command that ends by itself takes longer: the default time-out of lockc is
// 5 s, and closing takes 2.
const scriptPatience = 20 * time.Second

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	began := time.Now()
	err := ts.Exec(args[1], args[2:]...)
	if took := time.Since(began); took > scriptPatience {
		ts.Fatalf("%s took %v", args[1], took)
	}
	code := 0
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		code = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if want, err := strconv.Atoi(args[0]); err != nil || code != want {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// refused also wants one line for people, among lines of the log at most, and
// never a stack trace.
func refused(ts *testscript.TestScript, neg bool, args []string) {
	exits(ts, neg, args)
	said := ts.ReadFile("stderr")
	lines := regexp.MustCompile(`(?m)^`+args[1]+`: .+$`).FindAllString(said, -1)
	if len(lines) != 1 || strings.Contains(said, "goroutine ") {
		ts.Fatalf("want one line that begins with %q, got:\n%s", args[1]+": ", said)
	}
}

func within(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: within TIME PROGRAM ARGS...")
	}
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	began := time.Now()
	ts.Check(ts.Exec(args[1], args[2:]...))
	if took := time.Since(began); took > limit {
		ts.Fatalf("took %v, more than %v", took, limit)
	}
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await REGEXP PROGRAM ARGS...")
	}
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	deadline := time.Now().Add(scriptPatience)
	for {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("after %v there is no match of %q in:\n%s", scriptPatience, want, ts.ReadFile("stdout"))
		}
		time.Sleep(20 * time.Millisecond) // between two polls
	}
}

func paired(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: paired")
	}
	nodes := ts.Getenv("P") + "," + ts.Getenv("B")
	await(ts, false, []string{`"paired":true.*"paired":true`, "lockc", "status", "-json", "-nodes", nodes})
}

func safe(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: safe")
	}
	await(ts, false, []string{`"warnings":\[\]`, "lockc", "status", "-json"})
}

var signals = map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT}

func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || signals[args[0]] == 0 {
		ts.Fatalf("usage: signal INT|TERM|HUP|STOP|CONT INDEX")
	}
	index, err := strconv.Atoi(args[1])
	ts.Check(err)
	running := ts.BackgroundCmds()
	if index >= len(running) {
		ts.Fatalf("only %d processes run in the background", len(running))
	}
	ts.Check(running[index].Process.Signal(signals[args[0]]))
}

func TestControlCWhileAskingSaysUnknown(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), scriptPatience)
	defer cancel()
	silent, err := net.Listen("tcp", freeAddress(t)) // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	var said strings.Builder
	lockc := exec.CommandContext(ctx, binary(t, "lockc"), "lock", "-nodes", silent.Addr().String(), "-timeout", "1m", "demo")
	lockc.Stderr = &said
	if err := lockc.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := silent.Accept(); err != nil { // it has begun to ask
		t.Fatal(err)
	}
	if err := lockc.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = lockc.Wait() // the exit code tells
	const want = "lockc: interrupted before an answer came: whether \"demo\" was taken is unknown\n"
	if code := lockc.ProcessState.ExitCode(); code != 130 || said.String() != want {
		t.Errorf("exit code %d, said %q", code, said.String())
	}
}
