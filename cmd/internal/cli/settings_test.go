package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// fileToy is a toy whose settings may stand in a file.
func fileToy(usual string, environment ...string) *toy {
	p := newToy(environment...)
	for i, form := range map[int]string{0: "take", 2: "both"} {
		p.Commands[i].Form = form
	}
	p.Commands[0].Flags = append(p.Commands[0].Flags, "extra")
	p.TakeFiles(usual)
	return p
}

// written returns the path of a file with this text.
func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "toy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlagsOverVariablesOverFileOverDefaults(t *testing.T) {
	path := written(t, "run: take\nname: x\nwait-for: 2s\nsize: 7\ncolour: blue\nloud: true\nextra: [a, b]\nnodes:\n  - c:3\n  - d:4\n")
	p := fileToy("", "TOY_SIZE=9", "TOY_WAIT_FOR=3s", "TOY_EXTRA=c")
	if code := p.Main([]string{"-config", path, "-wait-for", "4s"}); code != OK {
		t.Fatalf("exit code %d: %s", code, &p.stderr)
	}
	got := fmt.Sprint(p.ran, p.wait, p.size, p.colour, p.loud, p.extras, p.nodes)
	if want := fmt.Sprint(`take ["x"]`, 4*time.Second, 9, "BLUE", true, []string{"c"}, []string{"c:3", "d:4"}); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for setting, want := range map[string]string{
		"wait-for": "-wait-for", "size": "TOY_SIZE", "colour": path + ":5", "extra": "TOY_EXTRA", "name": path + ":2",
	} {
		if from := p.Source(setting); from.String() != want || !p.Given(setting) {
			t.Errorf("%s comes from %s, want %s", setting, from, want)
		}
	}
	p = fileToy("")
	if code := p.Main([]string{"take", "y", "-config", path, "-extra", "d", "-extra", "e"}); code != OK || !slices.Equal(p.extras, []string{"d", "e"}) || p.ran != `take ["y"]` {
		t.Errorf("exit code %d, extras %q, ran %s: %s", code, p.extras, p.ran, &p.stderr)
	}
	if p.Given("box") || p.Source("size").String() != path+":4" {
		t.Errorf("size comes from %s", p.Source("size"))
	}
}

// TestTheUsualFileCountsWhenNothingIsTyped: a file that lies about must not change
// what a command does that was typed.
func TestTheUsualFileCountsWhenNothingIsTyped(t *testing.T) {
	usual := written(t, "run: both\n")
	for _, test := range []struct{ line, variable, want string }{
		{"", "", `both []`},
		{"-run take", "", ""}, // it wants a name, which the file has not
		{"", "TOY_CONFIG=" + written(t, "run: take\nname: z\n"), `take ["z"]`},
		{"take x", "", `take ["x"]`},
		{"show", "", `show []`},
		{"-config " + written(t, "run: take\nname: y\n"), "", `take ["y"]`},
	} {
		p := fileToy(usual, test.variable)
		if code := p.Main(strings.Fields(test.line)); p.ran != test.want || (code == OK) != (test.want != "") {
			t.Errorf("toy %s: exit code %d, ran %q, want %q: %s", test.line, code, p.ran, test.want, &p.stderr)
		}
		if p.file != nil && strings.HasPrefix(test.line, "take x") {
			t.Error("a file was read although a command was typed")
		}
	}
	p := fileToy(filepath.Join(t.TempDir(), "none"))
	if code := p.Main(nil); code != Usage || !strings.Contains(p.stderr.String(), "say what to do: take") {
		t.Errorf("without a file: exit code %d, said %s", code, &p.stderr)
	}
	p = fileToy("", "TOY_RUN=both")
	if code := p.Main(nil); code != OK || p.ran != "both []" {
		t.Errorf("a variable says what to run: exit code %d, ran %s", code, p.ran)
	}
}

