//go:build unix

package main

import (
	"fmt"
	"syscall"
)

// checkPID refuses what cannot be a node's process, before anything is done.
func checkPID(pid int) error {
	if pid <= 1 {
		return fmt.Errorf("that is no process of a node")
	}
	if err := syscall.Kill(pid, 0); err != nil {
		return fmt.Errorf("that process cannot be reached: %w", err)
	}
	return nil
}

func stopPID(pid int) error { return syscall.Kill(pid, syscall.SIGSTOP) }

func resumePID(pid int) error { return syscall.Kill(pid, syscall.SIGCONT) }

func killPID(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }
