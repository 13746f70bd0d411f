package cli

import (
	"slices"
	"strings"
	"testing"
)

func TestWhatMayComeNext(t *testing.T) {
	for line, want := range map[string]string{
		"toy ":                         "take show both wrap hoot box config version completion man",
		"toy ta":                       "take",
		"toy take ":                    "anna bert",
		"toy take b":                   "bert",
		"toy take anna ":               "",
		"toy both ":                    "",
		"toy box ":                     "open shut",
		"toy box s":                    "shut",
		"toy box shut ":                "",
		"toy nonsense ":                "",
		"toy config c":                 "check",
		"toy config check ":            ":files",
		"toy -":                        "-l -u -version -help",
		"toy show -":                   "-loud -help",
		"toy show --l":                 "--loud",
		"toy take --si":                "--size",
		"toy take -colour ":            "red blue",
		"toy take -colour b":           "blue",
		"toy take -colour=":            "-colour=red -colour=blue",
		"toy take --colour=b":          "--colour=blue",
		"toy take -colour blue ":       "anna bert",
		"toy take -colour=blue b":      "bert",
		"toy take -loud b":             "bert",
		"toy take -w ":                 "",
		"toy take -w 2s a":             "anna",
		"toy take -loud=":              "-loud=true -loud=false",
		"toy take -no-such-flag a":     "anna",
		"toy -loud take a":             "anna",
		"toy -l ":                      "",
		"toy wrap x -- ":               ":files",
		"toy wrap ":                    "",
		"toy take -- a":                "anna",
		"toy take -- -":                "",
		"toy -config ":                 ":files",
		"toy -run ":                    "take both",
		"toy -run=":                    "-run=take -run=both",
		"toy completion ":              "bash zsh fish",
		"toy -l=maybe take ":           "",
		"toy":                          "",
		"":                             "",
		`toy  ta\k`:                    "take",
		`toy 'ta`:                      "take",
		`toy "take" "b`:                "bert",
		"toy take 'an'":                "anna",
		"toy take x=":                  "",
		"toy take -nodes=a:1 -size 7 ": "anna bert",
	} {
		p := fileToy("")
		p.Commands = append(p.Commands, p.OwnCommands()...)
		p.Commands[0].Words = func(string) []string { return []string{"anna", "bert"} }
		if code := p.Main([]string{"complete", "--", line}); code != OK || p.stderr.Len() > 0 {
			t.Errorf("%q: exit code %d, said %s", line, code, &p.stderr)
		}
		var got []string
		for row := range strings.Lines(p.stdout.String()) {
			word, _, _ := strings.Cut(strings.TrimSuffix(row, "\n"), "\t")
			got = append(got, word)
		}
		if !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

// TestFlagsOfTheImpliedCommand: where no verb need be typed, its flags may come first.
func TestFlagsOfTheImpliedCommand(t *testing.T) {
	for line, want := range map[string]string{
		"toy --l":       "--loud",
		"toy -loud --l": "--loud",
		"toy take --l":  "--loud",
		"toy box --l":   "",
	} {
		p := newToy()
		p.Commands, p.Implied = append(p.Commands, p.OwnCommands()...), "show"
		if code := p.Main([]string{"complete", "--", line}); code != OK {
			t.Fatalf("%q: exit code %d, said %s", line, code, &p.stderr)
		}
		if word, _, _ := strings.Cut(strings.TrimSpace(p.stdout.String()), "\t"); word != want {
			t.Errorf("%q: %q, want %q", line, word, want)
		}
	}
}

// TestWordsMayDependOnSettings: whoever names other nodes wants their locks.
func TestWordsMayDependOnSettings(t *testing.T) {
	p := newToy("TOY_COLOUR=blue")
	p.Commands = append(p.Commands, p.OwnCommands()...)
	asked := ""
	p.Commands[0].Words = func(begin string) []string {
		asked = begin + " " + strings.Join(p.nodes, ",") + " " + p.colour
		return nil
	}
	p.Main([]string{"complete", "toy take -nodes c:1,d:2 -size nonsense be"})
	if want := "be c:1,d:2 BLUE"; asked != want {
		t.Errorf("asked for %q, want %q", asked, want)
	}
}

func TestCompletionIsForThreeShells(t *testing.T) {
	for _, shell := range shellNames {
		p := newToy()
		p.Commands = append(p.Commands, p.OwnCommands()...)
		if code := p.Main([]string{"completion", shell}); code != OK || !strings.Contains(p.stdout.String(), "toy complete -- ") || strings.Contains(p.stdout.String(), "PROGRAM") {
			t.Errorf("%s: exit code %d, printed:\n%s", shell, code, &p.stdout)
		}
	}
	p := newToy()
	p.Commands = append(p.Commands, p.OwnCommands()...)
	if code := p.Main([]string{"completion", "tcsh"}); code != Usage || !strings.Contains(p.stderr.String(), "only for bash, zsh, fish") {
		t.Errorf("exit code %d, said %s", code, &p.stderr)
	}
}

func TestThePageOfTheManualHasAllThatHelpHas(t *testing.T) {
	p := fileToy("/etc/toy.yaml")
	p.Commands = append(p.Commands, p.OwnCommands()...)
	p.Commands[1].About = "show 'it' \\ at\n.once"
	if code := p.Main([]string{"man"}); code != OK {
		t.Fatalf("exit code %d", code)
	}
	for _, want := range []string{
		".TH TOY 1 ", "\ntoy \\- a toy\n", "\n.B toy wrap NAME \\-\\- COMMAND [ARG...]\n", "\nOptions: \\-loud\n", "\n\\-w, \\-wait\\-for time\n",
		"(default 1s; TOY_WAIT_FOR)\n", "\nbe an owl\n", "\n.I /etc/toy.yaml\n", "\n.B 64\nnot fine\n", "\nshow \\(aqit\\(aq \\e at\n\\&.once\n",
	} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("there is no %q in\n%s", want, &p.stdout)
		}
	}
	if strings.Contains(p.stdout.String(), "complete LINE") {
		t.Error("a command that nobody types is in the manual")
	}
}
