package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"lockstep/tests/machines"
)

// settings are what the flags say.
type settings struct {
	duration time.Duration
	seed     uint64
	nodes    int    // 0: drawn
	log      string // "fsync", "memory", or "" for drawn
	faults   string // only these; "" for all
	lockd    string
	race     bool
	keep     string // where logs and histories of a run that failed go
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == crewMode {
		os.Exit(runCrew(os.Args[2:]))
	}
	var s settings
	flag.DurationVar(&s.duration, "duration", time.Minute, "for how long")
	flag.Uint64Var(&s.seed, "seed", rand.Uint64()%1_000_000, "what decides which faults come when")
	flag.IntVar(&s.nodes, "nodes", 0, "how many nodes a cluster has; 0 draws three or five for each")
	flag.StringVar(&s.log, "durability", "", "fsync or memory; else drawn for each cluster")
	flag.StringVar(&s.faults, "faults", "", "only these faults, with commas; see the closing table for their names")
	flag.StringVar(&s.lockd, "lockd", "", "the lockd to run; else it is built")
	flag.BoolVar(&s.race, "race", false, "build lockd with the race detector")
	flag.StringVar(&s.keep, "keep", "", "the directory for logs and histories of a run that failed; else one is made")
	flag.Parse()
	if flag.NArg() > 0 || s.duration <= 0 {
		fmt.Fprintln(os.Stderr, "chaos: give only flags, and a duration above zero")
		os.Exit(64)
	}
	if !machines.Inside() {
		os.Exit(outside(s))
	}
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	code := inside(ctx, s)
	release()
	os.Exit(code)
}

// outside builds lockd, where modules can be fetched, and runs this program again
// where it may make machines.
func outside(s settings) int {
	dir, err := os.MkdirTemp("", "lockstep-chaos-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	args := append(os.Args[1:], "-seed", fmt.Sprint(s.seed))
	if s.lockd == "" {
		s.lockd = filepath.Join(dir, "lockd")
		build := []string{"build", "-o", s.lockd}
		if s.race {
			build = append(build, "-race")
		}
		if out, err := exec.Command("go", append(build, "lockstep/cmd/lockd")...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "chaos: build lockd: %v: %s\n", err, strings.TrimSpace(string(out)))
			return 1
		}
		args = append(args, "-lockd", s.lockd)
	}
	if s.keep == "" {
		if s.keep, err = os.MkdirTemp("", "lockstep-chaos-kept-"); err != nil {
			fmt.Fprintln(os.Stderr, "chaos:", err)
			return 1
		}
		defer os.Remove(s.keep) // stays if something is in it
		args = append(args, "-keep", s.keep)
	}
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 1
	}
	command := exec.Command(self, args...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	err = machines.Enter(command)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return max(1, exit.ExitCode())
	case machines.Refused(err):
		fmt.Fprintln(os.Stderr, "chaos: machines need root, or a system that lets users make namespaces:", err)
		return 1
	default:
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 1
	}
}

// inside is the run itself.
func inside(ctx context.Context, s settings) int {
	r, err := newRun(s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 1
	}
	fmt.Printf("chaos for %v; -seed %d brings the same faults back\n", s.duration, s.seed)
	r.live(ctx)
	r.judge.wait()
	r.printTable(os.Stdout)
	return r.code()
}
