package docs

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func fenced(page string) string { return strings.ReplaceAll(page, "'''", "```") }

// TestMistakesOfFences: a block that would not be run is a mistake, unless it says
// so.
func TestMistakesOfFences(t *testing.T) {
	for page, want := range map[string]string{
		"'''console\n$ true\n'''":                 "",
		"'''text\nlockd --> lockd\n'''":           "",
		"'''file=job.yaml\na: b\n'''":             "",
		"'''go norun=a part of it\nx := 1\n'''":   "",
		"    lockc ls [PREFIX]   what is held":    "",
		"'''\ntext\n'''":                          "p.md:1: this is neither run nor written: say file=NAME, or norun=REASON",
		"'''sh\ntrue\n'''":                        "p.md:1: this is neither run nor written: say file=NAME, or norun=REASON",
		"'''console\n'''":                         "p.md:1: there is no command in this console",
		"'''console\ntrue\n$ true\n'''":           "p.md:2: a console begins with a command: $ …",
		"'''console\n$ true":                      "p.md:1: this fence is never closed",
		"'''console exit=x\n$ true\n'''":          "p.md:1: exit=x: want a number",
		"'''console file=x\n$ true\n'''":          "p.md:1: a console is no file",
		"'''console awaits\n$ true\n'''":          "p.md:1: awaits: nothing is known of it; see tests/docs/doc.go",
		"'''sh file=x exit=2\ntrue\n'''":          "p.md:1: only a console has commands",
		"\n    $ lockc ls":                        "p.md:2: nobody runs this command: put it between fences, ```console",
		"'''text file=x\nlockd --> lockd\n'''\n":  "p.md:1: text is never run: leave the language away for a file",
		"'''console norun=no time\n$ sleep 9\n''": "p.md:1: this fence is never closed",
	} {
		_, mistakes := Parse("p.md", fenced(page))
		if got := errors.Join(mistakes...); (got == nil) != (want == "") || got != nil && got.Error() != want {
			t.Errorf("%s\ngets %v, not %s", page, got, want)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		page, printed string
		missing       int // -1: it matches
	}{
		{"", "", -1},
		{"a", "a\n", -1},
		{"a b", "a    b  ", -1},
		{"  a", "    a", -1},
		{"  a", "a", 0},
		{"a…z", "a to z", -1},
		{"a…z", "a to", 0},
		{"…", "", -1},
		{"…", "x\ny", -1},
		{"a\n…\nz", "a\nz", -1},
		{"a\n…\nz", "a\nb\nz\nz", -1},
		{"a\n…\nz", "a\nb", 2},
		{"a\nb", "a", 1},
		{"a", "a\nb", 1},
		{"a (.*)", "a b", 0},
		{"a.c", "abc", 0},
		{`{"a":1,"b":[…],"c":{…`, `{"a":1, "b":[2], "c":{"d":3}}`, -1},
		{"", "x", 0},
	} {
		missing, ok := Match(strings.Split(test.page, "\n"), strings.Split(test.printed, "\n"))
		if ok != (test.missing < 0) || !ok && missing != test.missing {
			t.Errorf("%q for %q: %d, %v", test.page, test.printed, missing, ok)
		}
	}
}

func TestMistakesOfLinks(t *testing.T) {
	top := t.TempDir()
	for name, text := range map[string]string{
		"README.md":  "# One & two: `three`\n## Twice\n## Twice\n'''text\n# no heading\n'''\n",
		"docs/a.md":  "# A\n",
		"img/it.png": "",
	} {
		path := filepath.Join(top, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(fenced(text)), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	page, _ := Parse("docs/b.md", `# Here
[1](a.md) [2](../README.md#one--two-three) ![3](../img/it.png) [4](#here) [5](https://example.org/x#y) [6](../img)
[7](../README.md#twice-1) `+"`[8](x.md)`"+`
[9
](nowhere.md)
[10](#there) [11](a.md#b)
[12]: ../README.md#no-heading
`)
	var got []string
	for _, mistake := range CheckLinks(top, page) {
		got = append(got, mistake.Error())
	}
	want := []string{
		"docs/b.md:5: there is no docs/nowhere.md",
		"docs/b.md:6: docs/b.md has no heading #there; it has #here",
		"docs/b.md:6: docs/a.md has no heading #b; it has #a",
		"docs/b.md:7: README.md has no heading #no-heading; it has #one--two-three, #twice, #twice-1",
	}
	alike(t, got, want)
}

// alike demands that mistakes are found as they are planted.
func alike(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMistakesOfMentions(t *testing.T) {
	usage, err := ReadUsage(programs(t))
	if err != nil {
		t.Fatal(err)
	}
	page, mistakes := Parse("p.md", strings.ReplaceAll(fenced(`
With ~-durability fsync~, ~--ttl~ and ~lockc run -n x -- tool -z~, or ~LOCKD_DATA~: not ~-perhaps~
and ~LOCKD_LOST~.
'''console norun=nobody could
$ lockd node -name a -data "x -y" -lost 2>&1 | grep -q x; lockc cluster add -n d=h:1
$ LOCKC_NODE=h LOCKC_NODS=h lockc ls -l
$ lockd -p 127.0.0.1:1 127.0.0.1:2 -suspect 9 -suspects 9
'''
Also ~lockc history --at 14:05~ and ~lockload hold -spawn~.

    lockc run -waits NAME
`), "~", "`"))
	complain(t, mistakes)
	var got []string
	for _, mistake := range usage.Check(page) {
		got = append(got, mistake.Error())
	}
	slices.Sort(got)
	want := []string{
		"p.md:11: lockc run has no flag -waits",
		"p.md:2: no program has a flag -perhaps",
		"p.md:3: no program has a variable LOCKD_LOST",
		"p.md:5: lockc cluster add has no flag -n",
		"p.md:5: lockd node has no flag -lost",
		"p.md:6: lockc ls has no flag -l",
		"p.md:6: no program has a variable LOCKC_NODS",
		"p.md:7: lockd has no flag -suspects",
	}
	alike(t, got, want)
}
