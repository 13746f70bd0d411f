package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// maxBehind is how many keep-alives and questions may wait for a barrier: one of
// every session. A barrier takes one exchange between the nodes, so more of them
// come from clients that repeat themselves.
const maxBehind = lock.MaxSessions

// barriers holds what may be answered only after a barrier, in the order of
// coming. What comes in one turn shares one.
type barriers struct {
	last   replica.BarrierID // the last one asked for
	raised bool              // something has come since
	behind []behind
}

// behind is a question, or a keep-alive if there is none.
type behind struct {
	barrier   replica.BarrierID
	who       asker
	keepAlive lock.RequestID
	question  *messages.Query
}

// add lets one more wait for the next barrier, unless too many do.
func (b *barriers) add(w behind) bool {
	if len(b.behind) >= maxBehind {
		return false
	}
	w.barrier = b.last + 1
	b.behind = append(b.behind, w)
	b.raised = true
	return true
}

// raise asks for a barrier, if anything has come that needs one.
func (b *barriers) raise(ctx actor.Context, replicator *actor.PID) {
	if !b.raised {
		return
	}
	b.raised = false
	b.last++
	ctx.Send(replicator, replica.Barrier{ID: b.last})
}

// take returns what waited for the barriers up to one.
func (b *barriers) take(upTo replica.BarrierID) []behind {
	n := 0
	for n < len(b.behind) && b.behind[n].barrier <= upTo {
		n++
	}
	taken := b.behind[:n:n]
	b.behind = b.behind[n:]
	if len(b.behind) == 0 {
		b.behind = nil
	}
	return taken
}

// keepAlive counts for its session from now on, and is acknowledged when this
// node is known to have reigned after it came (T1).
func (t *LockTable) keepAlive(out *outbox, who asker, id lock.RequestID) {
	t.leases.Heard(id.Session)
	if !t.barriers.add(behind{who: who, keepAlive: id}) {
		t.turnAway(id, replica.Overloaded)
		out.answer(who, replica.Answer{Request: id, Kind: replica.Overloaded})
	}
}

// queries lets questions wait for a barrier: an answer from a node that does not
// reign any more would be old.
func (t *LockTable) queries(ctx actor.Context, m *QueriesFromClients) {
	var out outbox
	for i := range m.Queries {
		q, who := &m.Queries[i], asker{m.From, m.Queries[i].Client}
		t.numbers.Queried(q.Query.Kind)
		switch {
		case len(q.Query.Name) > lock.MaxNameBytes, len(q.Query.After) > lock.MaxNameBytes:
			// There is nothing of such a name, and the name is not kept.
			out.report(who, replica.Reported{ID: q.ID, Kind: replica.Executed})
		case !t.barriers.add(behind{who: who, question: q}):
			out.report(who, replica.Reported{ID: q.ID, Kind: replica.Overloaded})
		}
	}
	out.send(t.mail)
	t.barriers.raise(ctx, t.replicator)
}

func (t *LockTable) confirmed(m replica.Confirmed) {
	var out outbox
	for _, w := range t.barriers.take(m.ID) {
		if w.question != nil {
			t.report(&out, w.who, w.question)
		} else {
			t.acknowledge(&out, w.who, w.keepAlive)
		}
	}
	out.send(t.mail)
}

// acknowledge answers a keep-alive from the table. A session whose expiry is
// proposed gets no answer: nobody knows yet whether it lives on (T2).
func (t *LockTable) acknowledge(out *outbox, who asker, id lock.RequestID) {
	result := t.table.Alive(id.Session)
	if result.Outcome == lock.Alive {
		if !t.leases.Lives(id.Session) {
			return
		}
		t.presence[id.Session] = who
	}
	t.numbers.Executed(lock.KeepAlive, result.Outcome)
	out.answer(who, replica.Answer{Request: id, Kind: replica.Executed, Result: result})
}

func (t *LockTable) barred(m replica.Barred) {
	kind := max(m.Kind, replica.NotPrimary)
	var out outbox
	for _, w := range t.barriers.take(m.ID) {
		if w.question != nil {
			out.report(w.who, replica.Reported{ID: w.question.ID, Kind: kind, Hint: m.Hint})
		} else {
			t.turnAway(w.keepAlive, kind)
			out.answer(w.who, replica.Answer{Request: w.keepAlive, Kind: kind, Hint: m.Hint})
		}
	}
	out.send(t.mail)
}
