package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"lockstep/tests/sim"
)

// mutation is a rule switched off in the source.
type mutation struct {
	rule, title string
	regime      string
	patches     []patch
}

// patch replaces the only place where old stands in a file.
type patch struct {
	file     string
	old, new string
}

// TestMutations builds the simulator with each mutation of mutations.txt and
// wants it to find out, with a seed that the sources as they are pass. They are
// not touched: the compiler is told to read a changed copy in their place.
func TestMutations(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("builds the simulator dozens of times; runs without -short and without -race")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	all := readMutations(t, "mutations.txt")
	dir, lines := t.TempDir(), make([]string, len(all))
	var group sync.WaitGroup
	slots := make(chan struct{}, 2)
	for i, m := range all {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			v, err := m.run(root, filepath.Join(dir, fmt.Sprint(i)))
			if err != nil {
				t.Errorf("%s %s: %v", m.rule, m.title, err)
				return
			}
			lines[i] = fmt.Sprintf("%s %-80s seed %d, regime %d: %s\n", m.rule, m.title, v.Seed, v.Regime, v.Check)
			replay(t, v.Seed, v.Regime)
		})
	}
	group.Wait()
	t.Logf("%d mutations and what caught them:\n%s", len(all), strings.Join(lines, ""))
}

var firstViolation = regexp.MustCompile(`(?m)^seed (\d+) regime (\d) at [0-9.]+s: ([a-z-]+):`)

// run returns what caught the mutation.
func (m mutation) run(root, dir string) (v sim.Violation, err error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return v, err
	}
	overlay, err := m.overlay(root, dir)
	if err != nil {
		return v, err
	}
	binary := filepath.Join(dir, "simrun")
	build := exec.Command("go", "build", "-overlay", overlay, "-o", binary, "./tests/sim/simrun")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return v, fmt.Errorf("does not build: %s", out)
	}
	defer os.Remove(binary)
	out, err := exec.Command(binary, "-seeds", "1000", "-regime", m.regime, "-first", "-workers", "1").CombinedOutput()
	found := firstViolation.FindSubmatch(out)
	if err == nil || found == nil {
		return v, fmt.Errorf("survives 1000 seeds: %s", out)
	}
	_, err = fmt.Sscan(string(found[1])+" "+string(found[2])+" "+string(found[3]), &v.Seed, &v.Regime, &v.Check)
	return v, err
}

// overlay writes the changed files and the map that go build takes.
func (m mutation) overlay(root, dir string) (string, error) {
	replace := map[string]string{}
	for _, p := range m.patches {
		original := filepath.Join(root, p.file)
		source := original
		if changed, ok := replace[original]; ok {
			source = changed
		}
		text, err := os.ReadFile(source)
		if err != nil {
			return "", err
		}
		if n := strings.Count(string(text), p.old); n != 1 {
			return "", fmt.Errorf("%s has the old text %d times, and not once:\n%s", p.file, n, p.old)
		}
		changed := filepath.Join(dir, strings.ReplaceAll(p.file, "/", "_"))
		if err := os.WriteFile(changed, []byte(strings.Replace(string(text), p.old, p.new, 1)), 0o644); err != nil {
			return "", err
		}
		replace[original] = changed
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, b, 0o644)
}

// readMutations reads the format that mutations.txt explains.
func readMutations(t *testing.T, name string) []mutation {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var all []mutation
	for i, line := range strings.Split(string(text), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		if len(all) == 0 && word != "==" {
			continue
		}
		if word == "==" {
			rule, title, _ := strings.Cut(rest, " ")
			all = append(all, mutation{rule: rule, title: title})
			continue
		}
		m := &all[len(all)-1]
		last := len(m.patches) - 1
		switch word {
		case "":
		case "regime":
			m.regime = rest
		case "file":
			m.patches = append(m.patches, patch{file: rest})
		case "-":
			m.patches[last].old += rest + "\n"
		case "+":
			m.patches[last].new += rest + "\n"
		default:
			t.Fatalf("%s:%d: what is %q?", name, i+1, line)
		}
	}
	for i := range all {
		for j := range all[i].patches {
			p := &all[i].patches[j]
			// Without the last line's end a patch may stop within a line.
			p.old, p.new = strings.TrimSuffix(p.old, "\n"), strings.TrimSuffix(p.new, "\n")
		}
	}
	return all
}
