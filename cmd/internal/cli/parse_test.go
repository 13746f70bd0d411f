package cli

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// toy is a small program with every kind of flag and command.
type toy struct {
	*Program
	ran            string // what ran, with its names
	wait           time.Duration
	nodes          []string
	loud           bool
	size           int
	colour         string
	extras         []string
	stdout, stderr bytes.Buffer
}

func newToy(environment ...string) *toy {
	p := &toy{Program: New("toy", "is a toy.")}
	p.Getenv = func(name string) string {
		for _, e := range environment {
			if value, ok := strings.CutPrefix(e, name+"="); ok {
				return value
			}
		}
		return ""
	}
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	Duration(p.Flags, &p.wait, "wait-for", "1s", "the `time` to wait", time.Millisecond, time.Minute)
	Nodes(p.Flags, &p.nodes, "nodes", "a:1,b:2", "the nodes `A,B`")
	Bool(p.Flags, &p.loud, "loud", "be loud")
	Int(p.Flags, &p.size, "size", "8", "the `number` of pieces", 6, 10, "fewer are not worth it")
	Choice(p.Flags, &p.colour, "colour", "red", "`which` colour", []string{"red", "blue"}, []string{"RED", "BLUE"})
	List(p.Flags, &p.extras, "extra", "one more `thing`", func(s string) (string, error) {
		if s == "" {
			return "", errors.New("want something")
		}
		return s, nil
	})
	p.Short = map[string]string{"w": "wait-for", "q": "loud"}
	command := func(verb string, flags, names []string, optional bool) Command {
		return Command{
			Verb: verb, Names: names, Optional: optional, Flags: flags,
			About: verb + " something\n\nAt length.", Examples: []string{"toy " + verb},
			Run: func(names []string) error {
				p.ran = fmt.Sprintf("%s %q", verb, names)
				return nil
			},
		}
	}
	all := []string{"wait-for", "nodes", "loud", "size", "colour"}
	wrap := command("wrap", append([]string{"extra"}, all...), []string{"NAME"}, false)
	wrap.Rest, wrap.Codes = "COMMAND [ARG...]", []Code{{OK, "it ran"}}
	own := command("hoot", all, nil, false)
	own.Own = map[string]string{"loud": "be an owl", "wait-for": "until `when`"}
	p.Commands = []Command{
		command("take", all, []string{"NAME"}, false),
		command("show", []string{"loud"}, nil, false),
		command("both", nil, []string{"A", "B"}, true),
		wrap,
		own,
		command("box open", []string{"loud"}, []string{"NAME"}, false),
		command("box shut", []string{"loud"}, nil, false),
		command("-l", all, []string{"A", "NAME"}, false),
		command("-u", all, []string{"A", "NAME"}, false),
	}
	p.Codes = []Code{{OK, "fine"}, {Usage, "not fine"}}
	return p
}

