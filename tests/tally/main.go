// Tally reads the events of `go test -json` and says what failed or was interrupted,
// what was skipped and why, and in its last line how many tests passed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// event is one line of `go test -json`.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

func main() {
	t := tally{output: map[string][]string{}}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Println(lines.Text()) // a line of the build, not of a test
			continue
		}
		t.take(e)
	}
	t.report()
	if t.failed > 0 || t.passed == 0 {
		os.Exit(1)
	}
}

type tally struct {
	passed, failed, skipped int
	output                  map[string][]string // of what has not ended yet
}

func (t *tally) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		t.output[key] = append(t.output[key], e.Output)
		return
	case "pass":
		if e.Test != "" {
			t.passed++
		} else if e.Elapsed > 5 {
			fmt.Printf("ok   %-28s %6.1f s\n", e.Package, e.Elapsed)
		}
	case "fail", "build-fail":
		t.failed++
		if e.Test == "" {
			t.interrupted(e.Package)
		}
		fmt.Printf("FAIL %s\n%s", key, strings.Join(t.output[key], ""))
	case "skip":
		if e.Test != "" {
			t.skipped++
			fmt.Printf("SKIP %s\n%s", key, strings.Join(t.output[key], ""))
		}
	default:
		return
	}
	delete(t.output, key)
}

// interrupted tells of a package's tests that had not ended when it did: one of them may
// have ended it.
func (t *tally) interrupted(in string) {
	for key, output := range t.output {
		if strings.HasPrefix(key, in+" ") && key != in+" " {
			fmt.Printf("INTERRUPTED %s\n%s", key, strings.Join(output, ""))
			delete(t.output, key)
		}
	}
}

func (t *tally) report() {
	fmt.Printf("%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
}
