//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// apart keeps an interrupt that was typed for this program from its children:
// the nodes must live until the last caller has finished.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
