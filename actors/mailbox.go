package actors

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/replica"
)

// mailbox lets whoever posts to an idle actor run it for a few messages, and
// hands it to a worker if there are more. One request at a time is all wake-ups:
// each saved hand-off between goroutines is some microseconds of its latency.
// The bound keeps a goroutine that only wanted to post from serving others for
// ever: the reader of a busy connection has heartbeats to read.
type mailbox struct {
	invoker    actor.MessageInvoker
	dispatcher actor.Dispatcher

	mu      sync.Mutex
	system  []any
	user    []any
	running bool // somebody runs the actor, or will

	// urgent says that system has something, so that a runner need not lock to
	// find out.
	urgent atomic.Bool
	// batch is what the runner has taken from user and not handled yet.
	batch []any
	next  int
}

// eager is how many messages the goroutine that posts handles itself.
const eager = 8

// heavy messages are for a worker alone: they take as long as the state is large
// or the disk slow, and who posts them has heartbeats to send.
func heavy(message any) bool {
	switch message.(type) {
	case replica.TakeSnapshot, replica.Install, replica.Persist, replica.Store, syncNow, tellWaits:
		return true
	default:
		return false
	}
}

func newMailbox() actor.Mailbox { return &mailbox{} }

func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	m.invoker, m.dispatcher = invoker, dispatcher
}

func (m *mailbox) Start() {}

func (m *mailbox) UserMessageCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.user)
}

func (m *mailbox) PostUserMessage(message any) {
	m.mu.Lock()
	m.user = append(m.user, message)
	m.start()
}

func (m *mailbox) PostSystemMessage(message any) {
	m.mu.Lock()
	m.system = append(m.system, message)
	m.urgent.Store(true)
	m.start()
}

// start unlocks, and runs the actor unless somebody does.
func (m *mailbox) start() {
	idle := !m.running
	m.running = true
	m.mu.Unlock()
	if idle && !m.run(eager, heavy) {
		m.dispatcher.Schedule(m.runAll)
	}
}

func (m *mailbox) runAll() {
	for !m.run(m.dispatcher.Throughput(), never) {
		runtime.Gosched()
	}
}

func never(any) bool { return false }

// run handles up to n messages, and stops before one that is to be left to
// others. It reports whether it left the actor idle.
func (m *mailbox) run(n int, leave func(message any) bool) bool {
	for ; n > 0; n-- {
		if m.urgent.Load() {
			m.handleSystem()
			continue
		}
		if m.next == len(m.batch) {
			if !m.refill() {
				return true
			}
			continue
		}
		message := m.batch[m.next]
		if leave(message) {
			return false
		}
		m.batch[m.next] = nil
		m.next++
		m.invoker.InvokeUserMessage(message)
	}
	return false
}

// refill takes what was posted. If there is nothing, the actor is idle from this
// moment on.
func (m *mailbox) refill() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.user) == 0 && len(m.system) == 0 {
		m.running = false
		return false
	}
	m.batch, m.user = m.user, m.batch[:0]
	m.next = 0
	return true
}

func (m *mailbox) handleSystem() {
	m.mu.Lock()
	system := m.system
	m.system = nil
	m.urgent.Store(false)
	m.mu.Unlock()
	for _, message := range system {
		m.invoker.InvokeSystemMessage(message)
	}
}
