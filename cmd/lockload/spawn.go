package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"lockstep"
	"lockstep/internal/leash"
)

// nodeProcess is a lockd that we started.
type nodeProcess struct {
	cmd    *exec.Cmd
	log    string // where its log goes
	exited chan struct{}
}

// setup says which nodes are spawned.
type setup struct {
	lockd      string
	quorum     bool   // three nodes, not a pair
	durability string // "fsync", "memory", or empty for what the nodes do by themselves
	api        bool   // each node has one
	gate       *gate  // who may use the nodes; nil: whoever reaches them
}

func (u setup) String() string {
	nodes, durability := "pair", cmp.Or(u.durability, "default")
	if u.quorum {
		nodes = "three nodes"
	}
	return nodes + ", " + durability
}

// count is how many nodes there are.
func (u setup) count() int {
	if u.quorum {
		return 3
	}
	return 2
}

// args are what lockd is started with as one of the nodes.
func (u setup) args(i int, addresses []string) []string {
	var args []string
	if u.quorum {
		var peers []string
		for k, address := range addresses {
			peers = append(peers, fmt.Sprintf("n%d=%s", k, address))
		}
		args = []string{"node", "-name", fmt.Sprintf("n%d", i), "-listen", addresses[i], "-peers", strings.Join(peers, ",")}
	} else {
		args = []string{[]string{"-p", "-b"}[i], addresses[0], addresses[1]}
	}
	if u.durability != "" {
		args = append(args, "-durability", u.durability)
	}
	return args
}

// ready reports whether the nodes can be measured: all of them take part.
func (u setup) ready(nodes []lockstep.NodeStatus) bool {
	if !u.quorum {
		return nodes[0].Paired && nodes[1].Paired
	}
	roles := map[string]int{}
	for _, n := range nodes {
		roles[n.Role]++
	}
	return roles["primary"] == 1 && roles["backup"] == len(nodes)-1
}

// startSpawned runs the nodes as processes of their own, as in production.
func startSpawned(u setup) (*service, error) {
	path, err := findLockd(u.lockd)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "lockload-")
	if err != nil {
		return nil, err
	}
	n := u.count()
	addresses, err := freeAddresses(2 * n)
	if err != nil {
		return nil, err
	}
	addresses, apis := addresses[:n], addresses[n:]
	var running []*nodeProcess
	s := &service{kind: "spawned", nodes: addresses, stop: func() {
		for _, n := range running {
			n.stop()
		}
		os.RemoveAll(dir)
	}}
	if u.api {
		s.apis = apis
	}
	for i := range addresses {
		args := u.args(i, addresses)
		if u.api {
			args = append(args, "-api", apis[i])
		}
		args = append(args, u.gate.args()...)
		node, err := startNode(path, args, filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			s.stop()
			return nil, err
		}
		running = append(running, node)
		s.pids = append(s.pids, node.cmd.Process.Pid)
	}
	if err := awaitReady(addresses, u.ready, u.gate.options()...); err != nil {
		err = fmt.Errorf("%w%s", err, lastWords(running))
		s.stop()
		return nil, err
	}
	return s, nil
}

// findLockd takes the path that was given, else the lockd beside this program,
// else the one that a shell would find.
func findLockd(given string) (string, error) {
	if given != "" {
		return exec.LookPath(given)
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "lockd")
		if path, err := exec.LookPath(beside); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath("lockd")
	if err != nil {
		return "", errors.New("there is no lockd beside lockload nor on the PATH: say where it is with -lockd, or build it with go build ./cmd/lockd")
	}
	return path, nil
}

func startNode(lockd string, args []string, dir string) (*nodeProcess, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	n := &nodeProcess{log: dir + ".log", exited: make(chan struct{})}
	out, err := os.Create(n.log)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the child has its own
	n.cmd = exec.Command(lockd, append(args, "-data", dir)...)
	n.cmd.Stdout, n.cmd.Stderr = out, out
	apart(n.cmd)
	if err := leash.Start(n.cmd); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", lockd, err)
	}
	go func() {
		_ = n.cmd.Wait() // how it ended is in its log
		close(n.exited)
	}()
	return n, nil
}

// stop asks a node to leave, and ends it if it does not: by its process id, and
// whether or not it stands still.
func (n *nodeProcess) stop() {
	_ = n.cmd.Process.Signal(syscall.SIGTERM) // it may have been killed by whoever tests us
	select {
	case <-n.exited:
	case <-time.After(3 * time.Second):
		_ = n.cmd.Process.Kill()
		<-n.exited
	}
}

// lastWords are the last lines that nodes logged.
func lastWords(nodes []*nodeProcess) (words string) {
	for _, n := range nodes {
		log, err := os.ReadFile(n.log)
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(log)), "\n")
		words += fmt.Sprintf("; node %d logged last: %s", n.cmd.Process.Pid, lines[len(lines)-1])
	}
	return words
}