func TestCommandsAndFlagsInAnyOrder(t *testing.T) {
	for _, test := range []struct {
		line string
		want string
	}{
		{"take x", `take ["x"] 1s false`},
		{"take x -loud", `take ["x"] 1s true`},
		{"take -loud x", `take ["x"] 1s true`},
		{"-loud take x", `take ["x"] 1s true`},
		{"take --loud=false x", `take ["x"] 1s false`},
		{"take -wait-for 2s x", `take ["x"] 2s false`},
		{"take --wait-for=2s x --loud", `take ["x"] 2s true`},
		{"take x -wait-for 2s -wait-for 3s", `take ["x"] 3s false`},
		{"take -- -loud", `take ["-loud"] 1s false`},
		{"take -loud -- --", `take ["--"] 1s true`},
		{"take -", `take ["-"] 1s false`},
		{"take take", `take ["take"] 1s false`},
		{"show", `show [] 1s false`},
		{"both", `both [] 1s false`},
		{"both a b", `both ["a" "b"] 1s false`},
		{"-l a x", `-l ["a" "x"] 1s false`},
		{"a --l x", `-l ["a" "x"] 1s false`},
		{"a x -l -loud", `-l ["a" "x"] 1s true`},
		{"-l=false take x", `take ["x"] 1s false`},
		{"-u a take", `-u ["a" "take"] 1s false`},
		{"take x -w 2s -q", `take ["x"] 2s true`},
		{"wrap -w=2s x -- run -w 5s", `wrap ["x" "run" "-w" "5s"] 2s false`},
		{"wrap x -q -- run", `wrap ["x" "run"] 1s true`},
		{"wrap x -- -- run", `wrap ["x" "--" "run"] 1s false`},
		{"wrap -- -x -- run", `wrap ["-x" "run"] 1s false`},
		{"wrap -- -x -- run -- y", `wrap ["-x" "run" "--" "y"] 1s false`},
		{"-- wrap x -- run", `wrap ["x" "run"] 1s false`},
		{"box open x", `box open ["x"] 1s false`},
		{"box -loud open x", `box open ["x"] 1s true`},
		{"box shut", `box shut [] 1s false`},
	} {
		p := newToy()
		if code := p.Main(strings.Fields(test.line)); code != OK {
			t.Errorf("toy %s: exit code %d: %s", test.line, code, &p.stderr)
			continue
		}
		if got := fmt.Sprintf("%s %v %v", p.ran, p.wait, p.loud); got != test.want {
			t.Errorf("toy %s: got %s, want %s", test.line, got, test.want)
		}
	}
}

func TestMistakesNameTheThingAndTheWayOut(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"", "say what to do: take, show, both, wrap, hoot, box open, box shut, -l, -u"},
		{"tak x", `no command "tak": it is one of take`},
		{"box", "say which: box open, box shut; toy box --help shows them"},
		{"box up", "say which: box open, box shut"},
		{"box open", "NAME is missing: the form is toy box open NAME"},
		{"box shut x", `"x" is one too many: the form is toy box shut`},
		{"bo open", `no command "bo"`},
		{"take", "NAME is missing: the form is toy take NAME"},
		{"-l a", "NAME is missing: the form is toy -l A NAME"},
		{"both a", "B is missing: the form is toy both [A B]"},
		{"take a b", `"b" is one too many: the form is toy take NAME`},
		{"show a", `"a" is one too many: the form is toy show`},
		{"-l -u a x", "-l and -u exclude each other"},
		{"-l=5 a x", `flag -l takes no value, got "5"`},
		{"take -lout x", `no flag "-lout": toy --help shows`},
		{"take ---loud x", `no flag "---loud"`},
		{"take -=3 x", `no flag "-=3"`},
		{"take x -wait-for", "flag -wait-for needs a value: -wait-for time"},
		{"take x -wait-for 3", "-wait-for 3: want a time span from 1ms to 1m0s, such as 1s"},
		{"take x -wait-for 3h", "want a time span from 1ms to 1m0s"},
		{"take x -loud=maybe", "-loud maybe: want true or false"},
		{"take x -size 5", "-size 5: want at least 6: fewer are not worth it"},
		{"take x -size 11", "want a number from 6 to 10"},
		{"take x -size six", "want a number from 6 to 10"},
		{"take x -colour green", "want one of red, blue"},
		{"take x -nodes a:1,a:1", "a:1 is named twice"},
		{"take x -nodes a", `"a" is no address of a node: the port is missing`},
		{"wrap", "NAME is missing: the form is toy wrap NAME -- COMMAND [ARG...]"},
		{"wrap -- run fast", "NAME is missing: the form is toy wrap NAME -- COMMAND [ARG...]"},
		{"wrap x", "say what to run: the form is toy wrap NAME -- COMMAND [ARG...]"},
		{"wrap x --", "say what to run: the form is"},
		{"wrap x run", `"run" is one too many: the form is toy wrap NAME -- COMMAND`},
		{"wrap x y -- run", `"y" is one too many`},
		{"wrap -extra= x -- run", "-extra : want something"},
		{"take x -w", "flag -wait-for needs a value: -wait-for time"},
		{"show -wait-for 2s", "toy show has no flag -wait-for"},
	} {
		p := newToy()
		code := p.Main(strings.Fields(test.line))
		said := p.stderr.String()
		if code != Usage || !strings.Contains(said, test.want) || strings.Count(said, "\n") != 1 || p.ran != "" {
			t.Errorf("toy %s: exit code %d, ran %q, said %q; want one line with %q", test.line, code, p.ran, said, test.want)
		}
	}
}

