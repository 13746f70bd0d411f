package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"lockstep"
)

// typing returns lockc with an environment, and what it says.
func typing(environment map[string]string) (*program, *bytes.Buffer) {
	p := newProgram()
	said := new(bytes.Buffer)
	p.Stdout, p.Stderr = said, said
	p.Getenv = func(name string) string { return environment[name] }
	return p, said
}

// noting replaces what run does.
func noting(p *program) {
	for i := range p.Commands {
		p.Commands[i].Run = func([]string) error { return p.checkLease() }
	}
}

func TestFlagsOfRun(t *testing.T) {
	p, said := typing(map[string]string{"LOCKC_TTL": "20s", "LOCKC_INFO": "team=db"})
	noting(p)
	if code := p.Main(strings.Fields("run --permits 2/3 -w 30s --and b --and c/d --grace 1s --on-unavailable hold --max-hold 1h --lock-delay 15s --deadlock report -q -E 0 a -- cmd -n -s")); code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	if p.ttl != 20*time.Second || p.permits != (permits{2, 3}) || p.wait != 30*time.Second || strings.Join(p.and, " ") != "b c/d" ||
		p.grace != time.Second || !p.hold || p.maxHold != time.Hour || p.lockDelay != 15*time.Second || !p.allowDeadlock || !p.quiet ||
		p.busyCode != 0 || p.noWait || p.shared || p.info["team"] != "db" {
		t.Errorf("understood %+v", p.leaseSettings)
	}
	p, said = typing(nil)
	noting(p)
	if code := p.Main(strings.Fields("run --info a=1 --info b=2=3 --info c= x -- cmd")); code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	if p.ttl != 10*time.Second || p.wait != 0 || p.busyCode != 75 || p.hold || len(p.info) != 3 || p.info["b"] != "2=3" {
		t.Errorf("understood %+v", p.leaseSettings)
	}
}

func TestMistakesOfRunNameTheWayOut(t *testing.T) {
	for line, want := range map[string]string{
		"run x":                                "say what to run: the form is lockc run NAME -- COMMAND [ARG...]",
		"run -- sleep 60":                      "NAME is missing",
		"run x sleep 60":                       `"sleep" is one too many: the form is lockc run NAME -- COMMAND [ARG...]`,
		"run -n -w 3s x -- true":               "-n and -w exclude each other",
		"run -s --permits 1/2 x -- true":       "-s and --permits exclude each other",
		"run --permits 3/2 x -- true":          "-permits 3/2: want N/M, N of M permits, with M up to 1048576, such as 1/3",
		"run --permits 2 x -- true":            "want N/M",
		"run -w 0 x -- true":                   "-wait 0: want a time span from 1ms to 720h0m0s, such as 30s",
		"run -w soon x -- true":                "want a time span",
		"run --ttl 500ms x -- true":            "-ttl 500ms: want a time span from 1s to 1h0m0s, such as 10s",
		"run --max-hold 10ms x -- true":        "-max-hold 10ms: want a time span from 1s to 720h0m0s, such as 1h",
		"run -E 256 x -- true":                 "want a number from 0 to 255",
		"run -E -1 x -- true":                  "want at least 0",
		"run --info nonsense x -- true":        "want KEY=VALUE",
		"run --on-unavailable maybe x -- true": "want one of kill, hold",
		"run --deadlock maybe x -- true":       "want one of refuse, report",
		"run --and \xff x -- true":             "-and",
		"elect -n x -- true":                   "lockc elect has no flag -no-wait",
		"elect x":                              "say what to run: the form is lockc elect NAME -- COMMAND [ARG...]",
		"release x":                            "say so with --force",
		"release --force x":                    "say why with --reason",
		"show":                                 "NAME is missing",
		"explain a b":                          `"b" is one too many`,
		"ls a b":                               `"b" is one too many: the form is lockc ls [PREFIX]`,
		"sessions x":                           `"x" is one too many`,
		"watch":                                "PREFIX is missing",
		"ls --queues":                          `no flag "--queues"`,
		"show --waiters x":                     "lockc show has no flag -waiters",
		"run \xff -- true":                     `"\xff" is no name of a lock`,
		"show \xff":                            `"\xff" is no name of a lock`,
		"run --and a a -- true":                `"a" is named twice`,
		"elect --and a --and a b -- true":      `"a" is named twice`,
		"run --info a=" + strings.Repeat("x", 4096) + " b -- true": "more than the 4096 that can be shown",
		"run" + strings.Repeat(" --and x", 64) + " y -- true":      "65 locks are more than the 64",
		"release --force x --reason " + strings.Repeat("x", 257):   "-reason",
		"ls " + strings.Repeat("x", 257):                           "no name of a lock begins with",
		"watch \xff":                                               "no name of a lock begins with",
		"run -n x -- true -nodes 127.0.0.1:7101 ":                  "", // the flag is the command's
	} {
		p, said := typing(nil)
		if want == "" {
			noting(p)
		}
		code := p.Main(strings.Fields(line))
		if want == "" && code == 0 {
			continue
		}
		if code != 64 || !strings.Contains(said.String(), want) || strings.Count(said.String(), "\n") != 1 {
			t.Errorf("lockc %s: exit code %d, said %q, want %q", line, code, said, want)
		}
	}
}

func TestEveryCommandHasHelpWithExamplesThatWork(t *testing.T) {
	p, _ := typing(nil)
	for _, c := range p.Commands {
		if c.About == "" {
			continue // shells type it
		}
		p, said := typing(nil)
		if summary, rest, _ := strings.Cut(c.About, "\n"); len(summary) > 100 || rest != "" && rest[0] != '\n' {
			t.Errorf("lockc %s: the summary is no line of its own: %s", c.Verb, summary)
		}
		if code := p.Main(append(strings.Fields(c.Verb), "--help")); code != 0 || !strings.Contains(said.String(), "Examples:\n  lockc "+c.Verb) {
			t.Errorf("lockc %s --help: exit code %d:\n%s", c.Verb, code, said)
		}
		for _, example := range c.Examples {
			tryExample(t, example)
		}
	}
}

// tryExample parses an example as a shell would, as far as that is needed.
func tryExample(t *testing.T, example string) {
	t.Helper()
	line, _, _ := strings.Cut(example, " #")
	line, _, _ = strings.Cut(line, " | ")
	line, _, _ = strings.Cut(line, " && ")
	var args []string
	for i, part := range strings.Split(strings.ReplaceAll(line, "''", `""`), `"`) {
		if i%2 == 1 {
			args = append(args, part)
		} else {
			args = append(args, strings.Fields(part)...)
		}
	}
	p, said := typing(nil)
	noting(p)
	if code := p.Main(args[1:]); code != 0 {
		t.Errorf("%s: exit code %d: %s", example, code, said)
	}
}

func TestARunInARunNamesTheLockAround(t *testing.T) {
	for _, test := range []struct {
		name, token string
		want        lockstep.Holding
		refused     bool
	}{
		{"", "", lockstep.Holding{}, false},
		{"outer", "1099511627777", lockstep.Holding{Name: "outer", Token: 1<<40 | 1}, false},
		{"outer", "", lockstep.Holding{}, true},
		{"", "7", lockstep.Holding{}, true},
		{"outer", "seven", lockstep.Holding{}, true},
	} {
		p, _ := typing(map[string]string{lockName: test.name, lockToken: test.token})
		if got, err := p.under(); got != test.want || (err != nil) != test.refused {
			t.Errorf("%q %q: got %+v, %v", test.name, test.token, got, err)
		}
	}
}
