package main

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"lockstep/actors"
	"lockstep/cmd/internal/cli"
)

// TestWhyANodeGaveUp: a disk that fails is told from everything else by what it is,
// and not by how it is called.
func TestWhyANodeGaveUp(t *testing.T) {
	disk := &actors.DiskError{Err: fmt.Errorf("no line that anybody has seen yet: %w", syscall.EIO)}
	for _, test := range []struct {
		cause error
		code  int
	}{
		{disk, cli.CantCreate},
		{fmt.Errorf("at the end: %w", disk), cli.CantCreate},
		{errors.New("the log in /var/lib/lockstep belongs to another cluster"), cli.Config},
		{errors.New("the cluster refuses this node"), cli.Config},
	} {
		if code := givenUp(test.cause); code != test.code {
			t.Errorf("%v: exit code %d, not %d", test.cause, code, test.code)
		}
	}
	if !errors.Is(disk, syscall.EIO) {
		t.Error("what the system has said is lost")
	}
}
