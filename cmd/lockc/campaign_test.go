//go:build unix

package main

import (
	"strings"
	"testing"

	"lockstep"
)

func TestOthersSeeWhatRuns(t *testing.T) {
	for line, want := range map[string]string{
		"run x -- make deploy":                      "make deploy",
		"run --info command=secret x -- make -p 12": "secret",
		"elect x -- ./scheduler":                    "./scheduler",
		"run x -- echo " + strings.Repeat("é", 300): "echo " + strings.Repeat("é", 194) + "…",
		"ls":           "lockc ls",
		"-l a:1 b:2 x": "lockc -l",
	} {
		p, said := typing(nil)
		for i := range p.Commands {
			p.Commands[i].Run = func(words []string) error {
				if p.Commands[i].Rest == "" {
					return nil
				}
				_, err := p.newCampaign(words[0], words[1:])
				return err
			}
		}
		if code := p.Main(strings.Fields(line)); code != 0 {
			t.Errorf("lockc %s: exit code %d: %s", line, code, said)
		}
		if got := p.presence()["command"]; got != want {
			t.Errorf("lockc %s: others see %q, want %q", line, got, want)
		}
	}
}

func TestADeadlockWithItselfIsExplained(t *testing.T) {
	const itself, around = `session 1 waits for "a", behind session 1`, "held by the lockc run that this one runs under"
	if got := deadlockText(&lockstep.DeadlockError{Cycle: itself}); !strings.HasPrefix(got, itself) || !strings.Contains(got, around) {
		t.Errorf("said %q", got)
	}
	const two = `session 1 waits for "a", behind session 2, who waits for "b", behind session 1`
	if got := deadlockText(&lockstep.DeadlockError{Cycle: two}); got != two {
		t.Errorf("said %q, want %q", got, two)
	}
}
