//go:build unix

package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep"
	"lockstep/locktest"
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

func TestWhoHasLostALockDoesNotLinger(t *testing.T) {
	for _, test := range []struct {
		lost bool
		most time.Duration
		want string
	}{
		{true, 2 * parting, ""},
		{false, giving + parting, "lockc: the nodes could not be told that \"x\" is free: they find out within 10s\n"},
	} {
		synctest.Test(t, func(t *testing.T) {
			pair := locktest.StartPair(t)
			p, said := typing(nil)
			p.client, p.timeout, p.ttl = pair.Client(), time.Minute, 10*time.Second
			c := &campaign{program: p, names: []string{"x"}}
			lease, err := p.client.TryAcquire(t.Context(), "x")
			if err != nil {
				t.Fatal(err)
			}
			var took time.Duration
			time.AfterFunc(time.Millisecond, func() { // the nodes stand still by then
				began := time.Now()
				c.giveBack(lease, test.lost)
				p.close()
				took = time.Since(began)
			})
			pair.PauseBoth(5 * time.Second)
			synctest.Wait()
			if took == 0 || took > test.most || said.String() != test.want {
				t.Errorf("lost: %t: took %v, said %q", test.lost, took, said)
			}
		})
	}
}
