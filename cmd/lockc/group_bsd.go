//go:build unix && !linux

package main

import "syscall"

// Only Linux has these: elsewhere a command outlives lockc if that is killed, and
// who leaves the group cannot be found.

func dieTogether(*syscall.SysProcAttr) {}

func adoptOrphans() {}

func (g *group) strays() []int { return nil }
