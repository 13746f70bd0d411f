package remote

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/actors"
	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// freeAddress is an address that nobody listens on.
func freeAddress(t *testing.T) replica.NodeID {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return replica.NodeID(l.Addr().String())
}

// childPair starts two nodes that know each other, and waits for both links.
func childPair(t *testing.T) (a, b *child, ca, cb childConfig) {
	t.Helper()
	first, second := freeAddress(t), freeAddress(t)
	ca = childConfig{Listen: string(first), Peer: second}
	cb = childConfig{Listen: string(second), Peer: first}
	a, b = startChild(t, ca), startChild(t, cb)
	a.wait("up", 1)
	b.wait("up", 1)
	return a, b, ca, cb
}

func TestRemotingRequestAndAnswer(t *testing.T) {
	node := startChild(t, childConfig{Listen: "127.0.0.1:0"})
	client := startChild(t, childConfig{Listen: "127.0.0.1:0", Nodes: []replica.NodeID{node.address}})
	for n := range 3 {
		client.do("ask %s %d", node.address, n+1)
		client.wait(fmt.Sprintf("answer %s %d", node.address, n+1), 1)
	}
	client.do("stop")
	client.wait("stopped", 1)
}

// A node that is known under another name than its own is served all the same.
func TestRemotingNodeUnderAnotherName(t *testing.T) {
	node := startChild(t, childConfig{Listen: "127.0.0.1:0"})
	_, port, _ := net.SplitHostPort(string(node.address))
	client := startChild(t, childConfig{Listen: "127.0.0.1:0", Nodes: []replica.NodeID{replica.NodeID("localhost:" + port)}})
	client.do("ask localhost:%s 5", port)
	client.wait("answer localhost:"+port+" 5", 1)
	client.do("ask localhost:%s 6", port)
	client.wait("answer localhost:"+port+" 6", 1)
}

// A killed node is noticed, refused when dialled, and met again when it is back.
func TestRemotingKillAndRestart(t *testing.T) {
	a, b, _, cb := childPair(t)
	b.do("beat %s 1", a.address)
	if line := a.wait("beat", 1); !strings.HasSuffix(line, "1 true") {
		t.Error(line)
	}
	for round := 1; round <= 3; round++ {
		ups := a.count("up")
		killed := time.Now()
		b.kill()
		_, down := a.waitAt("down", round)
		_, ended := a.waitAt("ended", round)
		a.wait("dial-refused", a.count("dial-refused")+1)
		t.Logf("killed: link down after %v, stream ended after %v", down.Sub(killed), ended.Sub(killed))
		b = startChild(t, cb)
		_, ready := b.waitAt("ready", 1)
		_, up := a.waitAt("up", ups+1)
		_, theirs := b.waitAt("up", 1)
		t.Logf("restarted: up after %v and %v", up.Sub(ready), theirs.Sub(ready))
		if up.Sub(ready) > 500*time.Millisecond {
			t.Errorf("the link came back after %v", up.Sub(ready))
		}
		b.do("beat %s %d", a.address, 100+round)
		a.do("beat %s %d", b.address, 200+round)
		if line := a.wait("beat", round+1); !strings.HasSuffix(line, fmt.Sprint(100+round, " true")) {
			t.Error(line)
		}
		if line := b.wait("beat", 1); !strings.HasSuffix(line, fmt.Sprint(200+round, " true")) {
			t.Error(line)
		}
	}
}

// A stopped node takes connections but never speaks. Whatever was done to the
// link meanwhile, all is well soon after it goes on.
func TestRemotingStopAndContinue(t *testing.T) {
	for _, resets := range []int{0, 1, 3} {
		t.Run(fmt.Sprint(resets, " resets"), func(t *testing.T) {
			a, b, _, _ := childPair(t)
			b.signal(syscall.SIGSTOP)
			for i := range 200 {
				a.do("beat %s %d", b.address, i)
			}
			for i := range resets {
				a.do("reset %s", b.address)
				if i == 0 {
					a.wait("down", 1)
				}
				time.Sleep(100 * time.Millisecond) // a pause of the stopped node, not a wait for something
			}
			b.signal(syscall.SIGCONT)
			continued := time.Now()
			// What was sent into the stopped node may be lost: ask until answered.
			for i := 0; b.count("beat "+string(a.address)+" 999 ") == 0; i++ {
				if time.Since(continued) > 5*time.Second {
					t.Fatal("no message got through")
				}
				a.do("beat %s 999", b.address)
				time.Sleep(2 * time.Millisecond)
			}
			t.Logf("got through %v after the node went on", time.Since(continued))
			if late := time.Since(continued); late > time.Second {
				t.Errorf("got through only after %v", late)
			}
		})
	}
}