func TestEnvironmentStandsBehindFlags(t *testing.T) {
	p := newToy("TOY_WAIT_FOR=2s", "TOY_LOUD=1", "TOY_NODES=")
	if code := p.Main([]string{"take", "x"}); code != OK || p.wait != 2*time.Second || !p.loud {
		t.Errorf("exit code %d, wait %v, loud %v: %s", code, p.wait, p.loud, &p.stderr)
	}
	if !p.Given("wait-for") || !p.Given("loud") || p.Given("nodes") || p.Given("size") {
		t.Error("what was given: wait-for and loud, and nothing else")
	}

	p = newToy("TOY_WAIT_FOR=2s", "TOY_SIZE=nonsense that the flag overrides")
	if code := p.Main([]string{"take", "x", "-wait-for", "3s", "-size", "7"}); code != OK || p.wait != 3*time.Second {
		t.Errorf("the flag must win: exit code %d, wait %v: %s", code, p.wait, &p.stderr)
	}

	p = newToy("TOY_SIZE=nonsense that is nobody's business")
	if code := p.Main([]string{"show"}); code != OK {
		t.Errorf("a variable of other commands: exit code %d: %s", code, &p.stderr)
	}

	p = newToy("TOY_LOUD=1", "TOY_SIZE=7")
	if code := p.Main([]string{"hoot"}); code != OK || p.loud || p.size != 7 {
		t.Errorf("a flag with a meaning of its own has no variable: exit code %d, loud %v, size %d: %s", code, p.loud, p.size, &p.stderr)
	}

	p = newToy("TOY_SIZE=5")
	if code := p.Main([]string{"take", "x"}); code != Usage || !strings.Contains(p.stderr.String(), "TOY_SIZE=5: want at least 6") {
		t.Errorf("exit code %d: %s", code, &p.stderr)
	}
}

func TestAFlagMayBeGivenSeveralTimesIfItIsAList(t *testing.T) {
	p := newToy("TOY_EXTRA=overridden")
	if code := p.Main(strings.Fields("wrap -extra a x -extra=b -- run -extra c")); code != OK || !slices.Equal(p.extras, []string{"a", "b"}) {
		t.Errorf("exit code %d, extras %q: %s", code, p.extras, &p.stderr)
	}
	p = newToy("TOY_EXTRA=one")
	if code := p.Main(strings.Fields("wrap x -- run")); code != OK || !slices.Equal(p.extras, []string{"one"}) {
		t.Errorf("exit code %d, extras %q: %s", code, p.extras, &p.stderr)
	}
}

