package machines

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// inside tells a process that it has namespaces of its own.
const inside = "LOCKSTEP_MACHINES"

// Inside reports whether this process may make machines.
func Inside() bool { return os.Getenv(inside) != "" }

// Enter runs a command in namespaces of its own, in which it may make machines
// and mount disks without anybody else seeing them. Interrupts are passed on.
// It returns as command.Run does.
func Enter(command *exec.Cmd) error {
	// The command must not outlive us. The system watches the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	Apart(command, 0)
	if err := command.Start(); err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	over := make(chan struct{})
	defer close(over)
	go func() {
		for {
			select {
			case s := <-signals:
				_ = command.Process.Signal(s) // it may have ended just now
			case <-over:
				return
			}
		}
	}()
	return command.Wait()
}

// Apart has a command start in namespaces of its own, and in further ones. Whoever
// starts it keeps the thread: with that the command ends.
func Apart(command *exec.Cmd, further uintptr) {
	command.Env = append(command.Environ(), inside+"=1")
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | further, Pdeathsig: syscall.SIGKILL}
	if uid, gid := os.Getuid(), os.Getgid(); uid != 0 {
		command.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		command.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		command.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}}
	}
}

// Forget lets programs that this one starts or becomes not know that they are inside.
func Forget() { os.Unsetenv(inside) }

// Rerun runs one test of this test program again, inside and with more in its
// environment, and returns what it said, without the lines that tools take for
// results.
func Rerun(test string, env ...string) (said string, err error) {
	var out strings.Builder
	command := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v")
	command.Env = append(os.Environ(), env...)
	command.Stdout, command.Stderr = &out, &out
	err = Enter(command)
	var lines []string
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(strings.TrimSpace(line), "--- ") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, ""), err
}

// Refused reports whether Enter failed because this user or system does not allow
// it.
func Refused(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSPC)
}

// apart keeps what is mounted here from everybody else.
func apart() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts private: %w", err)
	}
	return nil
}
