package replica

import (
	"slices"

	"lockstep/lock"
)

// revocations is what is known of the grants that were taken from the session
// while it lived. Each Alive counts them. When the count has risen, an inquiry
// asks which they were. A notice tells sooner, but may get lost.
type revocations struct {
	count   uint32            // up to which they are known
	last    []lock.Revocation // of the last report
	seen    uint64            // in all reports; what was missed counts as more than a report has
	inquiry InquiryID         // under way, or zero
	asked   uint32            // the count that made us ask
	census  census
}

// find looks for a token among the last revocations: a grant may be taken away
// before its answer gets here.
func (r *revocations) find(token lock.Token) (lock.Revocation, bool) {
	if i := slices.IndexFunc(r.last, func(one lock.Revocation) bool { return one.Token == token }); i >= 0 {
		return r.last[i], true
	}
	return lock.Revocation{}, false
}

// learn takes in a report. It reports whether revocations may have been forgotten
// by the nodes before they were known here: the nodes remember so many, and the
// last that was known is no longer among them.
//
// What was noticed, or told by the client itself since a MaxHold was over, does
// not help to tell: the nodes count those too, but may not have done so yet.
func (r *revocations) learn(now []lock.Revocation) (missed bool) {
	known := -1 // its place in the report
	if n := len(r.last); n > 0 {
		known = slices.Index(now, r.last[n-1])
	}
	r.last = now
	r.seen += uint64(len(now) - 1 - known)
	if known < 0 && len(now) == lock.MaxRevocations {
		r.seen++
		return true
	}
	return false
}

// forgotten reports whether more was revoked since a moment than is known by its
// token. Seen is how much had been by then.
func (r *revocations) forgotten(seen uint64) bool { return r.seen-seen > uint64(len(r.last)) }

// countRevocations compares a keep-alive's count with what is known.
func (c *Client) countRevocations(count uint32) {
	r := &c.session.revocations
	if count <= r.count || r.inquiry != 0 {
		return
	}
	r.asked = count
	r.inquiry = c.look(inquiry{own: true, query: lock.Query{Kind: lock.QuerySession, Session: c.session.id}})
}

// revocationsReported handles what the nodes know.
func (c *Client) revocationsReported(report *lock.Report) {
	r := &c.session.revocations
	r.inquiry, r.count = 0, r.asked
	missed := r.learn(report.Revocations)
	for _, one := range r.last {
		c.revoke(one)
	}
	if missed {
		c.startCensus()
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
