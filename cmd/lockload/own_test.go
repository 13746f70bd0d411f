package main

import (
	"strings"
	"testing"

	"lockstep/cmd/internal/cli"
)

// TestLockloadHasWhatTheOthersHave: a version, a page of the manual, and completion,
// which knows that "run" need not be typed.
func TestLockloadHasWhatTheOthersHave(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"version"}, "lockload "},
		{[]string{"man"}, ".TH LOCKLOAD 1 "},
		{[]string{"completion", "bash"}, "lockload complete -- "},
		{[]string{"complete", "--", "lockload hand"}, "handoff\t"},
		{[]string{"complete", "--", "lockload -goro"}, "-goroutines\t"},
		{[]string{"complete", "--", "lockload -clients 7 --fl"}, "--floor\t"},
		{[]string{"complete", "--", "lockload -locks l"}, "leases\n"},
		{[]string{"complete", "--", "lockload idle -sess"}, "-sessions\t"},
	} {
		if said, wrong, code := lockload(test.args...); code != cli.OK || wrong != "" || !strings.Contains(said, test.want) {
			t.Errorf("lockload %q: exit code %d, printed %.300s, said %s", test.args, code, said, wrong)
		}
	}
	if said, _, _ := lockload("complete", "--", "lockload idle -goro"); said != "" {
		t.Errorf("a flag of another command: %s", said)
	}
}
