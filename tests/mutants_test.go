package tests

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// buildMutants builds one simulator that holds all mutations: a function has its
// own body, and before it those of the mutations that change it, each behind a
// question which one is switched on. One by one, building them takes longer than
// finding them out. The sources are not touched: the compiler is told to read a
// changed copy in their place.
func buildMutants(root, dir string, all []mutation) (binary string, err error) {
	files := map[string]*mutable{}
	var wrong []error
	for i, m := range all {
		if err := m.addTo(files, root, i); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", m, err))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return "", err
	}
	replace := map[string]string{}
	add := func(file, text string) error {
		changed := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		replace[filepath.Join(root, file)] = changed
		return os.WriteFile(changed, []byte(text), 0o644)
	}
	if err := add(switchFile, switchSource); err != nil {
		return "", err
	}
	for name, f := range files {
		if err := add(name, f.withMutations()); err != nil {
			return "", err
		}
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, b, 0o644); err != nil {
		return "", err
	}
	binary = filepath.Join(dir, "simrun")
	build := patient("go", "build", "-overlay", overlay, "-o", binary, "./tests/sim/simrun")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the mutations do not build: %s", out)
	}
	return binary, nil
}

// The switch is a package that nobody has but the mutants.
const (
	switchedOn   = "LOCKSTEP_MUTATION" // names the mutation, by its place in the list
	switchFile   = "tests/mutated/mutated.go"
	switchImport = `; import mutated "lockstep/tests/mutated"`
	switchSource = "package mutated\n\nimport \"os\"\n\nvar By = os.Getenv(\"" + switchedOn + "\")\n"
)

// mutable is a file of which some functions have further bodies.
type mutable struct {
	path   string
	text   string
	parsed source
	bodies map[int][]string // of the declaration at this place
}

// addTo adds what the mutation, the one at this place, makes of its files.
func (m mutation) addTo(files map[string]*mutable, root string, place int) error {
	changed := map[string]string{}
	for _, p := range m.patches {
		f := files[p.file]
		if f == nil {
			text, err := os.ReadFile(filepath.Join(root, p.file))
			if err != nil {
				return err
			}
			f = &mutable{path: p.file, text: string(text), bodies: map[int][]string{}}
			if f.parsed, err = parse(f.text); err != nil {
				return err
			}
			files[p.file] = f
		}
		text, again := changed[p.file]
		if !again {
			text = f.text
		}
		if n := strings.Count(text, p.old); n != 1 {
			return fmt.Errorf("%s has the old text %d times, and not once:\n%s", p.file, n, p.old)
		}
		changed[p.file] = strings.Replace(text, p.old, p.new, 1)
	}
	for file, text := range changed {
		if err := files[file].add(text, fmt.Sprint(place), m.String()); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// add keeps the bodies that are another's in a changed text of the file. What the
// compiler says of them names the mutation, and the line within the body.
func (f *mutable) add(text, place, name string) error {
	parsed, err := parse(text)
	if err != nil {
		return err
	}
	if len(parsed.decls) != len(f.parsed.decls) {
		return fmt.Errorf("it has %d declarations, and with the mutation %d: a mutation changes what stands in functions",
			len(f.parsed.decls), len(parsed.decls))
	}
	changes := false
	for i, now := range parsed.decls {
		was := f.parsed.decls[i]
		if now.head != was.head {
			return fmt.Errorf("a mutation changes what stands in functions, and not\n%s", was.head)
		}
		if now.body == was.body {
			continue
		}
		f.bodies[i] = append(f.bodies[i], fmt.Sprintf("\n//line %s:1\nif mutated.By == %q { %s; %s }",
			name, place, now.body, now.leave))
		changes = true
	}
	if !changes {
		return fmt.Errorf("the mutation changes nothing but comments")
	}
	return nil
}

// withMutations is the file's text with all bodies.
func (f *mutable) withMutations() string {
	var b strings.Builder
	b.WriteString(f.text[:f.parsed.packaged])
	b.WriteString(switchImport)
	done := f.parsed.packaged
	for i, d := range f.parsed.decls {
		if bodies := f.bodies[i]; len(bodies) > 0 {
			b.WriteString(f.text[done:d.opens])
			b.WriteString(strings.Join(bodies, ""))
			line := 1 + strings.Count(f.text[:d.opens], "\n")
			fmt.Fprintf(&b, "\n//line %s:%d\n", filepath.Base(f.path), line)
			done = d.opens
		}
	}
	b.WriteString(f.text[done:])
	return b.String()
}

// source is a file's text, as far as mutations need it.
type source struct {
	packaged int // where the package clause ends
	decls    []decl
}

// decl is a function, or all of another declaration as a head.
type decl struct {
	head, body string
	opens      int    // where what stands in the body begins
	leave      string // what a body without results ends with
}

func parse(text string) (s source, err error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", text, parser.SkipObjectResolution)
	if err != nil {
		return s, err
	}
	at := func(p token.Pos) int { return set.Position(p).Offset }
	s.packaged = at(file.Name.End())
	for _, d := range file.Decls {
		function, ok := d.(*ast.FuncDecl)
		if !ok || function.Body == nil {
			s.decls = append(s.decls, decl{head: text[at(d.Pos()):at(d.End())]})
			continue
		}
		opens := at(function.Body.Lbrace)
		one := decl{head: text[at(d.Pos()):opens], body: text[opens:at(d.End())], opens: opens + 1}
		if function.Type.Results == nil {
			one.leave = "return"
		}
		s.decls = append(s.decls, one)
	}
	return s, nil
}

// What a mutation may not change, and what is made of what it may.
func TestMutantsDifferInWhatFunctionsDo(t *testing.T) {
	const text = "package p\n\n// Few is few.\nconst few = 3\n\nfunc a() int {\n\treturn few\n}\n\nfunc b() { a() }\n"
	parsed, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ old, new, refused string }{
		{"few = 3", "few = 4", "const few = 3"},
		{"a() int", "a() uint", "func a() int"},
		{"func b() { a() }", "", "with the mutation 2"},
		{"Few is few", "Few is many", "nothing but comments"},
		{"return few", "return", ""},
		{"return few", "return }", "expected"},
	} {
		f := &mutable{path: "p/p.go", text: text, parsed: parsed, bodies: map[int][]string{}}
		err := f.add(strings.Replace(text, test.old, test.new, 1), "7", "a rule")
		if test.refused == "" && err == nil {
			continue
		}
		if err == nil || test.refused == "" || !strings.Contains(err.Error(), test.refused) {
			t.Errorf("%q instead of %q: %v", test.new, test.old, err)
		}
	}
	f := &mutable{path: "p/p.go", text: text, parsed: parsed, bodies: map[int][]string{}}
	for place, change := range []string{"return few + 1", "return few - 1"} {
		if err := f.add(strings.Replace(text, "return few", change, 1), fmt.Sprint(place), change); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.add(strings.Replace(text, "{ a() }", "{}", 1), "2", "nothing"); err != nil {
		t.Fatal(err)
	}
	want := "package p" + switchImport + "\n\n// Few is few.\nconst few = 3\n\nfunc a() int {" +
		"\n//line return few + 1:1\nif mutated.By == \"0\" { {\n\treturn few + 1\n};  }" +
		"\n//line return few - 1:1\nif mutated.By == \"1\" { {\n\treturn few - 1\n};  }" +
		"\n//line p.go:6\n\n\treturn few\n}\n\nfunc b() {" +
		"\n//line nothing:1\nif mutated.By == \"2\" { {}; return }" +
		"\n//line p.go:10\n a() }\n"
	if got := f.withMutations(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
