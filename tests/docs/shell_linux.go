package docs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"lockstep/tests/machines"
)

// machineName is what the machine of every scene is called.
const machineName = "web1"

// staged tells this program that it is to become the shell of a scene.
const staged = "LOCKSTEP_DOCS_STAGED"

// Shell is a shell on a machine of its own.
type Shell struct {
	command  *exec.Cmd
	commands *os.File
	codes    *bufio.Reader
	said     string // the directory for what each command prints
	count    int
	ended    chan struct{}
}

// ErrRefused says that this system lets nobody have machines.
var ErrRefused = errors.New("no machines here: it takes root, or user namespaces")

// driver runs each command where the ones before have run, with a file of its own
// for what it prints, for as long as it prints. $? is what the one before left.
const driver = `
set -m
left() { return "$1"; }
code=0
echo ready >&4
while IFS= read -r -d '' said <&3 && IFS= read -r -d '' typed <&3; do
	left $code
	eval "$typed" >"$said" 2>&1 </dev/null 3<&- 4>&-
	code=$?
	echo $code >&4
done
`

// OpenShell starts a shell in a directory. What it keeps for itself is in private.
func OpenShell(dir, private string, environment []string) (*Shell, error) {
	s := &Shell{said: filepath.Join(private, "said"), ended: make(chan struct{})}
	if err := os.MkdirAll(s.said, 0o700); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	theirCommands, ourCommands, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirCommands.Close()
	ourCodes, theirCodes, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, ourCommands.Close())
	}
	defer theirCodes.Close()
	s.commands, s.codes = ourCommands, bufio.NewReader(ourCodes)

	s.command = exec.Command(self)
	s.command.Dir = dir
	s.command.Env = append(environment, staged+"=1")
	s.command.ExtraFiles = []*os.File{theirCommands, theirCodes} // 3 and 4
	machines.Apart(s.command, unix.CLONE_NEWPID|unix.CLONE_NEWUTS)
	started := make(chan error)
	go func() {
		// The shell must not outlive us. The system watches the thread that started it.
		runtime.LockOSThread()
		defer close(s.ended)
		err := s.command.Start()
		started <- err
		if err == nil {
			_ = s.command.Wait() // it is killed
		}
		ourCodes.Close()
	}()
	if err := <-started; err != nil {
		ourCommands.Close()
		if machines.Refused(err) {
			err = fmt.Errorf("%w: %w", ErrRefused, err)
		}
		return nil, err
	}
	if first, err := s.codes.ReadString('\n'); err != nil || first != "ready\n" {
		s.Close()
		return nil, fmt.Errorf("%w: %s", ErrRefused, strings.TrimSpace(first))
	}
	return s, nil
}

// Stage makes this process the shell of a scene if it was started for that. A test
// program calls it first.
func Stage() {
	if os.Getenv(staged) == "" {
		return
	}
	if err := stage(); err != nil {
		fmt.Fprintln(os.NewFile(4, "codes"), err)
		os.Exit(1)
	}
}

func stage() error {
	if _, err := machines.New(); err != nil {
		return err
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("a view of the processes: %w", err)
	}
	if err := unix.Sethostname([]byte(machineName)); err != nil {
		return fmt.Errorf("a name for the machine: %w", err)
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		return err
	}
	// A scene is short, and nodes that a busy machine makes late elect somebody else
	// than a page says. Who may not do this does without.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, -10)
	os.Unsetenv(staged)
	machines.Forget()
	return unix.Exec(bash, []string{"bash", "--norc", "--noprofile", "-c", driver}, os.Environ())
}

// Type types a command and waits until the shell has done with it. What it has
// printed is in Said, by the number that is returned.
func (s *Shell) Type(ctx context.Context, command string) (number, code int, err error) {
	s.count++
	// A shell that stands still is ended, which ends the wait.
	stop := context.AfterFunc(ctx, func() { _ = s.command.Process.Kill() })
	defer stop()
	if _, err := io.WriteString(s.commands, s.file(s.count)+"\x00"+command+"\x00"); err != nil {
		return s.count, 0, s.gone(ctx, err)
	}
	line, err := s.codes.ReadString('\n')
	if err != nil {
		return s.count, 0, s.gone(ctx, err)
	}
	code, err = strconv.Atoi(strings.TrimSpace(line))
	return s.count, code, err
}

func (s *Shell) gone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("the shell is gone: %w", err)
}

// obituary is what the shell says, sooner or later, of what has ended or stands
// still: perhaps in the middle of a line of somebody else.
var obituary = regexp.MustCompile(
	`(?m)(?:^\n)?(?:^bash: line \d+: +\d+ [A-Z][a-z]+ |\[\d+\][+-]?  +(?:Done|Exit|Killed|Terminated|Interrupt|Hangup|Stopped) ).*\n`)

// Said returns what a command has printed up to now.
func (s *Shell) Said(number int) string {
	text, err := os.ReadFile(s.file(number))
	if err != nil {
		return "" // it was not begun
	}
	return obituary.ReplaceAllString(string(text), "")
}

func (s *Shell) file(number int) string { return filepath.Join(s.said, strconv.Itoa(number)) }

// Close ends all that runs on the machine.
func (s *Shell) Close() {
	_ = s.command.Process.Kill() // with the first process all of them go
	<-s.ended
	s.commands.Close()
}
