package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lockstep/internal/leash"
)

// process is a server that we have started.
type process struct {
	cmd    *exec.Cmd
	log    string
	exited chan struct{}
}

// start runs a server in a group of its own, so that an interrupt typed for us
// does not end it while callers still wait.
func start(log, name string, args ...string) (*process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the child has its own
	p := &process{cmd: exec.Command(name, args...), log: log, exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := leash.Start(p.cmd); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in its log
		close(p.exited)
	}()
	return p, nil
}

// stop ends the process by its id.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-p.exited:
	case <-time.After(3 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

// lastWords is the last line that the process logged.
func (p *process) lastWords() string {
	log, _ := os.ReadFile(p.log) // without a log there are none
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return lines[len(lines)-1]
}

// cpu is the processor time that processes have used so far, in seconds, or zero
// where there is no /proc.
func cpu(pids ...int) (seconds float64) {
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0
		}
		// The program's name, in parentheses, may contain anything.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		const user, system = 11, 12
		if len(fields) <= system {
			return 0
		}
		for _, field := range [][]byte{fields[user], fields[system]} {
			n, _ := strconv.ParseInt(string(field), 10, 64) // the kernel writes numbers
			seconds += float64(n) / 100
		}
	}
	return seconds
}

// freePorts finds ports of this machine that nobody listens on.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
