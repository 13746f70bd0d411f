// Package models holds the Spin models of the pair protocol, and runs them.
package models

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What pan, the program that Spin generates, must say of a row.
const (
	safe      = ""                                   // every reachable state was visited, no assertion failed
	twoSolo   = "assertion violated (role[(1-xi)]!=" // staged, founding, pair: a second node goes SOLO
	twoLead   = "assertion violated ((own["
	lost      = "assertion violated ((((G==0)||" // somebody serves without all that was answered
	bumps     = "<15)"                           // the views rise without end
	stuck     = "assertion violated (closing<"   // no pair again although the faults have stopped
	anew      = "assertion violated (G==0)"      // founded anew over an answered history
	twoHold   = "assertion violated ((holder==0)"
	relayed   = "assertion violated" // relay.pml: whatever its ghost finds
	fullInbox = "q_len("             // the model is too small: proves nothing
)

type row struct {
	model   string
	defines string
	want    string // safe, or what the violation reads like
	states  int    // a budget in thousands: more is a sign that the model has grown
}

// quick rows run always: together they must stay well below a minute and a half
// on two processors that others use too.
var quick = []row{
	// P1-P3, P5, P6 and the bounds of P2.
	{"pair.pml", "-DCRASH -DPAUSE -DN=3", safe, 50},
	{"pair.pml", "-DCRASH -DPAUSE -DLATE=1 -DN=3", safe, 500},
	{"pair.pml", "-DCRASH -DPAUSE -DLATE=1 -DN=2", twoSolo, 500},
	{"pair.pml", "-DCRASH -DPAUSE -DLATE=1 -DLOSS=1 -DN=5", safe, 2000},
	{"pair.pml", "-DCRASH -DPAUSE -DLATE=1 -DLOSS=1 -DN=4", twoSolo, 2000},
	{"pair.pml", "-DPAUSE -DSTALETICK", twoSolo, 500},
	{"pair.pml", "-DPAUSE -DQUEUED", twoSolo, 500},
	{"pair.pml", "-DPAUSE -DLATE=1 -DNOGAP", twoSolo, 500},
	{"pair.pml", "-DFAULTS=0 -DLATE=1 -DLITERAL", twoSolo, 500},
	{"pair.pml", "-DFAULTS=0 -DEAGER", twoHold, 500},
	{"pair.pml", "-DCRASH -DANSWERFIRST", twoHold, 500},
	{"pair.pml", "-DPAUSE -DNOBEAT -DNOSTALE", twoSolo, 500},
	{"pair.pml", "-DPAUSE -DNODEMOTE", twoSolo, 500},
	{"pair.pml", "-DPART", twoSolo, 500},

	// P7: rejoin, under faults that follow one another.
	{"staged.pml", "-DCRASH -DPAUSE -DLEAVE -DFAULTS=1 -DK=2", safe, 1000},
	{"staged.pml", "-DCRASH -DPAUSE -DLOSS=1 -DFAULTS=1 -DK=1", safe, 1500},
	{"staged.pml", "-DCRASH -DFAULTS=2 -DK=1", safe, 2000},
	{"staged.pml", "-DCRASH -DPAUSE -DFAULTS=1 -DK=1 -DLIVE", safe, 500},
	{"staged.pml", "-DCRASH -DPAUSE -DFAULTS=1 -DK=1 -DN=3", bumps, 500},
	{"staged.pml", "-DCRASH -DPAUSE -DFAULTS=1 -DK=1 -DBUMPAGAIN", bumps, 500},
	{"staged.pml", "-DCRASH -DFAULTS=2 -DK=1 -DSTARTANY", lost, 500},
	{"staged.pml", "-DCRASH -DPAUSE -DFAULTS=1 -DK=1 -DLOSS=1 -DLIVE -DSTARTONCE", stuck, 500},
	{"staged.pml", "-DPAUSE -DFAULTS=1 -DK=1 -DNODEMOTE", twoSolo, 500},
	{"staged.pml", "-DPAUSE -DFAULTS=1 -DK=1 -DNOBEAT -DNOSTALE", twoSolo, 500},
	{"staged.pml", "-DCRASH -DFAULTS=1 -DK=1 -DEAGERRESTART", twoLead, 500},

	// Anything at any time: no view has two leaders, and the pair forms again.
	{"staged.pml", "-DANY -DCRASH -DPAUSE -DFAULTS=2 -DK=0 -DLIVE", safe, 2000},
	{"staged.pml", "-DANY -DCRASH -DPAUSE -DFAULTS=2 -DK=0 -DOWNVIEW", twoLead, 1000},
	{"staged.pml", "-DANY -DCRASH -DFAULTS=2 -DK=0 -DNOPARITY", twoLead, 1000},

	// A primary that runs out of tokens (S3) renews its view with its backup.
	{"staged.pml", "-DRENEW=1 -DCRASH -DPAUSE -DFAULTS=1 -DK=1", safe, 2000},

	// P0: founding, identity, incarnations, bye.
	{"founding.pml", "-DCRASH -DPAUSE -DLEAVE -DFAULTS=1 -DK=1", safe, 2000},
	{"founding.pml", "-DCRASH -DPAUSE -DLOSEFILE -DFAULTS=1 -DK=1", safe, 2000},
	{"founding.pml", "-DCRASH -DFAULTS=1 -DK=1 -DNOECHO", anew, 1000},
	{"founding.pml", "-DCRASH -DFAULTS=1 -DK=1 -DNOSYNC", twoLead, 1000},
	{"founding.pml", "-DCRASH -DPAUSE -DFAULTS=2 -DK=1 -DFOUNDALWAYS", twoSolo, 1000},

	// P9: trusted refusals.
	{"staged.pml", "-DCRASH -DPAUSE -DLEAVE -DTRUST -DFAULTS=1 -DK=1", safe, 2000},
	{"founding.pml", "-DCRASH -DPAUSE -DTRUST -DFAULTS=1 -DK=0", safe, 2000},
	{"staged.pml", "-DPAUSE -DTRUST -DREFLATE -DREFNOEND -DFAULTS=1 -DK=1", twoSolo, 500},
	{"staged.pml", "-DPAUSE -DTRUST -DREFLATE -DFAULTS=1 -DK=1", safe, 1000},
	// P9 to the letter is not enough: the dial must have begun after the stream's end was handled.
	{"staged.pml", "-DPAUSE -DTRUST -DREFLATE -DCUTS=1 -DFAULTS=1 -DK=1", twoSolo, 500},
	{"staged.pml", "-DLEAVE -DTRUST -DFAULTS=1 -DK=1 -DCLOSEFIRST", twoSolo, 500},

	// P4, S3, S4: relaying, parking, re-sending.
	{"relay.pml", "-DCRASH -DPAUSE -DABS -DR=1 -DS=2 -DDUPS=1", safe, 2000},
	{"relay.pml", "-DCRASH -DPAUSE -DLATE=1 -DLOSS=1 -DN=5 -DR=0 -DDUAL", safe, 500},
	{"relay.pml", "-DCRASH -DPAUSE -DABS -DR=2 -DDUPS=1 -DPARKNODEDUP", relayed, 1000},
	{"relay.pml", "-DCRASH -DPAUSE -DABS -DR=2 -DDUPS=1 -DNODEDUP", relayed, 1000},
	{"relay.pml", "-DCRASH -DPAUSE -DABS -DR=2 -DDUPS=1 -DDROPREF", relayed, 1000},
	{"relay.pml", "-DCRASH -DPAUSE -DABS -DR=2 -DDUPS=1 -DPARKFIRST", relayed, 1000},
	{"relay.pml", "-DCRASH -DPAUSE -DABS -DR=2 -DDUPS=1 -DRENUM", relayed, 1000},
	{"relay.pml", "-DCRASH -DPAUSE -DABS -DR=2 -DDUPS=1 -DANSWERFIRST", relayed, 1000},
	{"relay.pml", "-DCRASH -DPAUSE -DABS -DR=2 -DDUPS=1 -DEAGER", relayed, 1000},
}

