//go:build linux

package tests

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lockstep"
	"lockstep/tests/history"
	"lockstep/tests/machines"
)

// island is lockd nodes on machines of their own, a client on one more, and this
// program, which is one more client, on another. What is cut off is one node with
// the first client.
type island struct {
	t       *testing.T
	network *machines.Network
	here    *machines.Machine
	nodes   []*machines.Machine
	client  *lockstep.Client
	record  *history.Recorder
	origin  time.Duration
	cutOff  *castaway
}

const nodePort = ":7100"

// indoors runs the test again where machines can be made, and reports whether
// this is that run.
func indoors(t *testing.T) bool {
	t.Helper()
	if machines.Inside() {
		return true
	}
	// The run inside has no network to fetch modules from.
	switch said, err := machines.Rerun(t.Name(), builtBefore+"="+binaries(t)); {
	case err == nil:
		t.Log("\n" + said)
	case machines.Refused(err):
		t.Skip("no machines here: it takes root, or user namespaces:", err)
	default:
		t.Errorf("%v\n%s", err, said)
	}
	return false
}

func monotonic() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err) // every Linux has it
	}
	return time.Duration(now.Nano())
}

// since is a clock that showed zero at a moment of the machine's clock.
func since(origin time.Duration) func() int64 {
	return func() int64 { return int64(monotonic() - origin) }
}

// newIsland starts the nodes and the clients.
func newIsland(t *testing.T, count int, args func(i int, addresses []string) []string) *island {
	t.Helper()
	network, err := machines.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(network.Close)
	w := &island{t: t, network: network, origin: monotonic()}
	w.record = history.NewPart(since(w.origin), 1)
	if w.here, err = network.Here("here"); err != nil {
		t.Fatal(err)
	}
	for i := range count {
		w.nodes = append(w.nodes, w.join(fmt.Sprint("node", i)))
	}
	for i, m := range w.nodes {
		w.startNode(m, append(args(i, w.addresses()), "-insecure", "-data", t.TempDir())...)
	}
	if w.client, err = lockstep.Dial(t.Context(), w.addresses(), lockstep.WithInsecure(), lockstep.WithListen(w.here.Address.String()+":0"),
		lockstep.WithTTL(castawayTTL)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.client.Close() })
	return w
}

func (w *island) join(name string) *machines.Machine {
	w.t.Helper()
	m, err := w.network.Join(name)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (w *island) addresses() (all []string) {
	for _, m := range w.nodes {
		all = append(all, m.Address.String()+nodePort)
	}
	return all
}

func (w *island) startNode(m *machines.Machine, args ...string) {
	w.t.Helper()
	node := exec.Command(binary(w.t, "lockd"), args...)
	var said strings.Builder
	node.Stderr = &said
	if err := m.Start(node); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = node.Process.Kill() // it may have ended by itself
		_ = node.Wait()
		if w.t.Failed() {
			w.t.Logf("%s said:\n%s", m.Name, said.String())
		}
	})
}

// await polls the nodes until they stand as wanted, and returns how.
func (w *island) await(what string, wanted func([]lockstep.NodeStatus) bool) []lockstep.NodeStatus {
	w.t.Helper()
	for deadline := time.Now().Add(40 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(w.t.Context(), 500*time.Millisecond)
		all := w.client.Status(ctx)
		cancel()
		if wanted(all) {
			return all
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("not %s: %+v", what, all)
		}
	}
}

// isolate cuts a node and the castaway off from everybody else.
func (w *island) isolate(node *machines.Machine) {
	for _, inside := range []*machines.Machine{node, w.cutOff.machine} {
		for _, outside := range append(slices.Clone(w.nodes), w.here) {
			if outside != node {
				w.network.Cut(inside, outside)
				w.network.Cut(outside, inside)
			}
		}
	}
}

// acquire takes a lock as this program's client, and writes it down.
func (w *island) acquire(name string) *lockstep.Lease {
	w.t.Helper()
	o := history.Op{Client: 1, Kind: history.Acquire, Name: name, Call: w.record.Now()}
	lease := acquire(w.t, w.client, name)
	o.Answer, o.Token = history.Yes, uint64(lease.Token())
	w.record.Answered(o)
	return lease
}

