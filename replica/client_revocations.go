package replica

import (
	"slices"

	"lockstep/lock"
)

// revocations is what is known of the grants that were taken from the session
// while it lived. Each Alive counts them. When the count has risen, an inquiry
// asks which they were. A notice tells sooner, but may get lost.
type revocations struct {
	count   uint32 // up to which they are known
	last    []lock.Revocation
	inquiry InquiryID // under way, or zero
	asked   uint32    // the count that made us ask
}

// find looks for a token among the last revocations: a grant may be taken away
// before its answer gets here.
func (r *revocations) find(token lock.Token) (lock.Revocation, bool) {
	if i := slices.IndexFunc(r.last, func(one lock.Revocation) bool { return one.Token == token }); i >= 0 {
		return r.last[i], true
	}
	return lock.Revocation{}, false
}

// missed reports whether revocations may have been forgotten by the nodes before
// they were known here: the nodes remember so many, and the last that was known
// is no longer among them.
func (r *revocations) missed(now []lock.Revocation) bool {
	if len(now) < lock.MaxRevocations {
		return false
	}
	return len(r.last) == 0 || !slices.Contains(now, r.last[len(r.last)-1])
}

// countRevocations compares a keep-alive's count with what is known.
func (c *Client) countRevocations(count uint32) {
	r := &c.session.revocations
	if count <= r.count || r.inquiry != 0 {
		return
	}
	r.asked = count
	r.inquiry = c.look(inquiry{own: true, query: lock.Query{Kind: lock.QuerySession, Session: c.session.id}})
}

// revocationsReported handles what the nodes know. Who may have missed one cannot
// tell which leases are good, and loses them all.
func (c *Client) revocationsReported(report *lock.Report) {
	r := &c.session.revocations
	r.inquiry, r.count = 0, r.asked
	if r.missed(report.Revocations) {
		c.expire()
		return
	}
	r.last = report.Revocations
	for _, one := range r.last {
		c.revoke(one)
	}
}

// revoke ends the lease that a revocation is about.
func (c *Client) revoke(r lock.Revocation) {
	if r.Kind == lock.LockOverheld {
		c.loseLease(r.Token, ErrExpired, "")
	} else {
		c.loseLease(r.Token, ErrRevoked, r.Reason)
	}
}

// noticed takes a node's word for a revocation. The next keep-alive's count is
// compared all the same: notices before this one may have got lost.
func (c *Client) noticed(ev Noticed) {
	if c.session.stage == opened && ev.Session == c.session.id {
		c.revoke(ev.Revocation)
	}
}

// forgetRevocations ends the inquiry under way: the session is over.
func (c *Client) forgetRevocations() {
	if id := c.session.revocations.inquiry; id != 0 {
		c.inquiries.remove(id)
	}
}