// full rows are run by hand: minutes and gigabytes.
var full = []row{
	{"pair.pml", "-DCRASH -DPAUSE -DLATE=1 -DLOSS=1 -DN=6", safe, 2000},
	{"staged.pml", "-DCRASH -DPAUSE -DFAULTS=2 -DK=1", safe, 10000},
	{"staged.pml", "-DCRASH -DFAULTS=3 -DK=1", safe, 50000},
	{"staged.pml", "-DCRASH -DPAUSE -DLEAVE -DTRUST -DCUTS=1 -DFAULTS=1 -DK=1", safe, 10000},
	{"staged.pml", "-DCRASH -DPAUSE -DLOSS=1 -DFAULTS=1 -DK=1 -DLIVE", safe, 3000},
	{"staged.pml", "-DRENEW=1 -DCRASH -DPAUSE -DLOSS=1 -DFAULTS=1 -DK=1", safe, 10000},
	{"staged.pml", "-DRENEW=1 -DANY -DCRASH -DPAUSE -DFAULTS=2 -DK=0", safe, 10000},
	{"staged.pml", "-DRENEW=1 -DANY -DCRASH -DPAUSE -DFAULTS=2 -DK=0 -DRENEWSTEP=1", twoLead, 3000},
	{"founding.pml", "-DCRASH -DPAUSE -DFAULTS=1 -DK=1 -DLIVE", safe, 5000},
	{"founding.pml", "-DCRASH -DFAULTS=2 -DK=1", safe, 5000},
	{"founding.pml", "-DPAUSE -DTRUST -DCUTS=1 -DFAULTS=1 -DK=0", safe, 5000},
	{"staged.pml", "-DPAUSE -DTRUST -DREFLATE -DCUTS=1 -DFAULTS=1 -DK=0 -DREFAFTER", safe, 2000},
	{"relay.pml", "-DCRASH -DPAUSE -DABS -DR=1 -DS=2", safe, 4000},
	{"relay.pml", "-DCRASH -DPAUSE -DR=1 -DS=1", safe, 20000},
	{"relay.pml", "-DCRASH -DPAUSE -DABS -DR=2 -DDUPS=1", safe, 30000},
}

