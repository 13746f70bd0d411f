package messages

import (
	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
	"lockstep/replica"
)

// Queries and what is reported are for people: they may be kept for long, while
// a query waits for an event or a program looks at one card of a page. All
// strings in them are their own.

func appendQuery(b []byte, num protowire.Number, query *Query) []byte {
	q := &query.Query
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, query.Client)
	b = appendVarint(b, 2, query.ID)
	b = appendVarint(b, 3, q.Kind)
	b = appendBytes(b, 4, q.Name)
	b = appendBytes(b, 5, q.After)
	b = appendFixed64(b, 6, q.Session)
	b = appendFixed64(b, 7, q.Token)
	b = appendVarint(b, 8, q.Index)
	b = appendBool(b, 9, q.Waiters)
	return closeMessage(b, start)
}

func (r *reader) query(field string, query *Query) {
	q := &query.Query
	outer := r.enter(field)
	for r.next("Query") {
		switch r.num {
		case 1:
			query.Client = r.client("Query.client")
		case 2:
			query.ID = replica.InquiryID(r.varint("Query.id"))
		case 3:
			q.Kind = narrow[lock.QueryKind](r.varint("Query.kind"))
		case 4:
			q.Name = r.own("Query.name")
		case 5:
			q.After = r.own("Query.after")
		case 6:
			q.Session = lock.SessionID(r.fixed64("Query.session"))
		case 7:
			q.Token = lock.Token(r.fixed64("Query.token"))
		case 8:
			q.Index = lock.Index(r.varint("Query.index"))
		case 9:
			q.Waiters = r.bool("Query.waiters")
		default:
			r.skip("Query")
		}
	}
	r.leave(outer)
}

func appendQueryReport(b []byte, num protowire.Number, report *Report) []byte {
	told, s := &report.Reported, &report.Reported.Report
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, report.Client)
	b = appendVarint(b, 2, told.ID)
	b = appendVarint(b, 3, told.Kind)
	b = appendBytes(b, 4, told.Hint)
	b = appendVarint(b, 5, s.Index)
	for i := range s.Locks {
		b = appendLockCard(b, 6, &s.Locks[i])
	}
	for i := range s.Sessions {
		b = appendSessionCard(b, 7, &s.Sessions[i])
	}
	for _, cycle := range s.Cycles {
		b = appendCycle(b, 8, cycle)
	}
	for i := range s.Events {
		b = appendEvent(b, 9, &s.Events[i])
	}
	for i := range s.Revocations {
		b = appendRevocation(b, 10, &s.Revocations[i])
	}
	b = appendBool(b, 11, s.Current)
	b = appendBool(b, 12, s.More)
	b = appendBool(b, 13, s.Missed)
	if s.Record != nil {
		b = appendRecord(b, 14, s.Record)
	}
	return closeMessage(b, start)
}

// maxReports is how many reports one parcel may hold: more than anybody puts
// into a frame. An empty one takes two bytes there and two hundred here (W4).
const maxReports = 1 << 14

// reports reads one of a parcel's reports. Before the first it looks how many
// there are.
func (r *reader) reports(p *Parcel) {
	if p.Reports == nil && r.count() > maxReports {
		r.fail("Parcel.reports", errReports)
		return
	}
	r.queryReport("Parcel.reports", more(r, &p.Reports))
}

func (r *reader) queryReport(field string, report *Report) {
	told, s := &report.Reported, &report.Reported.Report
	outer := r.enter(field)
	for r.next("QueryReport") {
		switch r.num {
		case 1:
			report.Client = r.client("QueryReport.client")
		case 2:
			told.ID = replica.InquiryID(r.varint("QueryReport.id"))
		case 3:
			told.Kind = narrow[replica.AnswerKind](r.varint("QueryReport.kind"))
		case 4:
			told.Hint = replica.NodeID(r.own("QueryReport.hint"))
		case 5:
			s.Index = lock.Index(r.varint("QueryReport.index"))
		case 6:
			r.lockCard("QueryReport.locks", more(r, &s.Locks))
		case 7:
			r.sessionCard("QueryReport.sessions", more(r, &s.Sessions))
		case 8:
			r.cycle("QueryReport.cycles", more(r, &s.Cycles))
		case 9:
			r.event("QueryReport.events", more(r, &s.Events))
		case 10:
			r.revocation("QueryReport.revocations", more(r, &s.Revocations))
		case 11:
			s.Current = r.bool("QueryReport.current")
		case 12:
			s.More = r.bool("QueryReport.more")
		case 13:
			s.Missed = r.bool("QueryReport.missed")
		case 14:
			r.record("QueryReport.record", &s.Record)
		default:
			r.skip("QueryReport")
		}
	}
	r.leave(outer)
}
