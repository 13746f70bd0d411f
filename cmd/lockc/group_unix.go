//go:build unix

package main

import (
	"os"
	"runtime"
	"syscall"
)

// group is a command with all that it has started, as long as that stays in the
// process group: who leaves it, with setsid or a shell's job control, is not
// signalled with it. On Linux those are found nevertheless when the lock is lost.
type group struct {
	id      int
	ended   chan struct{}       // closed when the command itself has ended
	status  syscall.WaitStatus  // of the command, from then on
	stopped chan syscall.Signal // what has stopped the command, each time
}

// startGroup starts a command in a group of its own, with the standard files of
// this process. If tty is not negative, the group gets that terminal.
func startGroup(path string, argv, env []string, tty int) (*group, error) {
	g := &group{ended: make(chan struct{}), stopped: make(chan syscall.Signal, 1)}
	started := make(chan error)
	go g.look(started, func() (*os.Process, error) {
		return os.StartProcess(path, argv, &os.ProcAttr{
			Env: env, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: groupAttributes(tty),
		})
	})
	return g, <-started
}

func groupAttributes(tty int) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if tty >= 0 {
		attributes.Foreground, attributes.Ctty = true, tty
	}
	dieTogether(attributes)
	return attributes
}

// look starts the command and buries the children of this process until there
// are none left. It keeps its thread: on Linux a child dies with the thread that
// made it.
func (g *group) look(started chan<- error, start func() (*os.Process, error)) {
	runtime.LockOSThread()
	adoptOrphans()
	process, err := start()
	if err != nil {
		started <- err
		return
	}
	g.id = process.Pid
	started <- nil
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WUNTRACED, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return
		case pid == g.id:
			g.note(status)
		}
	}
}

func (g *group) note(status syscall.WaitStatus) {
	if !status.Stopped() {
		g.status = status
		close(g.ended)
		return
	}
	select {
	case g.stopped <- status.StopSignal():
	default: // the last one was not looked at yet
	}
}

// signal sends to the whole group. Once the command has ended, its number could
// be given to another group only after all others have been used up.
func (g *group) signal(s syscall.Signal) { _ = syscall.Kill(-g.id, s) }

// terminate asks the group to end, also if it stands still.
func (g *group) terminate() {
	g.signal(syscall.SIGTERM)
	g.signal(syscall.SIGCONT)
}

// gone reports whether nobody is left in the group.
func (g *group) gone() bool { return syscall.Kill(-g.id, 0) == syscall.ESRCH }

// over reports whether the command itself has ended.
func (g *group) over() bool {
	select {
	case <-g.ended:
		return true
	default:
		return false
	}
}

// code is the command's exit code as a shell has it.
func (g *group) code() int {
	if g.status.Signaled() {
		return signalled + int(g.status.Signal())
	}
	return g.status.ExitStatus()
}
