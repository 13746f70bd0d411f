package sim

import (
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
	id := cmd.ID()
	if before, ok := c.requests[id]; ok {
		if before.command != cmd {
			c.w.fail("agreement", "client %d sends %+v under the number of %+v", by.id, cmd, before.command)
		}
		return
	}
	c.requests[id] = &request{command: cmd, life: by.life, floor: c.answered}
}

// executedNow is a first execution in regime 1. Tokens and ids rise through
// everything, the loss of both memories included (S3), and no request in a slot
// is executed twice, not even in two histories (S4).
func (c *checker) executedNow(t *table, e lock.Entry, got lock.Result) {
	if drawn := max(uint64(got.Token), uint64(got.Session)); drawn != 0 {
		if drawn <= c.drawn {
			c.w.fail("tokens", "%s, entry %+v drew %x after %x", t.p.node.name, e, drawn, c.drawn)
		}
		c.drawn = drawn
	}
	id := e.Command.ID()
	if id.Verb != 0 || got.Outcome == lock.SessionExpired || got.Outcome == lock.Stale {
		return
	}
	if before, ok := c.executed[id]; ok {
		c.w.fail("answers", "%s, entry %+v: executed before, at %d", t.p.node.name, e, before)
	}
	c.executed[id] = e.Index
}

// answers checks that a node may answer. One without a role applies what a
// survivor sends it; if somebody waits there for such an entry, the survivor
// must have given it out already.
func (c *checker) answers(t *table, note place, ruled bool) {
	if note.in == nil {
		c.w.fail("digest", "%s answers from a state that nobody ever had", t.p.node.name)
		return
	}
	if !ruled && note.n > note.in.settled {
		c.w.fail("serves", "%s has no role and answers for entry %d of history %d", t.p.node.name, note.n, note.in.number)
	}
}

// reached is a result that a client gets to see. In regime 1 all results of one
// request agree, and it was executed after everything that had been answered
// before it was sent.
func (c *checker) reached(by *client, a replica.Answer, note place) {
	r := c.requests[a.Request]
	if r == nil {
		c.w.fail("agreement", "client %d gets an answer to %+v, which nobody asked", by.id, a.Request)
		return
	}
	by.heard = note.in
	if c.w.plan.regime != 1 {
		return
	}
	late := a.Request.Verb != 0 && (by.closed || by.life != r.life) // its session may be closed by now
	if r.in == note.in && r.result != a.Result && definite(r.result) && definite(a.Result) && !late {
		c.w.fail("agreement", "client %d: %+v was answered %+v and then %+v", by.id, r.command, r.result, a.Result)
	}
	r.result, r.in = a.Result, note.in
	if note.in == r.floor.in && int(note.first) <= r.floor.n {
		c.w.fail("real-time", "client %d: %+v was executed at %d, and sent when %d had been answered",
			by.id, r.command, note.first, r.floor.n)
	}
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

// definite leaves out what a slot or session that has gone on answers.
func definite(r lock.Result) bool {
	return r.Outcome != lock.SessionExpired && r.Outcome != lock.Stale && r.Outcome != lock.Closed
}

// finished checks that a call ends with the result of its own request.
func (c *checker) finished(by *client, k *call, result lock.Result, ev replica.Answered) {
	if len(ev.Answers) != 1 || ev.Answers[0].Result != result {
		c.w.fail("agreement", "client %d: call %d ends with %+v, which is not what was answered", by.id, k.id, result)
		return
	}
	if cmd := c.requests[ev.Answers[0].Request].command; cmd.Verb != k.verb || cmd.Name != k.name {
		c.w.fail("agreement", "client %d: %s %q ends with the answer to %+v", by.id, verbName(k.verb), k.name, cmd)
	}
}

// sessionLost: in regime 1 a session goes only with all copies. The answer is
// the one that told the client so.
func (c *checker) sessionLost(by *client, k *call, ev replica.ClientEvent) {
	answer, ok := ev.(replica.Answered)
	if !ok || c.w.plan.regime == 1 && c.openedIn[answer.Answers[0].Request.Session] == by.heard {
		c.w.fail("session", "client %d: the session of call %d is gone, and no copy was lost", by.id, k.id)
	}
}