// A node that is killed while it is stopped, and comes back: the attempt that
// waited for the stopped one finds the new one.
func TestRemotingStopKillRestart(t *testing.T) {
	a, b, _, cb := childPair(t)
	b.signal(syscall.SIGSTOP)
	a.do("reset %s", b.address)
	a.wait("down", 1)
	eventually(t, "the link to connect to the stopped node", func() bool { return connectedTo(t, b.address) })
	ups := a.count("up")
	b.kill()
	a.wait("dial-refused", a.count("dial-refused")+1)
	b = startChild(t, cb)
	_, ready := b.waitAt("ready", 1)
	_, up := a.waitAt("up", ups+1)
	t.Logf("up %v after the restart", up.Sub(ready))
	if up.Sub(ready) > 500*time.Millisecond {
		t.Errorf("up only %v after the restart", up.Sub(ready))
	}
}

// connectedTo reports whether a connection to an address of this machine stands. A
// process that is stopped cannot say so, but Linux can.
func connectedTo(t *testing.T, address replica.NodeID) bool {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Skip("only Linux tells which connections stand: ", err)
	}
	at := netip.MustParseAddrPort(string(address))
	host := at.Addr().As4()
	// Each line has a number, the local address, the remote one, and the state.
	there, established := fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(host[:]), at.Port()), "01"
	for line := range strings.Lines(string(table)) {
		if words := strings.Fields(line); len(words) > 3 && words[2] == there && words[3] == established {
			return true
		}
	}
	return false
}

// A node stops in time although its peer is frozen.
func TestRemotingStopBesideAFrozenPeer(t *testing.T) {
	a, b, _, _ := childPair(t)
	b.signal(syscall.SIGSTOP)
	a.do("beat %s 1", b.address)
	a.do("stop")
	began := time.Now()
	_, stopped := a.waitAt("stopped", 1)
	if took := stopped.Sub(began); took > 2500*time.Millisecond {
		t.Errorf("stopping took %v", took)
	}
}

// Much more than fits into a frame, a message of gRPC and the window arrives,
// in order and without a gap.
func TestRemotingLargeTraffic(t *testing.T) {
	a, b, _, _ := childPair(t)
	for round := range 20 {
		a.do("flood %s 50", b.address) // 6.4 MiB: below what may wait
		b.wait("chunk", 50*(round+1))
	}
	for i := range 50 {
		if _, line, _ := b.find("chunk", i+1); line != fmt.Sprint("chunk ", i) {
			t.Fatalf("chunk %d is %q", i, line)
		}
	}
}

func TestListenErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for listen, want := range map[string]string{
		taken.Addr().String(): "is another process running there",
		"0.0.0.0:0":           "name one of its addresses",
		"192.0.2.1:7001":      "-insecure",
		"7001":                "host:port",
		"127.0.0.1:99999":     "cannot listen",
	} {
		_, err := Start(Config{Listen: listen, Incarnation: 1})
		if err == nil {
			t.Errorf("listening on %s is fine", listen)
			continue
		}
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), listen) {
			t.Errorf("listening on %s: %v", listen, err)
		}
	}
}

// bench keeps requests outstanding for a second.
func bench(p *Process, to replica.NodeID, outstanding int) string {
	b := &bencher{process: p, to: to, outstanding: outstanding, done: make(chan string)}
	pid := p.Root().Spawn(actors.Props(func() actor.Actor { return b }, actor.WithDispatcher(p.Workers())))
	p.Enroll(2, pid)
	p.Root().Send(pid, "go")
	return <-b.done
}

// bencher sends as many new requests as it got answers.
type bencher struct {
	process     *Process
	to          replica.NodeID
	outstanding int
	number      lock.Number
	began       time.Time
	times       []time.Duration
	sent        map[lock.Number]time.Time
	done        chan string
	over        bool
}

func (b *bencher) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case string:
		b.began, b.sent = time.Now(), map[lock.Number]time.Time{}
		b.ask(b.outstanding)
	case *actors.FromNode:
		now := time.Now()
		for _, a := range m.Answers {
			b.times = append(b.times, now.Sub(b.sent[a.Request.Number]))
			delete(b.sent, a.Request.Number)
		}
		if now.Sub(b.began) < time.Second {
			b.ask(len(m.Answers))
		} else if !b.over {
			b.over = true
			b.done <- b.summary()
		}
	}
}

func (b *bencher) ask(n int) {
	var p messages.Parcel
	now := time.Now()
	for range n {
		b.number++
		b.sent[b.number] = now
		p.Requests = append(p.Requests, messages.Request{Client: 2, Command: lock.Command{Session: 1, Number: b.number, Verb: lock.Lock, Name: "a"}})
	}
	b.process.Send(b.to, p)
}

func (b *bencher) summary() string {
	slices.Sort(b.times)
	n := len(b.times)
	return fmt.Sprintf("%d requests a second, p50 %v, p99 %v", n, b.times[n/2], b.times[n*99/100])
}

func TestRemotingSpeed(t *testing.T) {
	if testing.Short() {
		t.Skip("a measurement")
	}
	node := startChild(t, childConfig{Listen: "127.0.0.1:0"})
	client := startChild(t, childConfig{Listen: "127.0.0.1:0", Nodes: []replica.NodeID{node.address}})
	for i, outstanding := range []int{1, 1, 64, 1024} {
		client.do("bench %s %d", node.address, outstanding)
		t.Logf("%d outstanding: %s", outstanding, client.wait("bench", i+1))
	}
}
