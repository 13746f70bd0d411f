package actors

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/testkit"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// scripted is a core that notes its events and returns what it was told to.
type scripted struct {
	events  []replica.Event
	effects []replica.Effect
}

func (c *scripted) Step(e replica.Event) []replica.Effect {
	c.events = append(c.events, e)
	return c.effects
}

func (c *scripted) Status() replica.Status { return replica.Status{Node: "here", Role: replica.Solo} }

type replicatorStand struct {
	core      *scripted
	pid       *actor.PID
	table     *testkit.TestProbe
	disk      *testkit.TestProbe
	exitCause error
}

func replicatorOnStand(s *stand) *replicatorStand {
	r := &replicatorStand{core: &scripted{}}
	table, tablePID := s.probe()
	disk, diskPID := s.probe()
	r.table, r.disk = table, disk
	diskBytes := new(atomic.Uint64)
	diskBytes.Store(4096)
	r.pid = s.spawn(&Replicator{
		core: r.core, lockTable: tablePID, disk: diskPID, diskBytes: diskBytes, mail: s, period: 50 * time.Millisecond,
		exit: func(cause error) { r.exitCause = cause }, log: slog.New(slog.DiscardHandler),
	})
	return r
}

func TestReplicatorCarriesOutEffectsInOrder(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		r := replicatorOnStand(s)
		apply := replica.Apply{Entries: []lock.Entry{entry(1, openSession(1))}}
		r.core.effects = []replica.Effect{
			replica.Persist{View: 3, Cluster: 9}, apply, replica.Abandon{Hint: "peer"}, replica.TakeSnapshot{},
			replica.Send{To: "peer", Message: replica.Ack{View: 3, Index: 1}}, replica.ResetLink{To: "peer"},
			replica.Say{Text: "hello"}, replica.Exit{Reason: "no"},
			replica.Store{Seq: 7}, replica.Fingerprint{}, replica.Befriend{Nodes: []replica.NodeID{"other"}},
		}
		s.Root().Send(r.pid, replica.Submit{Commands: []lock.Command{openSession(1)}})
		if got := next[replica.Apply](t, r.table); !reflect.DeepEqual(got, apply) {
			t.Fatalf("applied %+v", got)
		}
		next[replica.Abandon](t, r.table)
		next[replica.TakeSnapshot](t, r.table)
		next[replica.Fingerprint](t, r.table)
		if got := next[replica.Persist](t, r.disk); got.View != 3 {
			t.Fatalf("persisted %+v", got)
		}
		if got := next[replica.Store](t, r.disk); got.Seq != 7 {
			t.Fatalf("stored %+v", got)
		}
		sent := s.taken()
		if len(sent) != 1 || sent[0].to != "peer" || len(sent[0].parcel.Pair) != 1 {
			t.Fatalf("sent %+v", sent)
		}
		if !reflect.DeepEqual(s.friends, []replica.NodeID{"other"}) || !reflect.DeepEqual(s.resets, []replica.NodeID{"peer"}) || r.exitCause == nil || r.exitCause.Error() != "no" || errors.As(r.exitCause, new(*DiskError)) || s.cluster != 9 {
			t.Fatalf("resets %v, exit %v, cluster %d", s.resets, r.exitCause, s.cluster)
		}
	})
}

// What happens on this node, and on its links, goes to the core as it is.
func TestReplicatorPassesEventsOn(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		r := replicatorOnStand(s)
		for _, event := range []replica.Event{
			replica.Stored{Seq: 5}, replica.Synced{View: 4}, replica.Fingerprinted{Index: 3, Digest: 1},
			replica.SnapshotTaken{Index: 2}, replica.Installed{Index: 1},
		} {
			s.Root().Send(r.pid, event)
			synctest.Wait()
			if got := r.core.events[len(r.core.events)-1]; !reflect.DeepEqual(got, event) {
				t.Errorf("stepped %+v, not %+v", got, event)
			}
		}
		s.Root().Send(r.pid, &LinkDown{Node: "peer"})
		synctest.Wait()
		if got := r.core.events[len(r.core.events)-1]; got != (replica.LinkDown{Node: "peer"}) {
			t.Errorf("stepped %+v", got)
		}
	})
}