// castaway is a client in a process of its own, on a machine of its own.
type castaway struct {
	t       *testing.T
	machine *machines.Machine
	orders  io.Writer
	words   *json.Decoder
}

const (
	castawayNodes  = "LOCKSTEP_TEST_CASTAWAY_NODES"
	castawayListen = "LOCKSTEP_TEST_CASTAWAY_LISTEN"
	castawayOrigin = "LOCKSTEP_TEST_CASTAWAY_ORIGIN"

	castawayTTL = 4 * time.Second
	// Shorter than its session lives, so that the answer is not that it has expired,
	// and longer than it takes a primary to see that nobody follows it.
	castawayPatience = 2500 * time.Millisecond
)

// castawayWord is what the castaway says.
type castawayWord struct {
	Token    uint64       // of its lease
	Error    string       // of what it was told to do
	NoQuorum bool         // the error is that one
	Lost     bool         // the lease is
	Ops      []history.Op // in the end
}

func (w *island) strand() {
	w.t.Helper()
	c := &castaway{t: w.t, machine: w.join("castaway")}
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), castawayNodes+"="+strings.Join(w.addresses(), ","),
		castawayListen+"="+c.machine.Address.String()+":0", castawayOrigin+"="+fmt.Sprint(int64(w.origin)))
	command.Stderr = os.Stderr
	orders, err := command.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	words, err := command.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := c.machine.Start(command); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = command.Process.Kill() // it may have ended by itself
		_ = command.Wait()
	})
	c.orders, c.words = orders, json.NewDecoder(words)
	w.cutOff = c
}

// does tells the castaway what to do, and returns what it says to that.
func (c *castaway) does(what string) (w castawayWord) {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.orders, what); err != nil {
		c.t.Fatal(err)
	}
	if err := c.words.Decode(&w); err != nil {
		c.t.Fatalf("the castaway, told to %s: %v", what, err)
	}
	return w
}

// castAway is what runs in the castaway's process.
func castAway(nodes, listen, origin string) {
	var began int64
	if _, err := fmt.Sscan(origin, &began); err != nil {
		panic(err)
	}
	client, err := lockstep.Dial(context.Background(), strings.Split(nodes, ","), lockstep.WithInsecure(), lockstep.WithListen(listen), lockstep.WithTTL(castawayTTL))
	if err != nil {
		panic(err)
	}
	record := history.NewPart(since(time.Duration(began)), 2)
	var lease *lockstep.Lease
	var certain time.Time // until when the lease lasts, as it said when it was last looked at
	look := func() {
		if until := lease.Deadline(); !until.IsZero() {
			certain = until
		}
	}
	lost := history.Op{Client: 2, Kind: history.Lose, Name: "a"}
	out, orders := json.NewEncoder(os.Stdout), bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		var w castawayWord
		switch orders.Text() {
		case "hold":
			o := history.Op{Client: 2, Kind: history.Acquire, Name: "a", Call: record.Now()}
			if lease, err = client.Acquire(context.Background(), "a"); err == nil {
				o.Answer, o.Token = history.Yes, uint64(lease.Token())
				record.Answered(o)
				w.Token, lost.Token = o.Token, o.Token
			}
		case "ask":
			ctx, cancel := context.WithTimeout(context.Background(), castawayPatience)
			o := history.Op{Client: 2, Kind: history.Lock, Name: "b", Call: record.Now()}
			var yes bool
			if yes, err = client.Clerk().Lock(ctx, "b"); err != nil {
				record.Open(o)
			} else {
				o.Answer = map[bool]history.Answer{true: history.Yes, false: history.No}[yes]
				record.Answered(o)
			}
			cancel()
			look() // it may be over before the next order
		case "lose":
			for lease.Err() == nil {
				look()
				select {
				case <-lease.Context().Done():
				case <-time.After(time.Millisecond):
				}
			}
			lost.Call = min(record.Now(), record.At(certain))
			record.Open(lost)
			w.Lost, err = true, lease.Err()
		case "tell":
			w.Ops, err = record.Ops(), nil
		}
		if err != nil {
			w.Error, w.NoQuorum = err.Error(), errors.Is(err, lockstep.ErrNoQuorum)
		}
		if out.Encode(w) != nil {
			break
		}
	}
	os.Exit(0)
}

