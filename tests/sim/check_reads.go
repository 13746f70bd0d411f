package sim

import (
	"lockstep/lock"
	"lockstep/replica"
)

// inquiry names a question through all its repeats.
type inquiry struct {
	client, life int
	id           replica.InquiryID
}

// inquired notes what had been answered to anybody when a question was first
// asked.
func (c *checker) inquired(by *client, q replica.Inquiry) {
	id := inquiry{by.id, by.life, q.ID}
	if _, asked := c.inquiries[id]; !asked {
		c.inquiries[id] = c.answered
	}
}

// reported is a report that a client gets to see. In regime 1 it is never older
// than an answer that anybody was given before it was asked for.
func (c *checker) reported(by *client, r replica.Reported, note place) {
	c.w.stats.Reads++
	if note.in == nil || !c.w.plan.strict {
		return
	}
	floor := c.inquiries[inquiry{by.id, by.life, r.ID}]
	if note.in == floor.in && note.n < floor.n || c.number(note.in) < c.number(floor.in) {
		c.w.fail("reads", "client %d is shown the state after %d, and had asked when %d had been answered", by.id, note.n, floor.n)
	}
	if int(r.Report.Index) != note.n {
		c.w.fail("reads", "client %d: a report of entry %d calls itself one of %d", by.id, note.n, r.Report.Index)
	}
	c.raise(note)
}

// shown compares a report with the model, where that has come as far and no
// further.
func (c *checker) shown(t *table, q lock.Query, r lock.Report) {
	at := t.place
	if at.in == nil || at.n != len(at.in.entries) {
		return
	}
	m := at.in.model
	switch q.Kind {
	case lock.QueryToken:
		if want := m.current(q.Name, q.Token); r.Current != want {
			c.w.fail("reads", "%s says that %x of %q is current: %v", t.p.node.name, q.Token, q.Name, r.Current)
		}
	case lock.QuerySessions:
		if !r.More && len(r.Sessions) != len(m.sessions) {
			c.w.fail("reads", "%s shows %d sessions of %d", t.p.node.name, len(r.Sessions), len(m.sessions))
		}
	case lock.QueryLock:
		var holders int
		for _, l := range r.Locks {
			holders += len(l.Holders)
		}
		if want := m.holders(q.Name); holders != want {
			c.w.fail("reads", "%s shows %d holders of %q, and %d hold it", t.p.node.name, holders, q.Name, want)
		}
	}
}

func (m *model) current(name string, token lock.Token) bool {
	return token != 0 && m.ownerless[name] == token || m.holding(name, token) != nil
}

func (m *model) holders(name string) int {
	var n int
	if _, held := m.ownerless[name]; held {
		n++
	}
	for _, g := range m.grants {
		if find(g.wants, name) != nil {
			n++
		}
	}
	return n
}
