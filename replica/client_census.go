package replica

import (
	"maps"
	"slices"

	"lockstep/lock"
)

// census asks what the session holds, page by page, when revocations may have
// been missed: the nodes remember only some, but what is not held any more was
// taken away. It is about the leases that there are when it begins, which the
// nodes have granted before they answer. What they take from then on stands in
// the reports of revocations that follow; so the pages need not be of one moment.
type census struct {
	inquiry InquiryID // of the page at hand, or zero
	missing map[lock.Token]bool
}

// startCensus begins a census, in place of one that is under way.
func (c *Client) startCensus() {
	count := &c.session.revocations.census
	c.inquiries.remove(count.inquiry)
	*count = census{}
	if c.leases.any() {
		count.missing = make(map[lock.Token]bool, len(c.leases.counts))
		for token := range c.leases.counts {
			count.missing[token] = true
		}
		c.countBehind("")
	}
}

// countBehind asks for the page behind a name.
func (c *Client) countBehind(name string) {
	query := lock.Query{Kind: lock.QuerySession, Session: c.session.id, After: name}
	c.session.revocations.census.inquiry = c.look(inquiry{own: true, query: query})
}

// counted handles a page. After the last one, what was in none is lost; the reason
// is forgotten. (So is a lock that has more holders than go on a page, if this one
// is not among them.)
func (c *Client) counted(report *lock.Report) {
	if len(report.Sessions) == 0 {
		c.expire() // they do not know it any more
		return
	}
	count := &c.session.revocations.census
	for _, card := range report.Locks {
		for _, holder := range card.Holders {
			delete(count.missing, holder.Token)
		}
	}
	if n := len(report.Locks); n > 0 && report.More {
		c.countBehind(report.Locks[n-1].Name)
		return
	}
	missing := slices.Sorted(maps.Keys(count.missing))
	*count = census{}
	for _, token := range missing {
		c.loseLease(token, ErrRevoked, "")
	}
}

// verify asks whether a grant is current. One whose answer was long on its way may
// have been taken away, and that forgotten, before it got here.
func (c *Client) verify(name string, token lock.Token) {
	c.look(inquiry{own: true, query: lock.Query{Kind: lock.QueryToken, Name: name, Token: token}})
}
