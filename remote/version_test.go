package remote

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"lockstep/actors"
	"lockstep/messages"
	"lockstep/replica"
)

// Processes of different versions talk in the older one's words, and such of one
// version in their own.
func TestVersionsInOneNetwork(t *testing.T) {
	for name, c := range map[string]struct {
		node, client uint32
		want         replica.AnswerKind
	}{
		"an old client":   {3, 2, replica.NotPrimary},
		"an old node":     {2, 3, replica.NotPrimary},
		"both are old":    {2, 2, replica.NotPrimary},
		"neither is old":  {3, 3, replica.NoQuorum},
		"by default, too": {0, 0, replica.NoQuorum},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := NewNetwork()
				node := mustStart(t, n, Config{Listen: string(nodeA), Version: c.node})
				asked := newProbe(node)
				node.Serve(asked.pid, asked.pid)
				client := mustStart(t, n, Config{Nodes: []replica.NodeID{nodeA}, Version: c.client})
				pr := newProbe(client)
				client.Enroll(1, pr.pid)
				client.Send(nodeA, request(1, 7))
				synctest.Wait()
				if got := asked.requests(); len(got) != 1 || got[0].Command.Number != 7 {
					t.Fatalf("the node was asked %v", got)
				}
				node.Send(client.Address(), messages.Parcel{
					Answers: []messages.Answer{{Client: 1, Answer: replica.Answer{Kind: replica.NoQuorum}}},
					Told:    []messages.Told{{Client: 1}},
				})
				synctest.Wait()
				if got := pr.answers(); len(got) != 1 || got[0].Kind != c.want {
					t.Errorf("the client was answered %v", got)
				}
				for _, p := range []*Process{node, client} {
					if got := p.Refusals(); len(got) > 0 {
						t.Errorf("refused: %v", got)
					}
				}
				if got := of[*actors.ToldByNode](pr); len(got) != 1 || got[0].Version != node.cfg.Version {
					t.Errorf("the client was told by %+v, want version %d", got, node.cfg.Version)
				}
				kill(client, node)
			})
			goleak.VerifyNone(t)
		})
	}
}

// A node that comes back with an older program is understood, and the reverse.
func TestVersionChangesWithALife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a := mustStart(t, n, Config{Listen: string(nodeA), Peers: []replica.NodeID{nodeB}})
		pa := serveEcho(a)
		for life, version := range []uint32{3, 2, 3, 2} {
			b := mustStart(t, n, Config{Listen: string(nodeB), Peers: []replica.NodeID{nodeA}, Version: version,
				Incarnation: replica.Incarnation(life + 1)})
			pb := serveEcho(b)
			settle()
			a.Send(nodeB, heartbeat(lockIndex(life)))
			b.Send(nodeA, heartbeat(lockIndex(life)))
			synctest.Wait()
			if got := pb.pair(); len(got) != 1 {
				t.Errorf("life %d got %v", life, got)
			}
			if got := pa.pair(); len(got) != life+1 {
				t.Errorf("of life %d came %v", life, got)
			}
			if got := a.versionOf(nodeB); got != version {
				t.Errorf("life %d is said to read version %d", life, got)
			}
			b.Kill()
			time.Sleep(time.Second)
		}
		if got := a.Refusals(); len(got) > 0 {
			t.Errorf("refused: %v", got)
		}
		a.Kill()
	})
	goleak.VerifyNone(t)
}