func TestHelpIsNoMistake(t *testing.T) {
	for line, want := range map[string]string{
		"--help":           "toy -l A NAME",
		"-h":               "toy both [A B]",
		"help":             "TOY_WAIT_FOR",
		"take -help":       "toy take NAME\n\ntake something\n\nAt length.",
		"take x y z -help": "toy take NAME",
		"help take":        "toy take NAME",
		"-l --help":        "toy -l A NAME\n",
		"nonsense --help":  "toy is a toy.",
		"show -h":          "-q, -loud",
		"wrap -h":          "  0   it ran\n",
		"help wrap":        "toy wrap NAME -- COMMAND [ARG...]",
		"wrap -w 1s -h":    "-w, -wait-for time",
		"hoot -h":          "-q, -loud\n        be an owl\n",
		"hoot --help":      "-w, -wait-for when\n        until when (default 1s)\n",
		"box -h":           "toy box open NAME   box open something\ntoy box shut        box shut something\n\ntoy box open --help",
		"box up --help":    "toy box shut ",
		"box open -h":      "toy box open NAME\n\nbox open something\n\nAt length.",
		"help box shut":    "toy box shut\n",
	} {
		p := newToy()
		code := p.Main(strings.Fields(line))
		said := p.stdout.String()
		if code != OK || !strings.Contains(said, want) || !strings.Contains(said, "Exit codes:") || p.stderr.Len() > 0 {
			t.Errorf("toy %s: exit code %d, stderr %q, printed:\n%s", line, code, &p.stderr, said)
		}
	}
	p := newToy()
	if p.Main([]string{"show", "--help"}); strings.Contains(p.stdout.String(), "-size") {
		t.Error("the page of a command must not show flags that it does not take")
	}
	p = newToy()
	if code := p.Main([]string{"-version"}); code != OK || !strings.HasPrefix(p.stdout.String(), "toy ") {
		t.Errorf("-version: exit code %d, printed %q", code, &p.stdout)
	}
}

// fullDisk is a file that nothing can be written to.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestHelpThatCannotBePrintedSaysSo(t *testing.T) {
	p := newToy()
	p.Stdout = fullDisk{}
	if code := p.Main([]string{"--help"}); code != IOError {
		t.Errorf("exit code %d, want %d", code, IOError)
	}
}

func TestErrorsAreOneLine(t *testing.T) {
	p := newToy()
	p.Commands[1].Run = func([]string) error { return Fail(Config, "a peer said:\n\x1b[31mboo\x1b[0m") }
	if code := p.Main([]string{"show"}); code != Config || p.stderr.String() != "toy: a peer said:  [31mboo [0m\n" {
		t.Errorf("exit code %d, said %q", code, &p.stderr)
	}
	p = newToy()
	p.Commands[1].Run = func([]string) error { return errors.New("unforeseen") }
	if code := p.Main([]string{"show"}); code != Software || p.stderr.String() != "toy: unforeseen\n" {
		t.Errorf("exit code %d, said %q", code, &p.stderr)
	}
}

// FuzzArguments: whatever is typed, the program runs one command with names that
// were typed, or says one line and exits with Usage.
func FuzzArguments(f *testing.F) {
	for _, line := range []string{
		"take x", "-l a x --loud", "take -- -x", "--help", "take -nodes a:1,b:2 -wait-for=1s x", "help take",
		"-u=0 both a b", "take -size", "-", "--", "take x -loud=\xff", "-version", "both", "take -nodes -- x", "=", "-l=true=false",
		"box open x", "box", "wrap x -- y -q", "wrap -- x -- y", "wrap -w 1s -- x", "-- wrap x",
	} {
		f.Add(strings.ReplaceAll(line, " ", "\x00"), "")
	}
	f.Add("take\x00x", "TOY_SIZE=9")
	f.Fuzz(func(t *testing.T, line, variable string) {
		args := strings.Split(line, "\x00")
		p := newToy(variable)
		code := p.Main(args)
		said := p.stderr.String()
		switch {
		case code == OK && said == "" && (p.ran != "" || p.stdout.Len() > 0):
		case code == Usage && p.ran == "" && strings.Count(said, "\n") == 1 && utf8.ValidString(said) && p.stdout.Len() == 0:
			return
		default:
			t.Fatalf("%q: exit code %d, ran %q, said %q, printed %q", args, code, p.ran, said, &p.stdout)
		}
		if !p.Given("wait-for") && p.wait != time.Second {
			t.Fatalf("%q: a setting that nobody made has changed", args)
		}
		// What follows the first "--" is names, as it stands, unless that "--" was
		// the value of a flag.
		if at := slices.Index(args, "--"); at == 0 && p.ran != "" && !strings.HasPrefix(p.ran, "wrap ") && !strings.HasSuffix(p.ran, fmt.Sprintf("%q", args[2:])) {
			t.Fatalf("%q: ran %s", args, p.ran)
		}
	})
}
