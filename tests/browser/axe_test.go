package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checks is the program of axe-core, which make axe brings.
func checks(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("SKIPPED: %v, and nobody has checked whether the page is accessible", err)
	}
	program, err := os.ReadFile(filepath.Join(cache, "lockstep", "axe", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Skipf("SKIPPED: %v, and nobody has checked whether the page is accessible: make axe brings what does", err)
	}
	return string(program)
}

// violation is what axe-core finds.
type violation struct {
	ID, Help string
	Nodes    []struct{ HTML, FailureSummary string }
}

func (v violation) String() string {
	said := v.ID + ": " + v.Help
	for _, n := range v.Nodes {
		said += fmt.Sprintf("\n    %.300s\n        %s", n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", "\n        "))
	}
	return said
}

// accessible holds what is to be seen now against all rules of axe-core.
func (s *sight) accessible(program, what string) {
	s.Helper()
	s.run("if (!window.axe) { " + program + "\n }")
	for _, v := range value[[]violation](s, `
		const found = await axe.run(document, {resultTypes: ["violations"]})
		return found.violations.map(v => ({ID: v.id, Help: v.help, Nodes: v.nodes.map(n => ({HTML: n.html, FailureSummary: n.failureSummary}))}))`) {
		s.Errorf("%s: %v", what, v)
	}
}
