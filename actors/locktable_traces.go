package actors

import (
	"context"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/observe/metrics"
	"lockstep/observe/traces"
	"lockstep/replica"
)

// followed are the requests on their way through a LockTable whose traces somebody
// keeps. Mostly there are none, and then nothing is looked for.
type followed struct {
	tracer traces.Tracer // nil: this node tells of none
	ways   map[lock.RequestID]*way
	fresh  []lock.RequestID // that have come in this turn
	over   []*way           // answered for good in this turn
	early  []*way           // told in this turn that they wait
}

// way is what is told of one request.
type way struct {
	serve  traces.Span // from its coming until it was answered for good
	leg    traces.Span // the part of that which is under way; nil if nobody keeps it
	queues bool        // until it has its place in the order
	waits  bool        // for its turn
}

// maxFollowed bounds what clients can have remembered here: the requests beyond it
// are served, and not told of.
const maxFollowed = 4096

// parents are the traces of some of the requests of a frame, in the same order.
type parents []messages.Trace

// of takes the trace of the next request; empty is none.
func (p *parents) of(id lock.RequestID) string {
	if len(*p) == 0 || (*p)[0].Request != id {
		return ""
	}
	parent := (*p)[0].Parent
	*p = (*p)[1:]
	return parent
}

// came begins to tell of a request that is to be ordered.
func (f *followed) came(parent string, c *lock.Command) {
	in, ok := traces.Parse(parent)
	if f.tracer == nil || !ok || !in.Sampled() || len(f.ways) >= maxFollowed || f.ways[c.ID()] != nil {
		return
	}
	// The number of an opening is a secret of its client.
	notes := []traces.Note{traces.Text("lockstep.verb", metrics.Verbs[c.Verb])}
	if c.Verb.InSlot() {
		notes = append(notes, traces.Text("lockstep.lock", c.Name), traces.Text("lockstep.session", hex(c.Session)),
			traces.Count("lockstep.slot", c.Slot), traces.Count("lockstep.number", c.Number))
	}
	serve := f.tracer.Begin(traces.With(context.Background(), in), "lockstep/serve", traces.Server, notes...)
	if serve == nil {
		return
	}
	w := &way{serve: serve, queues: true}
	f.enter(w, "lockstep/queue")
	if f.ways == nil {
		f.ways = map[lock.RequestID]*way{}
	}
	f.ways[c.ID()] = w
	f.fresh = append(f.fresh, c.ID())
}

// coming returns what has come in this turn.
func (f *followed) coming() (ids []lock.RequestID) {
	ids, f.fresh = f.fresh, nil
	return ids
}

// numbered goes on with what has its place in the order.
func (f *followed) numbered(m numbered) {
	for _, id := range m.requests {
		if w := f.ways[id]; w != nil && w.queues {
			w.queues = false
			f.enter(w, "lockstep/order")
		}
	}
}

// enter goes on to the next part of the way.
func (f *followed) enter(w *way, name string) {
	w.leave()
	w.leg = f.tracer.Begin(traces.With(context.Background(), w.serve.Context()), name, traces.Internal)
}

func (w *way) leave() {
	if w.leg != nil {
		w.leg.End()
		w.leg = nil
	}
}

// committed begins the execution of entries.
func (f *followed) committed(entries []lock.Entry) {
	if len(f.ways) == 0 {
		return
	}
	for i := range entries {
		if w := f.ways[entries[i].Command.ID()]; w != nil && !w.waits {
			w.queues = false
			f.enter(w, "lockstep/apply")
		}
	}
}

// executed takes note of the result of an entry that was asked for here.
func (f *followed) executed(e *lock.Entry, result lock.Result) {
	if len(f.ways) == 0 {
		return
	}
	id := e.Command.ID()
	w := f.ways[id]
	if w == nil || w.waits && result.Outcome == lock.Waiting {
		return // it was asked again, and waits on
	}
	w.serve.Note(traces.Count("lockstep.view", e.View), traces.Count("lockstep.index", e.Index))
	if result.Outcome == lock.Waiting {
		w.waits = true
		f.early = append(f.early, w)
		return
	}
	f.ends(id, w, metrics.Outcomes[result.Outcome])
}

// happened takes note of the waits that an entry has ended.
func (f *followed) happened(events []lock.Event) {
	if len(f.ways) == 0 {
		return
	}
	for i := range events {
		e := &events[i]
		w := f.ways[e.Request]
		if w == nil || !w.waits {
			continue
		}
		switch e.Kind {
		case lock.LockAcquired:
			f.ends(e.Request, w, metrics.Outcomes[lock.Granted])
		case lock.WaitEnded:
			f.ends(e.Request, w, metrics.Outcomes[lock.Canceled])
		}
	}
}

// turnedAway takes note of a request that gets no result here.
func (f *followed) turnedAway(id lock.RequestID, kind replica.AnswerKind) {
	if len(f.ways) == 0 {
		return
	}
	if w := f.ways[id]; w != nil {
		f.ends(id, w, metrics.Reasons[kind])
		f.told()
	}
}

func (f *followed) ends(id lock.RequestID, w *way, outcome string) {
	w.serve.Note(traces.Text("lockstep.outcome", outcome))
	delete(f.ways, id)
	f.over = append(f.over, w)
}

// told follows the answers of a turn.
func (f *followed) told() {
	for _, w := range f.early {
		f.enter(w, "lockstep/wait")
	}
	for _, w := range f.over {
		w.leave()
		w.serve.End()
	}
	clear(f.early)
	clear(f.over)
	f.early, f.over = f.early[:0], f.over[:0]
}

// drop ends what is told of waits that are not known any more.
func (f *followed) drop() {
	for id, w := range f.ways {
		if w.waits {
			f.ends(id, w, "not_known_here")
		}
	}
	f.told()
}