// An operator is answered where it asked, in the step in which it did.
func TestReplicatorAnswersOrders(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		r := replicatorOnStand(s)
		ordered := replica.Ordered{ID: 6, Kind: replica.Executed, Outcome: replica.OrderWorking, Text: "half"}
		r.core.effects = []replica.Effect{replica.Instructed{Ordered: ordered}}
		order := replica.Order{Kind: replica.RemoveMember, Name: "b"}
		s.Root().Send(r.pid, &OrdersFromClients{From: "client", Orders: []messages.Order{{Client: 7, ID: 6, Order: order}}})
		sent := s.taken()
		want := messages.Parcel{Ordered: []messages.Ordered{{Client: 7, Ordered: ordered}}}
		if len(sent) != 1 || sent[0].to != "client" || !reflect.DeepEqual(sent[0].parcel, want) {
			t.Fatalf("sent %+v", sent)
		}
		if got := r.core.events[0]; got != (replica.Instruct{ID: 6, Order: order}) {
			t.Fatalf("stepped %+v", got)
		}
	})
}

// Leaving takes until the core says so. Who asks later is told at once.
func TestLeavingEndsWithLeft(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		r := replicatorOnStand(s)
		node, done := &Node{host: s, Replicator: r.pid}, make(chan error, 1)
		leave := func() { done <- node.Leave(t.Context()) }
		go leave()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("left too early: %v", err)
		default:
		}
		r.core.effects = []replica.Effect{replica.Left{}}
		s.Root().Send(r.pid, replica.Stored{})
		synctest.Wait()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		r.core.effects = nil
		go leave()
		synctest.Wait()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

// Only the first message of the first frame on a connection is marked as new.
func TestReplicatorUnpacksFrames(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		r := replicatorOnStand(s)
		s.Root().Send(r.pid, &FromPeer{
			From: "peer", Incarnation: 4, Cluster: 9, NewConnection: true,
			Messages: []replica.Message{replica.Alone{View: 2}, replica.Alone{View: 3}},
		})
		synctest.Wait()
		want := []replica.Event{
			replica.Received{From: "peer", Incarnation: 4, Cluster: 9, NewConnection: true, Message: replica.Alone{View: 2}},
			replica.Received{From: "peer", Incarnation: 4, Cluster: 9, Message: replica.Alone{View: 3}},
		}
		if !reflect.DeepEqual(r.core.events, want) {
			t.Fatalf("stepped %+v", r.core.events)
		}
	})
}

func TestReplicatorTellsStatus(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		r := replicatorOnStand(s)
		s.Root().Send(r.pid, &StatusAsked{From: "client", Client: 7})
		sent := s.taken()
		want := messages.StatusReport{Client: 7, Status: replica.Status{Node: "here", Role: replica.Solo, TickMS: 50, DiskBytes: 4096}}
		if len(sent) != 1 || !reflect.DeepEqual(sent[0].parcel.StatusReports, []messages.StatusReport{want}) {
			t.Fatalf("sent %+v", sent)
		}
		node := &Node{host: s, Replicator: r.pid}
		if got, err := node.Status(context.Background()); err != nil || !reflect.DeepEqual(got, want.Status) {
			t.Fatalf("status %+v, %v", got, err)
		}
	})
}

// The tick that comes after a pause says so, wherever the pause fell (P2).
func TestTicksTellOfGaps(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		r := replicatorOnStand(s)
		const period = 50 * time.Millisecond
		ticker := SpawnTicker(s, period)
		s.Root().Send(ticker, Subscribe{To: r.pid})
		time.Sleep(3*period + period/2)
		s.Root().Send(ticker, HoldTicks{Held: true})
		time.Sleep(5 * period)
		s.Root().Send(ticker, HoldTicks{Held: false})
		time.Sleep(2 * period)
		synctest.Wait()
		var gaps []bool
		for _, e := range r.core.events {
			gaps = append(gaps, e.(replica.Tick).Gap)
		}
		if want := []bool{false, false, false, true, false}; !reflect.DeepEqual(gaps, want) {
			t.Fatalf("gaps %v, want %v", gaps, want)
		}
		s.Root().Stop(ticker)
	})
}

// A slow actor has one tick in its mailbox, not one for every period (P2).
func TestOneTickOutstanding(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		const period = 50 * time.Millisecond
		probe, pid := s.probe()
		ticker := SpawnTicker(s, period)
		s.Root().Send(ticker, Subscribe{To: pid})
		time.Sleep(10 * period)
		first := next[*Tick](t, probe)
		nothing(t, probe)
		s.Root().Send(first.ticker, ticked{from: pid})
		time.Sleep(period + 1)
		next[*Tick](t, probe)
		s.Root().Send(ticker, Unsubscribe{To: pid})
		time.Sleep(10 * period)
		nothing(t, probe)
		s.Root().Stop(ticker)
	})
}
