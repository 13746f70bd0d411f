//go:build !lockfaults

package main

import (
	"bytes"
	"strings"
	"testing"

	"lockstep/cmd/internal/cli"
)

// TestProductionBuildRefusesFaults: nothing that people rely on can be made to
// die by a flag or a variable that was left behind.
func TestProductionBuildRefusesFaults(t *testing.T) {
	for _, test := range []struct {
		args     []string
		variable string
	}{
		{args: []string{"-p", "127.0.0.1:1", "127.0.0.1:2", "-fault", "before-reply"}},
		{args: []string{"-b", "127.0.0.1:1", "127.0.0.1:2"}, variable: "before-ack"},
	} {
		var said bytes.Buffer
		p := newProgram()
		p.Stderr = &said
		p.Getenv = func(name string) string {
			if name == "LOCKD_FAULT" {
				return test.variable
			}
			return ""
		}
		if code := p.Main(test.args); code != cli.Usage || !strings.Contains(said.String(), "build one with -tags lockfaults") {
			t.Errorf("%v: exit code %d, said %q", test, code, &said)
		}
	}
	var printed bytes.Buffer
	p := newProgram()
	p.Stdout = &printed
	if p.Main([]string{"-p", "--help"}); strings.Contains(printed.String(), "-fault") {
		t.Error("the help of a production build must not mention faults")
	}
}
