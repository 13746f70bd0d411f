package actors

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/journal"
	"lockstep/journal/journaltest"
	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// nodeAlone starts a node that founds alone, and waits until it reigns. Its ticks
// come at whole periods from the return on.
func nodeAlone(t *testing.T, s *stand) *Node {
	t.Helper()
	const suspectTicks = replica.MinSuspectTicks
	core := replica.NewPair(replica.PairConfig{
		Pair: [2]replica.NodeID{"here", "peer"}, AsPrimary: true, Incarnation: 1, NewCluster: 9, SuspectTicks: suspectTicks,
	})
	node := StartNode(s, core, NodeConfig{
		Tick: nodeTick, Exit: func(cause error) { t.Error(cause) }, Log: slog.New(slog.DiscardHandler),
	})
	time.Sleep((suspectTicks + 1) * nodeTick)
	if status, err := node.Status(t.Context()); err != nil || status.Role != replica.Solo {
		t.Fatalf("status %+v, %v", status, err)
	}
	s.taken() // what the peer was told
	return node
}

// request brings a request to a node and returns what its client is told.
func request(s *stand, node *Node, from asker, c lock.Command) []replica.Answer {
	s.Root().Send(node.LockTable, &FromClients{From: from.node, Requests: []messages.Request{{Client: from.client, Command: c}}})
	return told(s, from)
}

// told returns the answers that a client was sent since the last look. What went
// to the peer does not count.
func told(s *stand, who asker) (answers []replica.Answer) {
	for _, p := range s.taken() {
		if p.to == who.node {
			for _, a := range p.parcel.Answers {
				answers = append(answers, a.Answer)
			}
		}
	}
	return answers
}

// A whole node, but for its network: a client that goes silent loses its lock to
// the one who waits, on the promised tick and not a nanosecond before (T2).
func TestANodePassesOnWhatASilentClientHeld(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		node, waiter := nodeAlone(t, s), asker{"other-client", 8}
		synctest.Wait()
		silent := request(s, node, client, openSession(99))[0].Result.Session
		token := request(s, node, client, waitFor(silent, 0, "a"))[0].Result.Token
		alive := request(s, node, waiter, openSession(100))[0].Result.Session
		waiting := waitFor(alive, 0, "a")
		if got := request(s, node, waiter, waiting); got[0].Result.Outcome != lock.Waiting {
			t.Fatalf("answers %+v", got)
		}
		time.Sleep(nodeTick / 2)
		if got := request(s, node, client, keepAlive(silent, 1)); len(got) != 1 || got[0].Result.Outcome != lock.Alive {
			t.Fatalf("answers %+v", got)
		}
		time.Sleep(time.Duration(expiryTicks-1) * nodeTick)
		if got := request(s, node, waiter, keepAlive(alive, 1)); len(got) != 1 || got[0].Result.Outcome != lock.Alive {
			t.Fatalf("answers %+v", got)
		}
		time.Sleep(nodeTick/2 - 1)
		if early := told(s, waiter); len(early) > 0 {
			t.Fatalf("told %+v", early)
		}
		time.Sleep(time.Nanosecond)
		got := told(s, waiter)
		if len(got) != 1 || got[0].Request != waiting.ID() || got[0].Result.Outcome != lock.Granted || got[0].Result.Token <= token {
			t.Fatalf("told %+v", got)
		}
		if got := request(s, node, client, keepAlive(silent, 2)); len(got) != 1 || got[0].Result.Outcome != lock.SessionExpired {
			t.Fatalf("answers %+v", got)
		}
		node.Stop()
	})
}

// Whoever starts a node hears what its log has left out.
func TestANodeSaysWhatWasCut(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		fs := journaltest.New(rand.New(rand.NewPCG(1, 1)))
		fs.Put(map[string][]byte{"0000000001.log": make([]byte, 100)})
		torn, _, _, err := journal.Open(fs)
		if err != nil || torn.Cut() == "" {
			t.Fatalf("cut %q, %v", torn.Cut(), err)
		}
		var said bytes.Buffer
		node := StartNode(s, &scripted{}, NodeConfig{
			Tick: nodeTick, Journal: torn, Exit: func(cause error) { t.Error(cause) }, Log: slog.New(slog.NewTextHandler(&said, nil)),
		})
		node.Stop()
		if !strings.Contains(said.String(), "level=WARN") || !strings.Contains(said.String(), "0000000001.log") {
			t.Errorf("it said %q", said.String())
		}
	})
}
