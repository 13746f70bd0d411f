package actors

import (
	"time"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

const (
	// reportRoom is about how many bytes a report takes at most. Answers of other
	// clients wait for the frame that it is in.
	reportRoom = 128 << 10
	// pageRoom is the same of a list of locks. It has another page, and the table is
	// asked for it between others' requests.
	pageRoom = 32 << 10
	// pollTime is how long a question for events is kept before it is answered
	// without any, so that nobody waits for a node that has forgotten it.
	pollTime = 10 * time.Second
	// maxPolls is how many such questions are kept.
	maxPolls = 1024
)

// report answers a question whose barrier stands.
func (t *LockTable) report(out *outbox, who asker, q *messages.Query) {
	if q.Query.Kind == lock.QueryEvents {
		t.poll(out, poll{who: who, id: q.ID, query: q.Query})
		return
	}
	room := reportRoom
	if q.Query.Kind == lock.QueryLocks {
		room = pageRoom
	}
	report := t.table.Report(q.Query, room)
	t.fillHeard(&report)
	out.report(who, replica.Reported{ID: q.ID, Kind: replica.Executed, Report: report})
}

// fillHeard adds what only the node that reigns knows: how long each session has
// been silent.
func (t *LockTable) fillHeard(r *lock.Report) {
	fill := func(card *lock.SessionCard) { card.Heard = t.leases.Silent(card.ID) }
	for i := range r.Sessions {
		fill(&r.Sessions[i])
	}
	for i := range r.Locks {
		for j := range r.Locks[i].Holders {
			fill(&r.Locks[i].Holders[j].Owner)
		}
		for j := range r.Locks[i].Queue {
			fill(&r.Locks[i].Queue[j].Owner)
		}
	}
}

// polls are the questions for events that are not answered yet, since nothing
// that matches has happened.
type polls struct {
	kept     []poll
	patience int // how many ticks each is kept
}

type poll struct {
	who   asker
	id    replica.InquiryID
	query lock.Query // its Index moves on past what does not match
	ticks int        // that it was kept
}

// poll answers a question for events, or keeps it until there are any.
func (t *LockTable) poll(out *outbox, p poll) {
	t.polls.drop(p)
	if t.serve(out, &p) {
		return
	}
	if len(t.polls.kept) == maxPolls {
		out.report(p.who, replica.Reported{ID: p.id, Kind: replica.Overloaded})
		return
	}
	t.polls.kept = append(t.polls.kept, p)
}

// servePolls looks at the questions again when entries have been applied.
func (t *LockTable) servePolls(out *outbox) {
	t.polls.keep(func(p *poll) bool { return !t.serve(out, p) })
}

// serve answers a question for events if it can.
func (t *LockTable) serve(out *outbox, p *poll) bool {
	events, missed := t.history.Behind(p.query.Index, p.query.Name, reportRoom)
	// A cursor from the future is one of a pair that was founded anew since.
	missed = missed || p.query.Index > t.table.Index()
	if len(events) == 0 && !missed {
		p.query.Index = t.table.Index()
		return false
	}
	index := t.table.Index()
	if len(events) > 0 {
		index = events[len(events)-1].Index // there may have been no room for more
	}
	p.answer(out, lock.Report{Index: index, Events: events, Missed: missed})
	return true
}

func (p *poll) answer(out *outbox, report lock.Report) {
	out.report(p.who, replica.Reported{ID: p.id, Kind: replica.Executed, Report: report})
}

// tick answers the questions whose time is over: nothing has happened up to the
// entry index.
func (p *polls) tick(out *outbox, index lock.Index) {
	p.keep(func(k *poll) bool {
		if k.ticks++; k.ticks < p.patience {
			return true
		}
		k.answer(out, lock.Report{Index: index})
		return false
	})
}

// refuse sends everybody away: this node does not reign any more.
func (p *polls) refuse(out *outbox) {
	p.keep(func(k *poll) bool {
		out.report(k.who, replica.Reported{ID: k.id, Kind: replica.NotPrimary})
		return false
	})
}

// drop forgets a question that is asked again.
func (p *polls) drop(again poll) {
	p.keep(func(k *poll) bool { return k.who != again.who || k.id != again.id })
}

// keep drops all questions but those that stay.
func (p *polls) keep(stays func(*poll) bool) {
	kept := p.kept[:0]
	for i := range p.kept {
		if stays(&p.kept[i]) {
			kept = append(kept, p.kept[i])
		}
	}
	clear(p.kept[len(kept):])
	p.kept = kept
}
