package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"lockstep/cmd/internal/cli"
	"lockstep/locktest"
)

// TestMain lets the test binary be a hop of the floor, or an attacker, as the program
// is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == hopMode {
		os.Exit(runHop(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == floodMode {
		os.Exit(runAttacker(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

// lockload runs the program inside the test.
func lockload(args ...string) (stdout, stderr string, code int) {
	var out, errors bytes.Buffer
	p := newProgram()
	p.Stdout, p.Stderr = &out, &errors
	p.Getenv = func(string) string { return "" }
	code = p.Main(p.withVerb(args))
	return out.String(), errors.String(), code
}

func TestFiftyClientsOfAPair(t *testing.T) {
	pair := locktest.StartPair(t)
	nodes := strings.Join(pair.Nodes(), ",")
	for _, args := range [][]string{
		{"-clients", "50", "-names", "own"},
		{"-clients", "50", "-names", "mix"},
		{"-goroutines", "50", "-names", "own"},
		{"-goroutines", "50", "-names", "one"},
		{"-clients", "50", "-names", "mix", "-locks", "leases"},
		{"-goroutines", "50", "-names", "own", "-locks", "both"},
		{"handoff", "-clients", "16"},
		{"handoff", "-goroutines", "50"},
		{"readers", "-clients", "50", "-readers", "80"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			args = append(args, "-nodes", nodes, "-duration", "500ms", "-warm-up", "50ms", "--json")
			stdout, stderr, code := lockload(args...)
			var r report
			if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != cli.OK {
				t.Fatalf("exit code %d, %v\n%s%s", code, err, stdout, stderr)
			}
			if !r.OK || r.operations() < 100 || r.Runs[0].Errors > 0 {
				t.Errorf("got %s", stdout)
			}
		})
	}
}

// The primary is killed under load: no wrong answer, and everybody goes on.
func TestThePrimaryIsKilledUnderLoad(t *testing.T) {
	pair := locktest.StartPair(t)
	killed := time.AfterFunc(500*time.Millisecond, pair.KillPrimary)
	defer killed.Stop()
	stdout, stderr, code := lockload("-clients", "50", "-nodes", strings.Join(pair.Nodes(), ","), "-duration", "2s", "--json")
	wantNoErrors(t, stdout, stderr, code)
}

// Nor does anybody lose a place in a queue.
func TestThePrimaryIsKilledWhileALockGoesRound(t *testing.T) {
	pair := locktest.StartPair(t)
	killed := time.AfterFunc(500*time.Millisecond, pair.KillPrimary)
	defer killed.Stop()
	stdout, stderr, code := lockload("handoff", "-clients", "30", "-nodes", strings.Join(pair.Nodes(), ","), "-duration", "2s", "--json")
	wantNoErrors(t, stdout, stderr, code)
}

func wantNoErrors(t *testing.T, stdout, stderr string, code int) {
	t.Helper()
	var r report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != cli.OK {
		t.Fatalf("exit code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	if r.Runs[0].Errors > 0 || r.Runs[0].Stuck > 0 {
		t.Errorf("got %s", stdout)
	}
}

func TestLocksAreHeldAndSessionsKept(t *testing.T) {
	pair := locktest.StartPair(t)
	for _, args := range [][]string{
		{"hold", "-held", "20001", "-duration", "100ms"},
		{"idle", "-sessions", "200", "-ttl", "1s"},
	} {
		args = append(args, "-nodes", strings.Join(pair.Nodes(), ","), "-pids", fmt.Sprint(os.Getpid()), "--json")
		stdout, stderr, code := lockload(args...)
		var r keepReport
		if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != cli.OK {
			t.Fatalf("%v: exit code %d, %v\n%s%s", args, code, err, stdout, stderr)
		}
		if !r.OK || r.Held != r.Locks || len(r.Errors) > 0 || args[0] == "hold" && r.Clients != 3 {
			t.Errorf("%v: got %s", args, stdout)
		}
	}
}

// Idle sessions survive the primary, although their clients tick slowly.
func TestThePrimaryIsKilledWhileSessionsAreIdle(t *testing.T) {
	pair := locktest.StartPair(t, locktest.Tick(50*time.Millisecond))
	killed := time.AfterFunc(time.Second, pair.KillPrimary)
	defer killed.Stop()
	stdout, stderr, code := lockload("idle", "-sessions", "500", "-ttl", "2s", "-duration", "4s",
		"-nodes", strings.Join(pair.Nodes(), ","), "-pids", fmt.Sprint(os.Getpid()), "--json")
	if code != cli.OK {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

func TestTheFloorIsMeasured(t *testing.T) {
	for _, outstanding := range []int{1, 100} {
		f, err := measureFloor(floorPlan{outstanding: outstanding, duration: 20 * time.Millisecond}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if f.Operations == 0 || f.P50 <= 0 || f.OpsPerSecond <= 0 || f.Outstanding != outstanding {
			t.Errorf("got %+v", f)
		}
	}
}

func TestBadCommandLines(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"-clients", "0"}, cli.Usage, "nobody would ask"},
		{[]string{"-clients", "x"}, cli.Usage, "whole number"},
		{[]string{"-clients", "5", "-goroutines", "5"}, cli.Usage, "exclude each other"},
		{[]string{"-spawn", "-nodes", "a:1,b:2"}, cli.Usage, "exclude each other"},
		{[]string{"-lockd", "x"}, cli.Usage, "-spawn"},
		{[]string{"-quorum"}, cli.Usage, "add -spawn"},
		{[]string{"-durability", "fsync"}, cli.Usage, "add -spawn"},
		{[]string{"-spawn", "-durability", "disk"}, cli.Usage, "fsync, memory"},
		{[]string{"compare", "-quiet", "-lockd", "/nowhere/lockd"}, cli.Unavailable, "/nowhere/lockd"},
		{[]string{"-pids", "one"}, cli.Usage, "process ids"},
		{[]string{"-names", "mine"}, cli.Usage, "own, one, mix"},
		{[]string{"-locks", "all"}, cli.Usage, "ownerless, leases, both"},
		{[]string{"handoff", "-goroutines", "1001"}, cli.Usage, "at most 1000"},
		{[]string{"handoff", "-names", "own"}, cli.Usage, "no flag -names"},
		{[]string{"readers", "-readers", "101"}, cli.Usage, "0 to 100"},
		{[]string{"hold"}, cli.Usage, "add -spawn"},
		{[]string{"idle", "-sessions", "0"}, cli.Usage, "whole number"},
		{[]string{"surplus"}, cli.Usage, "surplus"},
		{[]string{"flood", "-attacks", "flood,rain"}, cli.Usage, "want all, or some of certificates, flood, idle"},
		{[]string{"flood", "-nodes", "a:1"}, cli.Usage, "no flag -nodes"},
		{[]string{"flood", "-lockd", "/nowhere/lockd"}, cli.Unavailable, "/nowhere/lockd"},
		{[]string{"api", "-callers", "1,0"}, cli.Usage, "such as 1,64"},
		{[]string{"api", "-nodes", "a:1,b:2"}, cli.Usage, "-nodes and -api go together"},
		{[]string{"api", "-api", "a:3"}, cli.Usage, "-nodes and -api go together"},
		{[]string{"api", "-nodes", "a:1,b:2", "-api", "a"}, cli.Usage, "the port is missing"},
		{[]string{"api", "-nodes", "a:1,b:2", "-api", "unix:"}, cli.Usage, "unix:PATH"},
		{[]string{"-spawn", "-lockd", "/nowhere/lockd"}, cli.Unavailable, "/nowhere/lockd"},
		{[]string{"-nodes", "127.0.0.1:1", "-timeout", "100ms"}, cli.Unavailable, "no definite answer"},
	} {
		_, stderr, code := lockload(test.args...)
		if code != test.code || !strings.Contains(stderr, test.says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: exit code %d and %q, want %d and one line with %q", test.args, code, stderr, test.code, test.says)
		}
	}
}