func TestMistakesOfFilesAreToldTogether(t *testing.T) {
	for text, want := range map[string][]string{
		"run: take\nname: x\nsiz: 7\nloud: maybe\n":                {"3: siz: there is no such setting; is size meant?", "4: loud: maybe: want true or false"},
		"run: take\nname: x\nvolume: 7\n":                          {"3: volume: there is no such setting; toy take --help shows those that are"},
		"run: take\nname: x\n" + strings.Repeat("x", 99) + ": 1\n": {"3: " + strings.Repeat("x", 99) + ": there is no such setting; it is too long to be one"},
		"run: take\n":                               {"1: name: it is missing: toy take wants name"},
		"run: take\nname: [x]\n":                    {"2: name: want one value, not several"},
		"run: [take]\n":                             {"1: run: want one value, not several"},
		"run: show\nsize: 1\nnone: 3\n":             {"1: run: want one of take, both", "2: size: 1: want at least 6", "3: none: there is no such setting"},
		"run: both\na: 1\n":                         {"1: b: it is missing: toy both wants a, b"},
		"run: both\nsize: 7\n":                      {"2: size: toy both has no such setting, only toy take"},
		"run: take\nname: x\nextra: [a, '', c, '']": {"3: extra: : want something", "3: extra: : want something"},
		"run: take\nname: x\nnodes: [a:1, b, a:1]":  {`3: nodes: b: "b" is no address`, "3: nodes: a:1: a:1 is named twice"},
		"run: take\nname: &n x\nsize: *n\n":         {"3: size: x: want a number"},
		"run: take\nname: x\n<<: {size: 7}\n":       {"3: <<: there is no such setting"},
		"run: take\nname: x\nsize: !!int\n":         {"3: size: : want a number"},
		"run: take\nname: x\nconfig: y\n":           {"3: config: a file cannot name another"},
		"run: take\nname: x\nrun: both\n":           {"3: run: it stands in line 1 already"},
		"run: take\nname: {x: }\n":                  {"2: name: want a single value here"},
		"a: \"b\n\n":                                {"1: this is no YAML: what begins here does not end"},
		"just words":                                {"1: want settings, each as KEY: VALUE"},
		"":                                          {"1: run: it is missing: want one of take, both"},
		"---\nrun: both\n---\nrun: take\n":          {"4: a second document begins"},
		"run: both\n---\n\"x":                       {"3: this is no YAML"},
		"%FOO\n":                                    {"1: "},
	} {
		for _, line := range []string{"-config", "config check"} {
			path := written(t, text)
			p := fileToy("")
			code := p.Main(append(strings.Fields(line), path))
			said := strings.Split(p.stderr.String(), "\n")
			if code != Config || p.ran != "" || p.stdout.Len() > 0 || len(said) != len(want)+2 {
				t.Errorf("%q: exit code %d, ran %q, said:\n%s", text, code, p.ran, &p.stderr)
				continue
			}
			for i := range want {
				if !strings.HasPrefix(said[i], path+":"+want[i]) {
					t.Errorf("%q: said %q, want %q", text, said[i], want[i])
				}
			}
		}
	}
}

