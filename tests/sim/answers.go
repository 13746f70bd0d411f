package sim

import (
	"errors"

	"lockstep/lock"
	"lockstep/replica"
)

// request is what the checker knows of a request since it was first sent.
type request struct {
	command lock.Command
	life    int   // of the client that asked
	floor   place // the highest entry answered before it was sent
	result  lock.Result
	in      *history // of the result, once there is one
}

// asked notes a request. A number stands for one command for ever.
func (c *checker) asked(by *client, cmd lock.Command) {
	if cmd.Session != 0 {
		c.lastSent[cmd.Session] = c.w.now
	}
	if cmd.Verb == lock.KeepAlive {
		c.w.stats.KeepAlives++
		return
	}
	id := cmd.ID()
	if before, ok := c.requests[id]; ok {
		if before.command != cmd {
			c.w.fail("agreement", "client %d sends %+v under the number of %+v", by.id, cmd, before.command)
		}
		return
	}
	c.requests[id] = &request{command: cmd, life: by.life, floor: c.answered}
	if cmd.Verb == lock.OpenSession {
		by.disown()
	}
	for _, k := range by.calls {
		if k.terms != nil && k.terms == cmd.Terms {
			k.request = id
		}
	}
}

// drewNow: in regime 1 tokens and ids rise through everything, the loss of both
// memories included (S3).
func (c *checker) drewNow(t *table, e lock.Entry, drew []uint64) {
	for _, drawn := range drew {
		if drawn <= c.drawn {
			c.w.fail("tokens", "%s, entry %+v drew %x after %x", t.p.node.name, e, drawn, c.drawn)
		}
		c.drawn = drawn
	}
}

// executedNow is a first execution in regime 1: no request in a slot is executed
// twice, not even in two histories (S4).
func (c *checker) executedNow(t *table, e lock.Entry, got lock.Result) {
	if before, ok := c.executed[e.Command.ID()]; ok && remembered(e, got) {
		c.w.fail("answers", "%s, entry %+v: executed before, at %d", t.p.node.name, e, before)
	}
	c.executes(e, got)
}

func (c *checker) executes(e lock.Entry, got lock.Result) {
	if remembered(e, got) {
		c.executed[e.Command.ID()] = e.Index
	}
}

// remembered reports whether an execution is one in a slot, that took place.
func remembered(e lock.Entry, got lock.Result) bool {
	return e.Command.ID().Verb == 0 && got.Outcome != lock.SessionExpired && got.Outcome != lock.Stale
}

// answers checks that a node may answer. One without a role applies what a
// survivor sends it; if somebody waits there for such an entry, the survivor
// must have given it out already, or have it on disk: then it goes on with it,
// whatever comes.
func (c *checker) answers(t *table, note place, ruled bool) {
	if note.in == nil {
		c.w.fail("digest", "%s answers from a state that nobody ever had", t.p.node.name)
		return
	}
	if !ruled && note.n > note.in.settled && t.p.w.nodes[1-t.p.node.id].safe < lock.Index(note.n) {
		c.w.fail("serves", "%s has no role and answers for entry %d of history %d", t.p.node.name, note.n, note.in.number)
	}
}

// reached is a result that a client gets to see. In regime 1 all results of one
// request agree, and it was executed after everything that had been answered
// before it was sent.
func (c *checker) reached(by *client, a replica.Answer, note place) {
	if a.Request.Verb == lock.KeepAlive {
		by.heard = note.in
		return
	}
	r := c.requests[a.Request]
	if r == nil {
		c.w.fail("agreement", "client %d gets an answer to %+v, which nobody asked", by.id, a.Request)
		return
	}
	by.heard = note.in
	if !c.w.plan.strict {
		return
	}
	// A repeat of an opening whose session is over opens another one.
	open := note.in.model.sessions
	late := a.Request.Verb == lock.OpenSession && (open[r.result.Session] == nil || open[a.Result.Session] == nil)
	if r.in == note.in && r.result != a.Result && definite(r.result) && definite(a.Result) && !late {
		c.w.fail("agreement", "client %d: %+v was answered %+v and then %+v", by.id, r.command, r.result, a.Result)
	}
	if r.in != note.in || definite(a.Result) {
		r.result, r.in = a.Result, note.in
	}
	if note.in == r.floor.in && int(note.first) <= r.floor.n {
		c.w.fail("real-time", "client %d: %+v was executed at %d, and sent when %d had been answered",
			by.id, r.command, note.first, r.floor.n)
	}
	c.raise(note)
}

// raise notes the highest entry that an answer has shown to a client.
func (c *checker) raise(note place) {
	if note.in != c.answered.in && note.in.number > c.number(c.answered.in) || note.in == c.answered.in && note.n > c.answered.n {
		c.answered = place{in: note.in, n: note.n}
	}
}

func (c *checker) number(h *history) int {
	if h == nil {
		return 0
	}
	return h.number
}

// definite leaves out what a slot or session that has gone on answers, and the
// answer that another one will replace (S6).
func definite(r lock.Result) bool {
	return r.Outcome != lock.Waiting && r.Outcome != lock.SessionExpired && r.Outcome != lock.Stale && r.Outcome != lock.Closed
}

// finished checks that a call ends with the result of its own request.
func (c *checker) finished(by *client, k *call, f replica.Finished, ev replica.ClientEvent) {
	if k.verb == 0 {
		if f.Report == nil {
			c.w.fail("reads", "client %d: inquiry %d ends without a report", by.id, k.id)
		}
		return
	}
	answered, _ := ev.(replica.Answered)
	if len(answered.Answers) != 1 || answered.Answers[0].Result != f.Result {
		c.w.fail("agreement", "client %d: call %d ends with %+v, which is not what was answered", by.id, k.id, f.Result)
		return
	}
	if cmd := c.requests[answered.Answers[0].Request].command; cmd.Verb != k.verb || cmd.Name != k.name || cmd.Terms != k.terms {
		c.w.fail("agreement", "client %d: %s %q ends with the answer to %+v", by.id, verbName(k.verb), k.name, cmd)
	}
}

// judgeError looks at an end without a result.
func (c *client) judgeError(k *call, err error) {
	switch {
	case errors.Is(err, replica.ErrCanceled), errors.Is(err, replica.ErrDeadline), errors.Is(err, replica.ErrClosed):
	case errors.Is(err, replica.ErrSessionExpired):
		c.w.check.lost(c, err)
	default:
		c.w.fail("answers", "client %d: %s %q ended with: %v", c.id, verbName(k.verb), k.name, err)
	}
}
