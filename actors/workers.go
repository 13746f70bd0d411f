package actors

import (
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// Workers is a dispatcher that runs mailboxes on goroutines it has used before.
// The framework's own starts a fresh one for every wake-up, whose stack has to
// grow each time.
type Workers struct {
	tasks chan func()
	idle  atomic.Int32
	quit  chan struct{}
	once  sync.Once
}

var _ actor.Dispatcher = (*Workers)(nil)

const (
	maxIdleWorkers = 2048 // as many actors may wake together and find one
	turns          = 300  // messages that an actor handles before it yields
)

// NewWorkers returns a dispatcher to be closed after the actors that use it.
func NewWorkers() *Workers {
	return &Workers{tasks: make(chan func()), quit: make(chan struct{})}
}

// Schedule runs a mailbox on an idle goroutine, or on a new one.
func (w *Workers) Schedule(run func()) {
	select {
	case w.tasks <- run:
	default:
		go w.work(run)
	}
}

func (w *Workers) work(run func()) {
	for {
		run()
		if w.idle.Add(1) > maxIdleWorkers {
			w.idle.Add(-1)
			return
		}
		select {
		case run = <-w.tasks:
			w.idle.Add(-1)
		case <-w.quit:
			return
		}
	}
}

// Throughput is how many messages a mailbox handles before it yields.
func (w *Workers) Throughput() int { return turns }

// Close lets the idle goroutines go. Mailboxes scheduled later still run.
func (w *Workers) Close() { w.once.Do(func() { close(w.quit) }) }