func TestModels(t *testing.T) {
	needTools(t)
	rows, limit := quick, 3*time.Minute
	if os.Getenv("LOCKSTEP_MODELS") == "full" {
		rows, limit = append(rows[:len(rows):len(rows)], full...), 20*time.Minute
	}
	turn := make(chan struct{}, 2) // rows that run at the same time
	for _, r := range rows {
		t.Run(r.model+" "+r.defines, func(t *testing.T) {
			t.Parallel()
			turn <- struct{}{}
			defer func() { <-turn }()
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			judge(t, r, check(t, ctx, r))
		})
	}
}

func needTools(t *testing.T) {
	t.Helper()
	var missing []string
	for tool, pkg := range map[string]string{"spin": "spin", "cc": "gcc"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, pkg)
		}
	}
	if len(missing) > 0 {
		t.Skipf("NOTHING OF THE PROTOCOL'S MODELS WAS CHECKED: install the packages %s", strings.Join(missing, " and "))
	}
}

// check generates, compiles and runs the checker of one row, and returns what
// it printed.
func check(t *testing.T, ctx context.Context, r row) string {
	t.Helper()
	model, err := filepath.Abs(r.model)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(name string, args ...string) string {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState != nil {
			t.Logf("%s: %.1f s of processor", name, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
		}
		if ctx.Err() != nil {
			t.Fatalf("%s did not end in time: %v", name, context.Cause(ctx))
		}
		var exit *exec.ExitError
		if err != nil && !(errors.As(err, &exit) && name == "./pan") {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		return string(out)
	}
	run("spin", append(strings.Fields(r.defines), "-a", model)...)
	run("cc", optimize(r), "-w", "-DSAFETY", "-DCOLLAPSE", "-DMEMLIM=8000", "-o", "pan", "pan.c")
	return run("./pan", "-m200000", "-w22")
}

// optimize chooses how long to compile: pan.c is large, and up to a few million
// states the compiler's work costs more than it saves.
func optimize(r row) string {
	if r.states > 3000 {
		return "-O2"
	}
	return "-O0"
}

var stored = regexp.MustCompile(`(?m)^\s*(\d+) states, stored`)

// judge compares what pan printed with what the row wants. A search that was
// cut short, or an inbox that was too small, proves nothing either way.
func judge(t *testing.T, r row, out string) {
	t.Helper()
	for _, cut := range []string{"max search depth too small", "out of memory", "memory limit", "Search not completed"} {
		// A search that found a violation stops there, and says so.
		if strings.Contains(out, cut) && (r.want == safe || cut != "Search not completed") {
			t.Fatalf("the search was cut short (%s):\n%s", cut, out)
		}
	}
	var states int
	if m := stored.FindStringSubmatch(out); m != nil {
		fmt.Sscan(m[1], &states)
	}
	violation := firstLine(out, "pan:1:")
	switch clean := strings.Contains(out, "errors: 0"); {
	case states == 0:
		t.Fatalf("pan did not report its states:\n%s", out)
	case strings.Contains(violation, fullInbox):
		t.Fatalf("an inbox of the model is too small: %s", violation)
	case r.want == safe && !clean:
		t.Fatalf("want safe, have %s\n%s", violation, out)
	case r.want != safe && clean:
		t.Fatalf("want a violation like %q, have none in %d states", r.want, states)
	case r.want != safe && !strings.Contains(violation, r.want):
		t.Fatalf("want a violation like %q, have %s", r.want, violation)
	case states > r.states*1000:
		t.Fatalf("%d states, more than the row's budget of %d thousand", states, r.states)
	}
	t.Logf("%d states; %s", states, orSafe(violation))
}

func firstLine(out, prefix string) string {
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, prefix) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func orSafe(violation string) string {
	if violation == "" {
		return "safe"
	}
	return violation
}
