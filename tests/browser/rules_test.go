package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// guarded is a house with rules, and the tokens of those whom they name.
type guarded struct {
	*house
	file   string
	lines  []string
	tokens map[string]string
}

// guard builds a house with these rules, of which each begins with a name. One that is
// a name alone allows nothing. The house's own clients may do everything.
func guard(t *testing.T, rules ...string) *guarded {
	t.Helper()
	program := program(t)
	g := &guarded{file: filepath.Join(t.TempDir(), "access"), tokens: map[string]string{}}
	for _, rule := range append(rules, "house admin *") {
		name, _, _ := strings.Cut(rule, " ")
		made, err := exec.Command(program, "token", "new", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		token, line, _ := strings.Cut(string(made), "\n")
		g.tokens[name] = token
		g.lines = append(g.lines, strings.TrimSpace(line))
		if rule != name {
			g.lines = append(g.lines, "allow "+rule)
		}
	}
	g.write(t)
	g.house = build(t, "-access", g.file)
	g.token = g.tokens["house"]
	return g
}

func (g *guarded) write(t *testing.T) {
	t.Helper()
	next := g.file + ".next"
	if err := os.WriteFile(next, []byte(strings.Join(g.lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, g.file); err != nil { // in one piece, for nodes that read it meanwhile
		t.Fatal(err)
	}
}

// strike takes away all lines that begin like this: a token, or a right.
func (g *guarded) strike(like string) {
	g.Helper()
	g.lines = slices.DeleteFunc(g.lines, func(line string) bool { return strings.HasPrefix(line, like) })
	g.write(g.T)
}
