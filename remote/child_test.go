package remote

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/actors"
	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
	"lockstep/trust"
)

// Real remoting is tested between processes: two remotes in one race on gRPC's
// logger. This test binary is the program of those processes too.

const childVariable = "LOCKSTEP_REMOTE_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		runChild(text)
		return
	}
	os.Exit(m.Run())
}

// childConfig is what a child is told.
type childConfig struct {
	Listen      string
	Peer        replica.NodeID
	Nodes       []replica.NodeID
	Incarnation replica.Incarnation
	TLS         *trust.Files
	ThenTLS     *trust.Files // what it shows after it has started, if not TLS
}

// identity is what a child shows.
func (c childConfig) identity() trust.Source {
	if c.TLS == nil {
		return nil
	}
	first, err := trust.Open(*c.TLS, nil)
	if err != nil {
		panic(err)
	}
	if c.ThenTLS == nil {
		return first
	}
	then, err := trust.Open(*c.ThenTLS, nil)
	if err != nil {
		panic(err)
	}
	return &turncoat{first: first, then: then}
}

// turncoat is an identity that changes when it has been looked at.
type turncoat struct {
	first, then trust.Source
	shown       atomic.Bool
}

func (t *turncoat) Identity() trust.Identity {
	if !t.shown.Swap(true) {
		return t.first.Identity()
	}
	return t.then.Identity()
}

// runChild obeys its input, a command a line, and prints what happens.
func runChild(text string) {
	var c childConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		panic(err)
	}
	if c.Incarnation == 0 {
		c.Incarnation = replica.Incarnation(time.Now().UnixMilli())
	}
	var peers []replica.NodeID
	if c.Peer != "" {
		peers = []replica.NodeID{c.Peer}
	}
	p, err := Start(Config{Listen: c.Listen, Peers: peers, Nodes: c.Nodes, Incarnation: c.Incarnation, TLS: c.identity()})
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	printer := p.Root().Spawn(actors.Props(func() actor.Actor { return actor.ReceiveFunc(printEvent) }))
	if c.Peer != "" {
		p.Serve(p.Root().Spawn(actors.Props(func() actor.Actor { return echo{p} })), printer)
	} else if len(c.Nodes) == 0 {
		p.Serve(p.Root().Spawn(actors.Props(func() actor.Actor { return echo{p} })), nil)
	}
	if c.Peer == "" {
		p.Enroll(1, printer)
	}
	fmt.Println("ready", p.Address())
	obey(p)
	p.Stop(2 * time.Second)
	fmt.Println("stopped")
}

func obey(p *Process) {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var verb string
		var to replica.NodeID
		var n uint64
		fmt.Sscan(in.Text(), &verb, &to, &n)
		switch verb {
		case "beat":
			p.Send(to, heartbeat(lock.Index(n)))
		case "ask":
			p.Send(to, request(1, lock.Number(n)))
		case "reset":
			p.Reset(to)
		case "flood":
			for i := range n {
				p.Send(to, messages.Parcel{Pair: []replica.Message{replica.Chunk{Offset: i, Bytes: make([]byte, 128<<10)}}})
			}
		case "bench":
			fmt.Println("bench", bench(p, to, int(n)))
		case "refusals":
			counts, _ := json.Marshal(p.Refusals())
			fmt.Println("refusals", string(counts))
		case "stop":
			return
		}
	}
	os.Exit(1) // the test has gone
}

func printEvent(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actors.LinkUp:
		fmt.Println("up", m.Node)
	case *actors.LinkDown:
		fmt.Println("down", m.Node)
	case *actors.DialRefused:
		fmt.Println("dial-refused", m.Node)
	case *actors.StreamEnded:
		fmt.Println("ended", m.From, m.Incarnation)
	case *actors.FromPeer:
		for _, message := range m.Messages {
			switch message := message.(type) {
			case replica.Heartbeat:
				fmt.Println("beat", m.From, message.Index, m.NewConnection)
			case replica.Chunk:
				fmt.Println("chunk", message.Offset)
			}
		}
	case *actors.FromNode:
		for _, a := range m.Answers {
			fmt.Println("answer", m.From, a.Request.Number)
		}
	}
}

// child is a process under test.
type child struct {
	t       *testing.T
	command *exec.Cmd
	input   io.WriteCloser
	address replica.NodeID
	exited  chan struct{}

	mu    sync.Mutex
	lines []string
	times []time.Time
}

func startChild(t *testing.T, c childConfig) *child {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	ch := &child{t: t, command: exec.Command(os.Args[0]), exited: make(chan struct{})}
	ch.command.Env = append(os.Environ(), childVariable+"="+string(text))
	ch.command.Stderr = os.Stderr
	if ch.input, err = ch.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	output, err := ch.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.command.Start(); err != nil {
		t.Fatal(err)
	}
	go ch.read(output)
	t.Cleanup(ch.kill)
	line := ch.wait("ready ", 1)
	ch.address = replica.NodeID(strings.TrimPrefix(line, "ready "))
	return ch
}

func (c *child) read(output io.Reader) {
	for s := bufio.NewScanner(output); s.Scan(); {
		c.mu.Lock()
		c.lines, c.times = append(c.lines, s.Text()), append(c.times, time.Now())
		c.mu.Unlock()
	}
	c.command.Wait()
	close(c.exited)
}

func (c *child) do(format string, args ...any) { fmt.Fprintf(c.input, format+"\n", args...) }

// count is how many lines with a prefix were printed so far.
func (c *child) count(prefix string) int { n, _, _ := c.find(prefix, 1<<30); return n }

// find returns the nth line with a prefix, if there are as many.
func (c *child) find(prefix string, nth int) (n int, line string, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, l := range c.lines {
		if strings.HasPrefix(l, prefix) {
			if n++; n == nth {
				return n, l, c.times[i]
			}
		}
	}
	return n, "", time.Time{}
}

// wait waits for the nth line with a prefix.
func (c *child) wait(prefix string, nth int) string {
	c.t.Helper()
	line, _ := c.waitAt(prefix, nth)
	return line
}

func (c *child) waitAt(prefix string, nth int) (string, time.Time) {
	c.t.Helper()
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(time.Millisecond) {
		if n, line, at := c.find(prefix, nth); n >= nth {
			return line, at
		}
		if time.Now().After(end) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.t.Fatalf("process %s did not print %q %d times but:\n%s", c.address, prefix, nth, strings.Join(c.lines, "\n"))
		}
	}
}

func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.command.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

func (c *child) kill() {
	c.command.Process.Signal(syscall.SIGCONT)
	c.command.Process.Kill()
	<-c.exited
}
