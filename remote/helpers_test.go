package remote

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/actors"
	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// probe is an actor that writes down what it gets.
type probe struct {
	pid *actor.PID

	mu  sync.Mutex
	got []any
}

func newProbe(p *Process) *probe {
	pr := &probe{}
	pr.pid = p.Root().Spawn(actors.Props(func() actor.Actor { return pr }))
	return pr
}

func (p *probe) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default:
		p.mu.Lock()
		p.got = append(p.got, m)
		p.mu.Unlock()
	}
}

// of returns what a probe got of one type.
func of[T any](p *probe) (of []T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.got {
		if t, ok := m.(T); ok {
			of = append(of, t)
		}
	}
	return of
}

func (p *probe) requests() (all []messages.Request) {
	for _, m := range of[*actors.FromClients](p) {
		all = append(all, m.Requests...)
	}
	return all
}

func (p *probe) answers() (all []replica.Answer) {
	for _, m := range of[*actors.FromNode](p) {
		all = append(all, m.Answers...)
	}
	return all
}

func (p *probe) pair() (all []replica.Message) {
	for _, m := range of[*actors.FromPeer](p) {
		all = append(all, m.Messages...)
	}
	return all
}

// echo is a lock table that answers every request at once.
type echo struct{ process *Process }

func (e echo) Receive(ctx actor.Context) {
	m, ok := ctx.Message().(*actors.FromClients)
	if !ok {
		return
	}
	answers := make([]messages.Answer, len(m.Requests))
	for i, r := range m.Requests {
		answers[i] = messages.Answer{Client: r.Client, Answer: replica.Answer{Request: r.Command.ID(), Kind: replica.Executed}}
	}
	e.process.Send(m.From, messages.Parcel{Answers: answers})
}

func serveEcho(p *Process) *probe {
	pr := newProbe(p)
	p.Serve(p.Root().Spawn(actors.Props(func() actor.Actor { return echo{p} }, actor.WithDispatcher(p.Workers()))), pr.pid)
	return pr
}

func request(client messages.ClientID, number lock.Number) messages.Parcel {
	return messages.Parcel{Requests: []messages.Request{{Client: client, Command: lock.Command{Session: 1, Number: number, Verb: lock.Lock, Name: "a"}}}}
}

func heartbeat(index lock.Index) messages.Parcel {
	return messages.Parcel{Pair: []replica.Message{replica.Heartbeat{View: 1, Index: index}}}
}

// eventually polls until a condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

type testLog struct{ t *testing.T }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Logf("%s", b)
	return len(b), nil
}

// verbose is a logger to be plugged into a test that needs to be looked into.
func verbose(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

var _ = verbose

func lockIndex(i int) lock.Index   { return lock.Index(i) }
func lockNumber(i int) lock.Number { return lock.Number(i + 1) }