// A partition isolates the primary of three with a client. That client is told
// that there is no quorum and loses its lease by itself; the others go on, and
// nobody has believed what was not so.
func TestAPartitionIsolatesThePrimaryWithAClient(t *testing.T) {
	t.Parallel()
	if !indoors(t) {
		return
	}
	w := newIsland(t, 3, func(i int, addresses []string) []string {
		var peers []string
		for k, a := range addresses {
			peers = append(peers, fmt.Sprintf("n%d=%s", k, a))
		}
		return []string{"node", "-name", fmt.Sprint("n", i), "-listen", addresses[i], "-peers", strings.Join(peers, ",")}
	})
	whole := func(all []lockstep.NodeStatus) bool {
		roles := map[string]int{}
		for _, s := range all {
			roles[s.Role]++
		}
		return roles["primary"] == 1 && roles["backup"] == 2
	}
	all := w.await("a cluster", whole)
	before := slices.IndexFunc(all, func(s lockstep.NodeStatus) bool { return s.Role == "primary" })
	w.strand()
	if held := w.cutOff.does("hold"); held.Error != "" {
		t.Fatal(held.Error)
	}

	w.isolate(w.nodes[before])
	began := time.Now()
	passedOn := make(chan *lockstep.Lease, 1)
	go func() { passedOn <- w.acquire("a") }()
	if asked := w.cutOff.does("ask"); !asked.NoQuorum {
		t.Errorf("the client with the isolated primary is told %q", asked.Error)
	} else {
		t.Logf("the client with the isolated primary is told: %s", asked.Error)
	}
	if lost := w.cutOff.does("lose"); !lost.Lost {
		t.Error("the lease was not lost")
	}
	t.Logf("it gave up its lease %v after the partition", time.Since(began).Round(time.Millisecond))
	lease := <-passedOn
	if lease == nil {
		return
	}
	t.Logf("the majority passed it on %v after the partition", time.Since(began).Round(time.Millisecond))

	w.network.Mend()
	w.await("a cluster again", whole)
	for deadline := time.Now().Add(20 * time.Second); ; {
		asked := w.cutOff.does("ask")
		if asked.Error == "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("after healing:", asked.Error)
		}
	}
	if err := lease.Err(); err != nil {
		t.Error("the lease of the majority's client:", err)
	}
	ops := append(w.record.Ops(), w.cutOff.does("tell").Ops...)
	t.Log(ops)
	if err := errors.Join(history.CheckBelief(ops), history.CheckTokens(ops), history.Check(ops, time.Minute)); err != nil {
		t.Error(err)
	}
}

// The same partition in a pair: both sides go on, and the lock has two holders.
// Tokens tell them apart, the side of the higher view stays, and the other's
// holder is told.
func TestAPartitionIsolatesThePrimaryOfAPairWithAClient(t *testing.T) {
	t.Parallel()
	if !indoors(t) {
		return
	}
	w := newIsland(t, 2, func(i int, addresses []string) []string {
		return []string{[]string{"-p", "-b"}[i], addresses[0], addresses[1]}
	})
	paired := func(all []lockstep.NodeStatus) bool { return all[0].Paired && all[1].Paired }
	w.await("a pair", paired)
	w.strand()
	held := w.cutOff.does("hold")
	if held.Error != "" {
		t.Fatal(held.Error)
	}
	w.isolate(w.nodes[0])
	lease := w.acquire("a") // when the session of the other has expired on this side
	if asked := w.cutOff.does("ask"); asked.Error != "" {
		t.Errorf("the isolated primary answers its client: %s", asked.Error)
	}
	if uint64(lease.Token()) <= held.Token {
		t.Errorf("tokens %d and then %d: a resource could not tell the two holders apart", held.Token, uint64(lease.Token()))
	}
	w.network.Mend()
	w.await("a pair again", paired)
	if lost := w.cutOff.does("lose"); !lost.Lost {
		t.Error("the holder on the side that gave way still believes")
	}
	if err := lease.Err(); err != nil {
		t.Error("the holder on the side that stays:", err)
	}
	ops := append(w.record.Ops(), w.cutOff.does("tell").Ops...)
	if history.CheckBelief(ops) == nil {
		t.Error("the lock did not have two holders: if that is so now, say so in the README")
	}
}
