package tests

import (
	"fmt"
	"os"
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

func (m mutation) String() string { return m.rule + " " + m.title }

// TestMutations runs the simulator with each mutation of mutations.txt and wants
// it to find out, with a seed that the sources as they are pass.
func TestMutations(t *testing.T) {
	t.Parallel()
	if testing.Short() || raceEnabled {
		t.Skip("takes two processors for minutes; runs without -short and without -race")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	all := readMutations(t, "mutations.txt")
	mutants, err := buildMutants(root, t.TempDir(), all)
	if err != nil {
		t.Fatal(err)
	}
	lines := make([]string, len(all))
	var group sync.WaitGroup
	slots := make(chan struct{}, 2)
	for i, m := range all {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			v, err := m.run(mutants, i)
			if err != nil {
				t.Errorf("%s: %v", m, err)
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

// run returns what caught the mutation, which is the one at this place.
func (m mutation) run(mutants string, place int) (v sim.Violation, err error) {
	command := patient(mutants, "-seeds", "1000", "-regime", m.regime, "-first", "-workers", "1")
	command.Env = append(os.Environ(), switchedOn+"="+fmt.Sprint(place))
	out, err := command.CombinedOutput()
	found := firstViolation.FindSubmatch(out)
	switch {
	case err == nil:
		return v, fmt.Errorf("survives 1000 seeds: %s", out)
	case found == nil:
		return v, fmt.Errorf("ends without a violation: %w: %s", err, out)
	}
	_, err = fmt.Sscan(string(found[1])+" "+string(found[2])+" "+string(found[3]), &v.Seed, &v.Regime, &v.Check)
	return v, err
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
