//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// terminal is the one that this process was started from. Only one process group
// at a time can read from it, and gets its control-C.
type terminal struct {
	fd    int // negative if there is none
	given bool
}

func openTerminal() *terminal {
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		fd = -1
	}
	return &terminal{fd: fd}
}

// ours reports whether it is this process's turn to use the terminal.
func (t *terminal) ours() bool {
	owner, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	return t.fd >= 0 && err == nil && owner == unix.Getpgrp()
}

// toBegin returns the descriptor by which a new group gets the terminal at once:
// if its input and output are there and nobody else's turn it is. In a pipeline
// the next program may read from the terminal; a command that wants it then is
// stopped, and gets it.
func (t *terminal) toBegin() int {
	if !isTerminal(0) || !isTerminal(1) || !t.ours() {
		return -1
	}
	t.given = true
	return t.fd
}

// give hands the terminal over if it can be.
func (t *terminal) give(group int) bool {
	if !t.ours() {
		return false
	}
	t.given = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, group) == nil
	return t.given
}

// takeBack ends what toBegin or give began. Whoever does that from the background
// is stopped, unless the signal is ignored. That is over when the signal is
// notified, but not when it is reset: the runtime would keep ignoring it, and the
// next command would inherit that.
func (t *terminal) takeBack() {
	if !t.given {
		return
	}
	t.given = false
	signal.Ignore(syscall.SIGTTOU)
	defer signal.Notify(make(chan os.Signal, 1), syscall.SIGTTOU)
	_ = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, unix.Getpgrp())
}

func isTerminal(fd int) bool {
	_, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	return err == nil
}