// TestMistakesTogetherNameTheSettingsAsTheFileDoes: they stand where the setting
// was made, and follow from nothing that was refused.
func TestMistakesTogetherNameTheSettingsAsTheFileDoes(t *testing.T) {
	const text = "-size and -loud exclude each other, as -nothing and --dashes do not"
	for _, test := range []struct{ file, line, want string }{
		{"run: take\nname: x\nsize: 7\n", "", "FILE:3: size: size and loud exclude each other, as -nothing and --dashes do not"},
		{"run: take\nname: x\n", "-size 7", text},
		{"run: take\nname: x\n", "", "FILE:1: size: size and loud exclude"},
		{"run: take\nname: x\nsize: 70\n", "", "FILE:3: size: 70: want a number"},
	} {
		path := written(t, test.file)
		p := fileToy("")
		p.Commands[0].Check = func([]string) []Mistake { return []Mistake{{"size", text}} }
		code := p.Main(append(strings.Fields(test.line), "-config", path))
		want := strings.ReplaceAll(test.want, "FILE", path)
		if said := p.stderr.String(); code != Config || !strings.HasPrefix(said, want) || strings.Count(said, "\n") != 2 {
			t.Errorf("%q: exit code %d, said:\n%swant %s", test.file, code, said, want)
		}
	}
	p := fileToy("")
	p.Commands[0].Check = func([]string) []Mistake { return []Mistake{{"size", text}, {"loud", "more"}} }
	if code := p.Main([]string{"take", "x"}); code != Usage || p.stderr.String() != "toy: "+text+"\n" {
		t.Errorf("without a file: exit code %d, said %s", code, &p.stderr)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	long := written(t, strings.Repeat("# filler\n", maxFile/9+1))
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "none"): "no such file", t.TempDir(): "is a directory", long: "is longer than the 1048576 bytes",
	} {
		p := fileToy("")
		if code := p.Main([]string{"-config", path}); code != Config || !strings.Contains(p.stderr.String(), want) || strings.Count(p.stderr.String(), "\n") != 1 {
			t.Errorf("%s: exit code %d, said %s", path, code, &p.stderr)
		}
	}
	p := fileToy("/nowhere/toy.yaml")
	if code := p.Main([]string{"config", "show"}); code != Config || !strings.Contains(p.stderr.String(), "put it where it is looked for, at /nowhere/toy.yaml") {
		t.Errorf("exit code %d, said %s", code, &p.stderr)
	}
}

func TestConfigShowKnowsTheSources(t *testing.T) {
	path := written(t, "run: take\nname: x\nextra: [a, b]\n")
	p := fileToy("", "TOY_SIZE=9")
	p.Commands[0].Unsaid = func(names []string, setting string) string {
		return map[string]string{"colour": "that of " + strings.Join(names, " "), "size": "not looked at"}[setting]
	}
	if code := p.Main([]string{"config", "show", path, "-loud", "-json"}); code != OK {
		t.Fatalf("exit code %d: %s", code, &p.stderr)
	}
	var shown struct {
		Command  string
		Settings []shownSetting
	}
	if err := json.Unmarshal(p.stdout.Bytes(), &shown); err != nil || shown.Command != "toy take" {
		t.Fatalf("printed %s: %v", &p.stdout, err)
	}
	want := []shownSetting{
		{"run", "take", "file", path + ":1"},
		{"name", "x", "file", path + ":2"},
		{"colour", "that of x", "default", ""},
		{"extra", "a,b", "file", path + ":3"},
		{"loud", "true", "flag", "-loud"},
		{"nodes", "a:1,b:2", "default", ""},
		{"size", "9", "environment", "TOY_SIZE"},
		{"wait-for", "1s", "default", ""},
	}
	if !slices.Equal(shown.Settings, want) {
		t.Errorf("got %v\nwant %v", shown.Settings, want)
	}
	p = fileToy("")
	if code := p.Main([]string{"config", "show", path}); code != OK || !strings.Contains(p.stdout.String(), "\nname       x         "+path+":2\n") {
		t.Errorf("exit code %d, printed:\n%s", code, &p.stdout)
	}
}

// FuzzFile: whatever a file has, it is taken or refused in whole lines that name
// it, and nothing runs that it was not for.
func FuzzFile(f *testing.F) {
	for _, text := range []string{
		"run: take\nname: x\nsize: 7\n", "a: &a [*a]", "run: both", "{run: take, name: [x]}", "? [a]\n: b\n", "---\n---\n", "\xff", "a: !!binary x",
		"<<: *x", "run: take\nname: x\nextra:\n- a\n- b: c\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := written(t, text)
		p := fileToy("")
		code := p.Main([]string{"-config", path})
		said := p.stderr.String()
		switch {
		case code == OK && said == "" && (strings.HasPrefix(p.ran, "take ") || strings.HasPrefix(p.ran, "both ")):
		case code == Config && p.ran == "" && strings.Contains(said, path):
		default:
			t.Fatalf("%q: exit code %d, ran %q, said %q", text, code, p.ran, said)
		}
	})
}
