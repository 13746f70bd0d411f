package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"

	"lockstep/cmd/internal/cli"
)

// work is what a command does with the nodes.
type work func(s *service, r reach, stop, abandon <-chan struct{}) (shown, error)

// shown is a report.
type shown interface {
	write(io.Writer)
	// failure is what the report amounts to, or nil.
	failure() error
}

// start does what the flags say.
func (p *program) start(do work) error {
	if err := p.check(); err != nil {
		return err
	}
	stop, abandon, release := interrupts()
	defer release()
	stopProfile, err := p.profile()
	if err != nil {
		return err
	}
	defer stopProfile()
	log := cli.NewLog(p.Stderr, false, slog.LevelError)
	s, err := p.service(log)
	if err != nil {
		return cli.Fail(cli.Unavailable, "%s", cli.Plain(err))
	}
	defer s.stop()
	r := reach{nodes: s.nodes, listen: p.listen, insecure: p.insecure, tls: p.tls, log: log}
	if err := reachable(r, p.plan.timeout); err != nil {
		return cli.Fail(cli.Unavailable, "%s", cli.Plain(err))
	}
	report, err := do(s, r, stop, abandon)
	if err != nil {
		return cli.Fail(cli.Unavailable, "%s", cli.Plain(err))
	}
	return p.print(report)
}

// interrupts closes one channel at the first interrupt and the other at the
// second. A third ends the program as usual.
func interrupts() (stop, abandon <-chan struct{}, release func()) {
	first, second := make(chan struct{}), make(chan struct{})
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for _, c := range []chan struct{}{first, second} {
			select {
			case <-signals:
				close(c)
			case <-done:
				return
			}
		}
		signal.Stop(signals)
	}()
	return first, second, func() { signal.Stop(signals); close(done) }
}

func (p *program) profile() (stop func(), err error) {
	if p.cpuProfile == "" {
		return func() {}, nil
	}
	file, err := os.Create(p.cpuProfile)
	if err != nil {
		return nil, cli.Fail(cli.CantCreate, "cannot write the profile: %v", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, cli.Fail(cli.Software, "cannot profile: %v", err)
	}
	return func() { pprof.StopCPUProfile(); file.Close() }, nil
}

// service is the nodes that the flags ask for.
func (p *program) service(log *slog.Logger) (*service, error) {
	switch {
	case p.Given("nodes"):
		return &service{kind: "given", nodes: p.nodes, pids: p.pids, stop: func() {}}, nil
	case p.spawn:
		return startSpawned(setup{lockd: p.lockd, quorum: p.quorum, durability: p.durability, api: p.withAPI})
	default:
		return startEmbedded(p.withAPI, log)
	}
}

func (p *program) show(line string) {
	if !p.quiet {
		fmt.Fprintln(p.Stderr, line)
	}
}

// print writes the report and returns the failure that it amounts to, if any.
func (p *program) print(r shown) error {
	var out strings.Builder
	if p.json {
		if err := json.NewEncoder(&out).Encode(r); err != nil {
			return err
		}
	} else {
		r.write(&out)
	}
	if _, err := io.WriteString(p.Stdout, out.String()); err != nil {
		return cli.Fail(cli.IOError, "cannot print the report: %v", err)
	}
	return r.failure()
}

func parsePIDs(text string) (pids []int, err error) {
	if text == "" {
		return nil, nil
	}
	for field := range strings.SplitSeq(text, ",") {
		pid, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || pid <= 0 {
			return nil, fmt.Errorf("want process ids with commas between them, such as 812,813")
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
