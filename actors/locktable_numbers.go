package actors

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"lockstep/lock"
	"lockstep/observe/metrics"
	"lockstep/replica"
)

// What a LockTable is asked by who observes its node; to has room for one.
type (
	tellTable struct{ to chan<- metrics.Table }
	tellWaits struct{ to chan<- metrics.Waits }
)

// numbers is what a LockTable counts. What happens to locks counts while this
// node reigns: so it is in one node's count only.
type numbers struct {
	metrics.Table
	contention metrics.Contention
	reigns     bool
	sample     sample
}

// sample is the one request whose way to its execution is being timed. The clock
// is read once for many, not for each.
type sample struct {
	timing bool
	id     lock.RequestID
	began  time.Time
}

// submitted may begin to time a request.
func (n *numbers) submitted(id lock.RequestID) {
	if !n.sample.timing {
		n.sample = sample{true, id, time.Now()}
	}
}

func (n *numbers) executed(id lock.RequestID, v lock.Verb, o lock.Outcome) {
	n.Executed(v, o)
	if n.sample.timing && n.sample.id == id {
		n.Commit.Observe(uint64(time.Since(n.sample.began).Microseconds()))
		n.sample.timing = false
	}
}

func (n *numbers) turned(id lock.RequestID, k replica.AnswerKind) {
	n.Turned(k)
	if n.sample.id == id {
		n.sample.timing = false
	}
}

// happened counts the events of an entry, and who waited for what. It reports
// whether anything was lost.
func (n *numbers) happened(events []lock.Event) (loss bool) {
	if !n.reigns {
		return false
	}
	for i := range events {
		e := &events[i]
		n.Happened(e)
		switch e.Kind {
		case lock.LockExpired, lock.LockRevoked, lock.LockOverheld, lock.SessionEnded:
			loss = true
		case lock.LockAcquired, lock.WaitEnded:
			if e.Request.Session != 0 {
				n.contention.Add(e.Name, metrics.Lasted(e))
			}
		}
	}
	return loss
}

// tellTable hands a copy over.
func (t *LockTable) tellTable(m tellTable) {
	n := t.numbers.Table
	n.Locks, n.Sessions = t.table.Size()
	n.Waiting = t.table.Waiting()
	m.to <- n
}

// maxWaitsTold is how many waits are looked at when somebody asks who waits:
// nobody is served meanwhile.
const maxWaitsTold = 100_000

// tellWaits hands over who waited for what and, if this node reigns, who does
// now: what nobody gets is the worst of all, and has no end yet.
func (t *LockTable) tellWaits(m tellWaits) {
	var waiting metrics.Contention
	if t.numbers.reigns {
		left := maxWaitsTold
		event := lock.Event{At: now()}
		for name, since := range t.table.Waits() {
			if left--; left < 0 {
				break
			}
			event.Since = since
			waiting.Add(name, metrics.Lasted(&event))
		}
	}
	m.to <- metrics.Waits{Over: t.numbers.contention.Names(), Now: waiting.Names()}
}

// turnAway notes a request that gets no result here.
func (t *LockTable) turnAway(id lock.RequestID, kind replica.AnswerKind) {
	t.numbers.turned(id, kind)
	t.followed.turnedAway(id, kind)
	t.debug("a request was sent away", id, "reason", metrics.Reasons[kind])
}

// debug logs what became of a request, if anybody wants to know of each.
func (t *LockTable) debug(text string, id lock.RequestID, more ...any) {
	if t.log.Enabled(context.Background(), slog.LevelDebug) {
		t.log.Debug(text, append([]any{"session", hex(id.Session), "slot", uint64(id.Slot), "number", uint64(id.Number)}, more...)...)
	}
}

// hex writes a session as people know it.
func hex(id lock.SessionID) string { return fmt.Sprintf("%016x", uint64(id)) }
