package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/cmd/internal/cli"
)

// TestImportsThatCannotBeMeant: each mistake gets one line, and nothing is made.
func TestImportsThatCannotBeMeant(t *testing.T) {
	const node = "import -name a -peers a=127.0.0.1:1"
	empty := t.TempDir()
	for _, test := range []struct {
		line, want string
		code       int
	}{
		{node, "say with -from where the nodes of the pair had their state", cli.Usage},
		{"import -from x", "say with -peers which nodes there are", cli.Usage},
		{node + " -from " + filepath.Join(empty, "none"), "no such file or directory", cli.CantCreate},
		{node + " -from " + empty, "no copy of a pair was found", cli.Config},
		{node + " -from " + empty + "," + empty + "/.", "/. twice: one directory of each node of the pair is wanted", cli.Usage},
	} {
		var said bytes.Buffer
		p := newProgram()
		p.Stderr = &said
		p.Getenv = func(string) string { return "" }
		to := filepath.Join(t.TempDir(), "a")
		code := p.Main(append(strings.Fields(test.line), "-data", to))
		if code != test.code || !strings.Contains(said.String(), test.want) || strings.Count(said.String(), "\n") != 1 {
			t.Errorf("lockd %s: exit code %d, said %q; want %q", test.line, code, &said, test.want)
		}
		if made, _ := filepath.Glob(to); len(made) > 0 {
			t.Errorf("lockd %s: made %v", test.line, made)
		}
	}
}
