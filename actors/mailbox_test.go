package actors

import (
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/replica"
)

// noted is an invoker that keeps what it was given, and may do something with it.
type noted struct {
	mu       sync.Mutex
	messages []any
	on       func(message any)
}

func (n *noted) note(message any) {
	n.mu.Lock()
	n.messages = append(n.messages, message)
	n.mu.Unlock()
	if n.on != nil {
		n.on(message)
	}
}

func (n *noted) InvokeSystemMessage(message any) { n.note(message) }
func (n *noted) InvokeUserMessage(message any)   { n.note(message) }
func (n *noted) EscalateFailure(_, _ any)        {}

// hand keeps what is scheduled until the test runs it.
type hand struct{ scheduled []func() }

func (h *hand) Schedule(run func()) { h.scheduled = append(h.scheduled, run) }
func (h *hand) Throughput() int     { return 3 }

func newMailboxOnHand(n *noted) (*mailbox, *hand) {
	m, h := &mailbox{}, &hand{}
	m.RegisterHandlers(n, h)
	m.Start()
	return m, h
}

func TestMailboxRunsWhoPosts(t *testing.T) {
	n := &noted{}
	m, h := newMailboxOnHand(n)
	m.PostUserMessage("a")
	m.PostUserMessage("b")
	if !reflect.DeepEqual(n.messages, []any{"a", "b"}) || len(h.scheduled) > 0 {
		t.Fatalf("handled %v, scheduled %d", n.messages, len(h.scheduled))
	}
}

// What is posted while the actor runs waits its turn; beyond the eager few a
// worker goes on, and the goroutine that posted is free.
func TestMailboxHandsOver(t *testing.T) {
	n := &noted{}
	m, h := newMailboxOnHand(n)
	const posted = 20
	n.on = func(message any) {
		if message == 0 {
			for i := 1; i < posted; i++ {
				m.PostUserMessage(i)
			}
			if len(n.messages) != 1 {
				t.Error("a message was handled within another")
			}
		}
	}
	m.PostUserMessage(0)
	early := len(n.messages)
	if early >= posted || len(h.scheduled) != 1 {
		t.Fatalf("the poster handled %d, and %d runs are scheduled", early, len(h.scheduled))
	}
	h.scheduled[0]()
	var want []any
	for i := range posted {
		want = append(want, i)
	}
	if !reflect.DeepEqual(n.messages, want) || m.UserMessageCount() != 0 {
		t.Fatalf("handled %v", n.messages)
	}
}

// A heavy message waits for a worker, wherever in the queue it stands: whoever
// posts it, or what stands before it, goes on at once.
func TestMailboxLeavesHeavyMessages(t *testing.T) {
	n := &noted{}
	m, h := newMailboxOnHand(n)
	n.on = func(message any) {
		if message == "light" {
			m.PostUserMessage(replica.Install{})
			m.PostUserMessage("after")
		}
	}
	m.PostUserMessage("light")
	if !reflect.DeepEqual(n.messages, []any{"light"}) || len(h.scheduled) != 1 {
		t.Fatalf("the poster handled %v, and %d runs are scheduled", n.messages, len(h.scheduled))
	}
	h.scheduled[0]()
	if want := []any{"light", replica.Install{}, "after"}; !reflect.DeepEqual(n.messages, want) {
		t.Fatalf("handled %v", n.messages)
	}
}

// System messages overtake what waits, as the framework promises.
func TestMailboxSystemMessagesFirst(t *testing.T) {
	n := &noted{}
	m, _ := newMailboxOnHand(n)
	n.on = func(message any) {
		if message == "first" {
			m.PostUserMessage("user")
			m.PostSystemMessage("system")
		}
	}
	m.PostUserMessage("first")
	if !reflect.DeepEqual(n.messages, []any{"first", "system", "user"}) {
		t.Fatalf("handled %v", n.messages)
	}
}

// Many goroutines post; one at a time runs the actor, and nothing is lost or
// overtakes what its poster posted before.
func TestMailboxUnderContention(t *testing.T) {
	const posters, each = 16, 2000
	var inside, all sync.WaitGroup
	workers := NewWorkers()
	defer workers.Close()
	inside.Add(posters * each)
	busy := false
	last := make([]int, posters)
	n := &noted{on: func(message any) {
		if busy {
			panic("two goroutines run the actor")
		}
		busy = true
		p := message.([2]int)
		if p[1] != last[p[0]]+1 {
			panic(fmt.Sprintf("poster %d: %d after %d", p[0], p[1], last[p[0]]))
		}
		last[p[0]] = p[1]
		busy = false
		inside.Done()
	}}
	var m actor.Mailbox = newMailbox()
	m.RegisterHandlers(n, workers)
	for p := range posters {
		all.Go(func() {
			for i := 1; i <= each; i++ {
				m.PostUserMessage([2]int{p, i})
			}
		})
	}
	all.Wait()
	inside.Wait()
}
