package main

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"lockstep/cmd/internal/cli"
)

var update = flag.Bool("update", false, "write what is said into testdata")

// told runs lockd without an environment, and returns its exit code and what it
// said.
func told(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	p := newProgram()
	p.Stdout, p.Stderr = &out, &err
	p.Getenv = func(string) string { return "" }
	code = p.Main(args)
	return code, out.String(), err.String()
}

// TestMistakesInAFileAreAllFound: the line, the setting, and the way out, of each
// planted mistake alone and of all twenty that go into one file.
func TestMistakesInAFileAreAllFound(t *testing.T) {
	const path = "testdata/mistakes.txtar"
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	var alone []string // the mistakes that are together in all-twenty.yaml
	for i := 0; i < len(archive.Files); i += 2 {
		in, want := &archive.Files[i], &archive.Files[i+1]
		if err := os.WriteFile(in.Name, in.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, said := told("config", "check", in.Name)
		if *update {
			want.Data = []byte(said)
		}
		if code != cli.Config || stdout != "" || said != string(want.Data) {
			t.Errorf("%s: exit code %d, printed %q, said:\n%swant:\n%s", in.Name, code, stdout, said, want.Data)
		}
		if in.Name == "all-twenty.yaml" {
			together(t, alone, said)
		}
		alone = append(alone, said)
	}
	if *update {
		if err := os.WriteFile(source+"/"+path, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// together: whoever has made twenty mistakes hears of each, once, in the words that
// it has alone, apart from what depends on the file.
func together(t *testing.T, alone []string, said string) {
	t.Helper()
	if len(alone) != 20 {
		t.Fatalf("%d mistakes stand before those that are together, want 20", len(alone))
	}
	lines := strings.Split(strings.TrimSuffix(said, "\n"), "\n")
	if want := "lockd: 20 mistakes in the configuration: all-twenty.yaml"; lines[len(lines)-1] != want {
		t.Errorf("the last line is %q, want %q", lines[len(lines)-1], want)
	}
	setting := regexp.MustCompile(`^[a-z-]+\.yaml:\d+: ([a-z-]+): (\S+)`)
	found := map[string]int{}
	for _, line := range lines[:len(lines)-1] {
		found[strings.Join(setting.FindStringSubmatch(line)[1:], " ")]++
	}
	for _, one := range alone {
		words := setting.FindStringSubmatch(one)
		if words == nil || strings.Count(one, "\n") != 2 {
			t.Fatalf("a mistake alone is told as\n%s", one)
		}
		key := strings.Join(words[1:], " ")
		if found[key]--; found[key] < 0 {
			t.Errorf("%q is told of alone, and not among twenty", key)
		}
	}
}
