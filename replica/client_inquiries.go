package replica

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"lockstep/lock"
)

// longPoll is after about how many ticks a query that waits at its node is asked
// again.
const longPoll = 200

// inquiry is a query that waits for its report.
type inquiry struct {
	id      InquiryID
	own     bool   // the client's own: nobody's call ends with it
	call    CallID // else
	query   lock.Query
	attempt attempt
}

// inquiries are those under way, in the order of their ids.
type inquiries struct {
	open []inquiry
	last InquiryID
}

func (q *inquiries) index(id InquiryID) (int, bool) {
	return slices.BinarySearchFunc(q.open, id, func(one inquiry, id InquiryID) int { return cmp.Compare(one.id, id) })
}

func (q *inquiries) remove(id InquiryID) {
	if i, ok := q.index(id); ok {
		q.open = slices.Delete(q.open, i, i+1)
	}
}

func (c *Client) inquire(ev Inquire) {
	if err := c.judgeInquiry(ev.Query); err != nil {
		c.finish(ev.ID, lock.Result{}, err)
		return
	}
	c.look(inquiry{call: ev.ID, query: ev.Query})
}

// judgeInquiry refuses what cannot be sent. All else is for the nodes to judge.
func (c *Client) judgeInquiry(q lock.Query) error {
	switch {
	case c.session.stage >= closing:
		return ErrClosed
	case len(c.inquiries.open) >= MaxWaiting:
		return ErrBusy
	case !sendable(q.Name) || !sendable(q.After):
		return &LimitError{lock.LimitName}
	default:
		return nil
	}
}

func sendable(name string) bool { return len(name) <= lock.MaxNameBytes && utf8.ValidString(name) }

// look sends an inquiry for the first time.
func (c *Client) look(one inquiry) InquiryID {
	q := &c.inquiries
	q.last++
	one.id = q.last
	one.attempt.node = c.first()
	q.open = append(q.open, one)
	sent := &q.open[len(q.open)-1]
	c.send(&sent.attempt, errand{kind: forInquiry, inquiry: sent})
	return one.id
}

// looked handles a frame of reports.
func (c *Client) looked(ev Looked) {
	from := c.node(ev.From)
	c.speaks(from)
	for i := range ev.Reports {
		r := &ev.Reports[i]
		at, ok := c.inquiries.index(r.ID)
		switch {
		case !ok: // late
		case r.Kind == Executed:
			c.reported(from, at, r.Report)
		default:
			one := &c.inquiries.open[at]
			c.notYet(&one.attempt, errand{kind: forInquiry, inquiry: one}, from, r.Kind, r.Hint)
		}
	}
}

func (c *Client) reported(from, at int, report lock.Report) {
	c.trust(from)
	one := c.inquiries.open[at]
	c.inquiries.remove(one.id)
	if one.own {
		c.ownReported(&one, &report)
		return
	}
	c.finished = append(c.finished, Finished{ID: one.call, Report: &report})
}

// ownReported handles what the client has asked for itself, to know which of its
// leases were taken away.
func (c *Client) ownReported(one *inquiry, report *lock.Report) {
	switch {
	case one.id == c.session.revocations.inquiry:
		c.revocationsReported(report)
	case one.query.Kind == lock.QuerySession:
		c.counted(report)
	case !report.Current:
		c.loseLease(one.query.Token, ErrRevoked, "")
	}
}

// inquiriesTick asks again where an attempt is over.
func (c *Client) inquiriesTick() {
	for i := range c.inquiries.open {
		if one := &c.inquiries.open[i]; one.attempt.due <= c.now {
			c.again(&one.attempt, errand{kind: forInquiry, inquiry: one})
		}
	}
}

// inquiriesLost asks elsewhere what was asked at a node that was lost.
func (c *Client) inquiriesLost(node int) {
	for i := range c.inquiries.open {
		one := &c.inquiries.open[i]
		if one.attempt.asked && one.attempt.node == node {
			c.replace(&one.attempt, errand{kind: forInquiry, inquiry: one})
		}
	}
}

// cancelInquiry gives a caller's inquiry up, and reports whether there was one.
func (c *Client) cancelInquiry(id CallID) bool {
	q := &c.inquiries
	at := slices.IndexFunc(q.open, func(one inquiry) bool { return !one.own && one.call == id })
	if at < 0 {
		return false
	}
	q.open = slices.Delete(q.open, at, at+1)
	c.finish(id, lock.Result{}, ErrCanceled)
	return true
}

// failInquiries ends every inquiry of a caller. The client's own go on for as long
// as there are leases to ask about.
func (c *Client) failInquiries(err error) {
	c.inquiries.open = slices.DeleteFunc(c.inquiries.open, func(one inquiry) bool {
		if !one.own {
			c.finish(one.call, lock.Result{}, err)
		}
		return !one.own
	})
}

// endOwnInquiries ends the client's own: the session is over, and so are its
// leases.
func (c *Client) endOwnInquiries() {
	c.inquiries.open = slices.DeleteFunc(c.inquiries.open, func(one inquiry) bool { return one.own })
}
