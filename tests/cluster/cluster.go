// Package cluster runs lockd processes that are a cluster, on loopback.
package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"lockstep"
	"lockstep/internal/leash"
)

// Config is what a cluster is started with.
type Config struct {
	Lockd     string   // the program
	Dir       string   // where the nodes keep their state
	Addresses []string // of the nodes, which are called a, b, c
	Flags     []string // more, of all
	APIs      []string // the public addresses of the nodes, if they have them
}

// Cluster is nodes that belong together.
type Cluster struct {
	Nodes  []*Node
	client *lockstep.Client
}

// Node is one of them, over all its lives.
type Node struct {
	Name    string
	Address string
	Dir     string

	lockd  string
	args   []string
	life   *exec.Cmd
	exited chan struct{} // closed when the life is over

	mu   sync.Mutex
	said strings.Builder // in all lives
}

// Start starts all nodes, and returns when they are a cluster. What it returns
// has to be stopped even with an error.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	c := New(cfg)
	for _, n := range c.Nodes {
		if err := n.Start(); err != nil {
			return c, err
		}
	}
	return c, c.AwaitWhole(ctx)
}

// New returns nodes that are not started yet.
func New(cfg Config) *Cluster {
	c := &Cluster{}
	var peers []string
	for i, address := range cfg.Addresses {
		name := string(rune('a' + i))
		peers = append(peers, name+"="+address)
		c.Nodes = append(c.Nodes, &Node{Name: name, Address: address, Dir: filepath.Join(cfg.Dir, name), lockd: cfg.Lockd})
	}
	for _, n := range c.Nodes {
		n.args = append([]string{"node", "-name", n.Name, "-listen", n.Address, "-peers", strings.Join(peers, ","), "-data", n.Dir}, cfg.Flags...)
	}
	for i, address := range cfg.APIs {
		c.Nodes[i].args = append(c.Nodes[i].args, "-api", address)
	}
	return c
}

// Addresses are where clients find the nodes.
func (c *Cluster) Addresses() (all []string) {
	for _, n := range c.Nodes {
		all = append(all, n.Address)
	}
	return all
}

// Stop kills all nodes.
func (c *Cluster) Stop() {
	if c.client != nil {
		_ = c.client.Close() // the nodes may be dead
	}
	for _, n := range c.Nodes {
		n.Kill()
	}
}

// Start begins a life, with what the node's directory holds.
func (n *Node) Start() error {
	life := exec.Command(n.lockd, n.args...)
	said, err := life.StderrPipe()
	if err != nil {
		return err
	}
	if err := leash.Start(life); err != nil {
		return err
	}
	exited := make(chan struct{})
	n.life, n.exited = life, exited
	go func() {
		n.listen(said)
		_ = life.Wait() // its exit code is in ProcessState
		close(exited)
	}()
	return nil
}

func (n *Node) listen(said io.Reader) {
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		n.mu.Lock()
		n.said.WriteString(lines.Text() + "\n")
		n.mu.Unlock()
	}
}

// Command is how the node is started.
func (n *Node) Command() string { return strings.Join(append([]string{n.lockd}, n.args...), " ") }

// PID is the process of the node's last life.
func (n *Node) PID() int { return n.life.Process.Pid }

// Said is all that the node has said.
func (n *Node) Said() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.said.String()
}

// Signal sends a signal to the node, if it lives.
func (n *Node) Signal(s syscall.Signal) { _ = n.life.Process.Signal(s) }

// Exited is closed when the life is over.
func (n *Node) Exited() <-chan struct{} { return n.exited }

// ExitCode is that of the last life, which has to be over.
func (n *Node) ExitCode() int { return n.life.ProcessState.ExitCode() }

// Kill ends the life by SIGKILL, and returns when it is over.
func (n *Node) Kill() {
	if n.life == nil {
		return
	}
	n.Signal(syscall.SIGKILL)
	<-n.exited
}

// Status asks the nodes where they stand.
func (c *Cluster) Status(ctx context.Context) ([]lockstep.NodeStatus, error) {
	if c.client == nil {
		client, err := lockstep.Dial(context.WithoutCancel(ctx), c.Addresses())
		if err != nil {
			return nil, err
		}
		c.client = client
	}
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	return c.client.Status(ctx), nil
}

// Primary is the node that serves.
func (c *Cluster) Primary(ctx context.Context) (*Node, error) {
	all, err := c.Status(ctx)
	for _, s := range all {
		for _, n := range c.Nodes {
			if s.Role == "primary" && s.Name == n.Address {
				return n, nil
			}
		}
	}
	return nil, errors.Join(err, fmt.Errorf("no primary: %+v", all))
}

// Backup is a node that does not serve.
func (c *Cluster) Backup(ctx context.Context) (*Node, error) {
	primary, err := c.Primary(ctx)
	for _, n := range c.Nodes {
		if n != primary {
			return n, err
		}
	}
	return nil, errors.Join(err, errors.New("no backup"))
}

// wholeWithin is how long a cluster may take to get over anything.
const wholeWithin = 60 * time.Second

// far is how many entries a backup that has caught up may be behind.
const far = 1000

// AwaitWhole polls until every node votes and follows one primary closely.
func (c *Cluster) AwaitWhole(ctx context.Context) error {
	for deadline := time.Now().Add(wholeWithin); ; time.Sleep(20 * time.Millisecond) {
		all, err := c.Status(ctx)
		switch {
		case err != nil:
			return err
		case whole(all):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(deadline):
			return fmt.Errorf("not whole within %v: %+v", wholeWithin, all)
		}
	}
}

func whole(all []lockstep.NodeStatus) bool {
	roles := map[string]int{}
	var most uint64
	for _, s := range all {
		if len(s.Members) != len(all) {
			return false
		}
		for _, m := range s.Members {
			if !m.Voter {
				return false
			}
		}
		roles[s.Role]++
		most = max(most, s.Index)
	}
	for _, s := range all {
		if most-s.Index > far {
			return false
		}
	}
	return roles["primary"] == 1 && roles["backup"] == len(all)-1
}
