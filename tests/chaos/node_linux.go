package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"lockstep/tests/machines"
)

// node is one lockd, on a machine of its own, over all its lives.
type node struct {
	era     *era
	name    string
	machine *machines.Machine
	peers   string // what it is started with
	dir     string // its disk
	log     string // what it says, over all its lives

	command *exec.Cmd
	exited  chan struct{}
	mayEnd  atomic.Bool // it is being killed, or has a reason to give up
	taken   bool        // some fault has it now
}

const (
	port     = "7100"
	diskSize = 96 << 20
)

func (n *node) address() string { return n.machine.Address.String() + ":" + port }

// newNode makes a machine with an empty disk for a node.
func (e *era) newNode(name string) (*node, error) {
	m, err := e.network.Join(name)
	if err != nil {
		return nil, err
	}
	n := &node{era: e, name: name, machine: m, dir: filepath.Join(e.dir, name), log: filepath.Join(e.dir, name+".log")}
	return n, machines.Disk(n.dir, diskSize)
}

// start begins a life, with what is on the disk.
func (n *node) start() error {
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the node has its own
	fmt.Fprintf(log, "--- started at %s\n", show(n.era.run.now()))
	n.command = exec.Command(n.era.run.lockd, "node", "-name", n.name, "-listen", n.address(), "-peers", n.peers,
		"-data", n.dir, "-durability", n.era.durability, "-insecure")
	n.command.Stdout, n.command.Stderr = log, log
	n.command.Env = append(os.Environ(), "GORACE=halt_on_error=1") // a race ends the node, which is noticed
	n.mayEnd.Store(false)
	if err := n.machine.Start(n.command); err != nil {
		return err
	}
	exited := make(chan struct{})
	n.exited = exited
	go func() {
		err := n.command.Wait()
		if !n.mayEnd.Load() {
			n.era.run.violated("node %s ended by itself: %v\n%s", n.name, err, n.lastWords())
		}
		close(exited)
	}()
	return nil
}

// lastWords are the last lines that the node logged.
func (n *node) lastWords() string {
	log, _ := os.ReadFile(n.log) // without a log there are none
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-8):], "\n  ")
}

func (n *node) signal(s os.Signal) { _ = n.command.Process.Signal(s) } // it may have ended just now

// kill ends a life at once.
func (n *node) kill() {
	n.mayEnd.Store(true)
	n.signal(syscall.SIGKILL)
	<-n.exited
}

// longestLeave is how long a node may take to end after SIGTERM.
const longestLeave = 10 * time.Second

// stop asks a node to end, and waits for it.
func (n *node) stop() {
	n.mayEnd.Store(true)
	n.signal(syscall.SIGTERM)
	select {
	case <-n.exited:
	case <-time.After(longestLeave):
		n.era.run.violated("node %s did not end within %v of SIGTERM\n%s", n.name, longestLeave, n.lastWords())
		n.kill()
	}
}

func (n *node) lives() bool {
	select {
	case <-n.exited:
		return false
	default:
		return true
	}
}

// wipe empties the disk.
func (n *node) wipe() error {
	entries, err := os.ReadDir(n.dir)
	for _, entry := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(n.dir, entry.Name())))
	}
	return err
}

const filler = "filler"

// fill leaves no room on the disk.
func (n *node) fill() error {
	f, err := os.Create(filepath.Join(n.dir, filler))
	if err != nil {
		return err
	}
	defer f.Close()
	chunk := make([]byte, 64<<10)
	for {
		switch _, err := f.Write(chunk); {
		case err == nil:
		case errors.Is(err, syscall.ENOSPC) && len(chunk) > 1:
			chunk = chunk[:len(chunk)/2]
		case errors.Is(err, syscall.ENOSPC):
			return nil
		default:
			return err
		}
	}
}

// clear gives the room back.
func (n *node) clear() error { return os.Remove(filepath.Join(n.dir, filler)) }
