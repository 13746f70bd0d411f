package remote

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Silence makes the process neither send nor receive from now on, while it and
// its connections live on: a fault for tests.
func (p *Process) Silence() { p.faults.Or(isSilent) }

// Hold keeps everything that arrives and everything that is to leave until
// Hold(false), as if the process was stopped by a signal: a fault for tests. The
// process's actors run on; whoever holds a process must also hold its ticks.
func (p *Process) Hold(held bool) {
	if held {
		p.faults.Or(isHeld)
		return
	}
	p.mu.Lock()
	p.faults.And(^uint32(isHeld))
	outbox := p.outbox
	p.outbox = nil
	p.mu.Unlock()
	p.system.Root.Send(p.door, released{})
	for _, m := range outbox {
		p.post(m)
	}
}

// Stop ends the process in good order: what was sent leaves, then the actors
// that were named by Serve and Enroll stop, and the network after them. It
// returns within the time given, whether a peer is frozen or not; what is left
// then ends with the program.
func (p *Process) Stop(within time.Duration) {
	deadline := time.Now().Add(within)
	p.drain(time.Now().Add(min(within/2, drainWithin)))
	p.end(deadline)
}

// Kill ends the process at once and says nothing, as if it had crashed.
func (p *Process) Kill() {
	p.Silence()
	p.end(time.Now().Add(cleanUpWithin))
}

// cleanUpWithin is how long a killed process may take to free what it had; its
// connections are gone at once.
const cleanUpWithin = time.Second

// drain waits until the others have handled what was sent to them.
func (p *Process) drain(deadline time.Time) {
	for p.unsettled() && time.Now().Before(deadline) && !p.mute() {
		time.Sleep(2 * time.Millisecond)
	}
}

func (p *Process) unsettled() bool {
	for _, n := range p.neighbours() {
		if !n.settled() {
			return true
		}
	}
	return false
}

func (p *Process) end(deadline time.Time) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	p.mu.Unlock()

	p.Silence()
	close(p.quit)
	<-p.stopped
	p.transport.stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.stopActors()
		p.workers.Close()
		p.system.Shutdown()
	}()
	select {
	case <-ended:
	case <-time.After(time.Until(deadline)):
	}
}

// stopActors stops everything that lives here, the door last.
func (p *Process) stopActors() {
	var pids []*actor.PID
	lockTable, replicator := p.served()
	for _, pid := range append(p.everyClient(), lockTable, replicator) {
		if pid != nil {
			pids = append(pids, pid)
		}
	}
	for _, n := range p.neighbours() {
		pids = append(pids, n.link)
	}
	var ends []actor.Future
	for _, pid := range append(pids, p.door) {
		ends = append(ends, p.system.Root.StopFuture(pid))
	}
	for _, end := range ends {
		end.Wait()
	}
}
