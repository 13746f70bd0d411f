package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockstep/tests/pty"
)

// typist sits at a terminal on which an interactive shell runs.
type typist struct {
	t      *testing.T
	screen *os.File
	seen   *bufio.Reader
}

func sitDown(t *testing.T) *typist {
	t.Helper()
	person, device, err := pty.Open()
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	shell := exec.Command("sh", "-i")
	shell.Stdin, shell.Stdout, shell.Stderr = device, device, device
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	shell.Env = append(os.Environ(), "LOCKC_TEST_TTL=1m", "GUARD="+os.Args[0], "ENV=", "PS1=$ ")
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	device.Close()
	t.Cleanup(func() {
		shell.Process.Kill()
		shell.Wait()
		person.Close()
	})
	return &typist{t, person, bufio.NewReader(person)}
}

func (y *typist) types(keys string) {
	y.t.Helper()
	if _, err := y.screen.WriteString(keys); err != nil {
		y.t.Fatal(err)
	}
}

// sees reads until the word is there. What is typed is seen too, so that words
// are typed in another form than they appear.
func (y *typist) sees(word string) {
	y.t.Helper()
	var all strings.Builder
	dog := time.AfterFunc(watchdog, func() { panic(fmt.Sprintf("waited in vain for %q", word)) })
	defer dog.Stop()
	for !strings.Contains(all.String(), word) {
		b, err := y.seen.ReadByte()
		if err != nil {
			y.t.Fatalf("%v after %q", err, all.String())
		}
		all.WriteByte(b)
	}
}

const (
	controlC = "\x03"
	controlZ = "\x1a"
)

func TestACommandMayUseTheTerminal(t *testing.T) {
	t.Parallel()
	y := sitDown(t)
	y.types(`"$GUARD" sh -c 'echo rea""dy; read line; echo got-"$line"' 3</dev/null` + "\n")
	y.sees("ready")
	y.types("something\n")
	y.sees("got-something")
	y.sees("lost=false")
	y.types("echo shell-\"\"again\n") // the terminal is the shell's again
	y.sees("shell-again")
}

func TestControlCIsForTheCommand(t *testing.T) {
	t.Parallel()
	y := sitDown(t)
	y.types(`"$GUARD" sh -c 'trap "echo int""errupted; exit 9" INT; echo rea""dy; while :; do sleep 0.01; done' 3</dev/null; echo code-$?` + "\n")
	y.sees("ready")
	y.types(controlC)
	y.sees("interrupted")
	y.sees("code-9")
}

func TestControlZStopsBothUntilTheShellLetsThemGoOn(t *testing.T) {
	t.Parallel()
	y := sitDown(t)
	y.types(`"$GUARD" sh -c 'echo rea""dy; read line; echo got-"$line"; read line; echo got-"$line"' 3</dev/null` + "\n")
	y.sees("ready")
	y.types("first\n")
	y.sees("got-first")
	y.types(controlZ)
	y.sees("it is lost in 1m0s")
	y.sees("Stopped")
	y.types("echo shell-\"\"again\n")
	y.sees("shell-again")
	y.types("fg\n")
	y.types("more\n")
	y.sees("got-more")
	y.sees("lost=false")
}

func TestACommandThatWantsTheTerminalLaterGetsIt(t *testing.T) {
	t.Parallel()
	y := sitDown(t)
	// Its output goes into a pipeline, and so the terminal was not its own.
	y.types(`"$GUARD" sh -c 'echo rea""dy >&2; read line; echo got-"$line"' 3</dev/null | cat` + "\n")
	y.sees("ready")
	y.types("something\n")
	y.sees("got-something")
}
