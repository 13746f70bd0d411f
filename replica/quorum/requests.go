package quorum

import (
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"lockstep/lock"
	"lockstep/replica"
)

// proposal is a batch that this node has numbered as one entry of the engine.
// Another leader's entry may take its place: only the entry with the same index
// and the same term is this one (R5).
type proposal struct {
	at       place // its index is zero until the engine has written it down
	commands []lock.Command
}

// batchBytes is about how much one entry brings.
const batchBytes = 1 << 20

// submit takes requests of clients, and what the clock asks for.
func (q *Quorum) submit(s replica.Submit) {
	switch {
	case s.View != 0:
		q.submitClock(s)
	case q.queues():
		q.enqueue(s.Commands)
	default:
		q.refuse(s.Commands)
	}
}

// queues reports whether requests that come now may be served here soon: by a
// leader, ready or not yet, and by one that is handing over, who will know in a
// moment where to send them.
func (q *Quorum) queues() bool {
	return !q.quiet() && (q.leading() || q.handover != nil && q.handover.lost)
}

func (q *Quorum) enqueue(commands []lock.Command) {
	room := max(0, q.cfg.MaxQueue-len(q.queue))
	if len(commands) > room {
		q.answer(commands[room:], replica.Overloaded, "")
		commands = commands[:room]
	}
	q.add(commands)
}

// add queues commands. Their array stays the sender's, not to be written to.
func (q *Quorum) add(commands []lock.Command) {
	if len(q.queue) == 0 {
		q.queue = commands[:len(commands):len(commands)]
		return
	}
	q.queue = append(q.queue, commands...)
}

// submitClock queues what the clock of this very reign asks for (T2). What comes
// late is for nobody: it is not refused. It passes the queue's limit, because it
// is proposed once; the table bounds it, by its sessions and its grants.
func (q *Quorum) submitClock(s replica.Submit) {
	if q.ready() && s.View == lock.View(q.engine.term) {
		q.add(s.Commands)
	}
}

func ofClock(c lock.Command) bool { return c.Verb.OfClock() }

// pump numbers the next batch, if the reign allows it and few enough are under
// way: what comes meanwhile becomes the batch after (group commit). It reports
// whether it has.
func (q *Quorum) pump() bool {
	if len(q.queue) == 0 || !q.ready() || q.handover != nil || q.underWay() >= q.cfg.MaxInFlight {
		return false
	}
	n := q.batch()
	if q.numbered+uint64(n) > q.cfg.EntriesPerView {
		q.renewView()
		return false
	}
	commands := q.queue[:n:n]
	if err := q.node.Propose(q.cfg.Codec.EncodeCommands(commands)); err != nil {
		return false // the engine is handing over
	}
	q.queue = q.queue[n:]
	if len(q.queue) == 0 {
		q.queue = nil
	}
	q.numbered += uint64(n)
	q.proposals = append(q.proposals, proposal{at: place{term: q.engine.term}, commands: commands})
	return true
}

// batch says how many commands of the queue fit into one entry: at least one.
func (q *Quorum) batch() int {
	n := min(len(q.queue), q.cfg.MaxBatch)
	bytes := 0
	for i := range n {
		if bytes += q.queue[i].Weight(); bytes > batchBytes && i > 0 {
			return i
		}
	}
	return n
}

// underWay counts the batches of this view that are not applied yet.
func (q *Quorum) underWay() int {
	n := 0
	for i := range q.proposals {
		if q.proposals[i].at.term == q.engine.term {
			n++
		}
	}
	return n
}

// locate learns from what the engine writes where this node's batches stand,
// which the engine keeps in the order of proposing, and where the last change of
// the members does.
func (q *Quorum) locate(entries []*raftpb.Entry) {
	if len(entries) > 0 { // what stood there is cut off
		q.roster.changedAt = min(q.roster.changedAt, entries[0].GetIndex()-1)
		q.tail = entries[len(entries)-1].GetIndex()
	}
	next := slices.IndexFunc(q.proposals, func(p proposal) bool { return p.at.index == 0 })
	for _, e := range entries {
		if e.GetType() != raftpb.EntryNormal {
			q.roster.changedAt = e.GetIndex()
			continue
		}
		mine := q.leading() && e.GetTerm() == q.engine.term && len(e.GetData()) > 0
		if mine && next >= 0 && next < len(q.proposals) {
			q.proposals[next].at.index = e.GetIndex()
			next++
		}
	}
}

// commandsOf returns what an entry says: what was proposed, if this node has
// proposed this very entry, else what is written in it (R5).
func (q *Quorum) commandsOf(e *raftpb.Entry) ([]lock.Command, error) {
	for len(q.proposals) > 0 && q.proposals[0].at.index <= e.GetIndex() {
		p := q.proposals[0]
		q.proposals = q.proposals[1:]
		if p.at == placeOf(e) {
			return p.commands, nil
		}
	}
	return q.cfg.Codec.DecodeCommands(e.GetData())
}

// stepDown ends this node's reign as far as requests go. What was never proposed
// was certainly not executed; of the rest nobody here knows. If the reign is
// being handed over, both wait until it is known to whom.
func (q *Quorum) stepDown() {
	q.numbered = 0
	q.adding, q.removing = "", ""
	q.queue = slices.DeleteFunc(slices.Clone(q.queue), ofClock)
	q.proposals = slices.DeleteFunc(q.proposals, func(p proposal) bool { return p.at.index == 0 })
	q.reads.cancel()
	if h := q.handover; h != nil && h.begun {
		h.lost = true
		return
	}
	q.handover = nil
	q.release()
}

// release answers all who wait here: the node does not reign any more.
func (q *Quorum) release() {
	q.refuse(q.unproposed())
	q.queue = nil
	q.out = append(q.out, replica.Abandon{Hint: q.hint()})
}

// unproposed returns the queued requests that are certainly not executed through
// this node: a repeat of one that is proposed already may be.
func (q *Quorum) unproposed() []lock.Command {
	if len(q.queue) == 0 {
		return nil
	}
	pending := map[lock.RequestID]bool{}
	for _, p := range q.proposals {
		for i := range p.commands {
			pending[p.commands[i].ID()] = true
		}
	}
	var certain []lock.Command
	for i := range q.queue {
		if !pending[q.queue[i].ID()] {
			certain = append(certain, q.queue[i])
		}
	}
	return certain
}

// refuse answers requests that were not executed by this attempt, with where to
// go instead, if that is known.
func (q *Quorum) refuse(commands []lock.Command) {
	if hint := q.hint(); hint != "" {
		q.answer(commands, replica.NotPrimary, hint)
	} else {
		q.answer(commands, replica.NoQuorum, "")
	}
}

func (q *Quorum) answer(commands []lock.Command, kind replica.AnswerKind, hint replica.NodeID) {
	if len(commands) == 0 {
		return
	}
	ids := make([]lock.RequestID, len(commands))
	for i := range commands {
		ids[i] = commands[i].ID()
	}
	q.out = append(q.out, replica.Refuse{Requests: ids, Kind: kind, Hint: hint})
}

// hint is the address of the primary, if another node is known to be it.
func (q *Quorum) hint() replica.NodeID {
	leader := replica.MemberID(q.engine.leader)
	if q.node == nil || q.engine.leader == raft.None || leader == q.member {
		return ""
	}
	m, _ := q.roster.find(leader)
	return m.Address
}
