package actors

import (
	"bytes"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/testkit"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// stand is a process for one actor under test: it keeps what the actor sends.
type stand struct {
	system  *actor.ActorSystem
	workers *Workers
	cluster replica.ClusterID

	mu      sync.Mutex
	sent    []parcelTo
	resets  []replica.NodeID
	friends []replica.NodeID
	known   []replica.NodeID // by a client
	last    *actor.PID       // enrolled
	log     bytes.Buffer
}

type parcelTo struct {
	to     replica.NodeID
	parcel messages.Parcel
}

var _ Host = (*stand)(nil)

// onStand runs a test in a bubble, where time stands still until everybody
// waits. A warning in the actors' log fails it.
func onStand(t *testing.T, test func(t *testing.T, s *stand)) {
	synctest.Test(t, func(t *testing.T) {
		s := &stand{workers: NewWorkers()}
		log := slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		s.system = actor.NewActorSystem(
			actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return log }),
			actor.WithDeadLetterThrottleInterval(time.Millisecond))
		defer s.workers.Close()
		test(t, s)
		time.Sleep(time.Second) // for whatever still runs, which must find nothing to do
		if s.log.Len() > 0 {
			t.Errorf("the log has warnings:\n%s", s.log.String())
		}
	})
}

func (s *stand) Root() *actor.RootContext  { return s.system.Root }
func (s *stand) Workers() actor.Dispatcher { return s.workers }
func (s *stand) Address() replica.NodeID   { return "here" }
func (s *stand) Serve(_, _ *actor.PID)     {}
func (s *stand) Enroll(_ messages.ClientID, pid *actor.PID) {
	s.note(func() { s.last = pid })
}
func (s *stand) Dismiss(messages.ClientID) {}
func (s *stand) Know(_ messages.ClientID, nodes []replica.NodeID) {
	s.note(func() { s.known = nodes })
}
func (s *stand) Befriend(nodes []replica.NodeID) { s.note(func() { s.friends = nodes }) }
func (s *stand) SetCluster(id replica.ClusterID) { s.cluster = id }
func (s *stand) Send(to replica.NodeID, p messages.Parcel) {
	s.note(func() { s.sent = append(s.sent, parcelTo{to, p}) })
}
func (s *stand) Reset(to replica.NodeID) { s.note(func() { s.resets = append(s.resets, to) }) }
func (s *stand) note(f func())           { s.mu.Lock(); defer s.mu.Unlock(); f() }

// enrolled returns the last client that enrolled.
func (s *stand) enrolled() *actor.PID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// taken returns what was sent since the last call.
func (s *stand) taken() []parcelTo {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

// spawn starts the actor under test.
func (s *stand) spawn(a actor.Actor) *actor.PID {
	pid := s.Root().Spawn(Props(func() actor.Actor { return a }, actor.WithDispatcher(s.workers)))
	return pid
}

// probe is an actor that keeps what it gets.
func (s *stand) probe() (*testkit.TestProbe, *actor.PID) {
	p := testkit.NewTestProbe()
	pid := s.Root().Spawn(actor.PropsFromProducer(func() actor.Actor { return p }, actor.WithDispatcher(s.workers)))
	synctest.Wait()
	return p, pid
}

// next returns the probe's next message, which must be of type T.
func next[T any](t *testing.T, p *testkit.TestProbe) T {
	t.Helper()
	m, err := testkit.GetNextMessageOf[T](p, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// nothing fails if the probe has anything more.
func nothing(t *testing.T, p *testkit.TestProbe) {
	t.Helper()
	synctest.Wait()
	if err := p.ExpectNoMessage(time.Nanosecond); err != nil {
		t.Fatal(err)
	}
}

// The commands that the tests speak with.
func openSession(nonce lock.Number) lock.Command {
	return lock.Command{Verb: lock.OpenSession, Number: nonce}
}

func lockCommand(session lock.SessionID, number lock.Number, name string) lock.Command {
	return lock.Command{Session: session, Number: number, Verb: lock.Lock, Name: name}
}

func keepAlive(session lock.SessionID, round lock.Number) lock.Command {
	return lock.Command{Session: session, Number: round, Verb: lock.KeepAlive}
}

// waitFor acquires in a slot of its own, so that its number is 1.
func waitFor(session lock.SessionID, slot lock.Slot, name string) lock.Command {
	return lock.Command{Session: session, Slot: slot, Number: 1, Verb: lock.Acquire, Name: name, Wait: true}
}

func release(session lock.SessionID, name string, token lock.Token) lock.Command {
	return lock.Command{Session: session, Slot: 4000, Number: lock.Number(token), Verb: lock.Release, Name: name, Token: token}
}

func expire(session lock.SessionID) lock.Command {
	return lock.Command{Session: session, Number: 1, Verb: lock.Expire}
}

func entry(index lock.Index, c lock.Command) lock.Entry {
	return lock.Entry{View: 1, Index: index, Command: c}
}
