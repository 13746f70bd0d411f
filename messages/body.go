package messages

import (
	"slices"

	"lockstep/replica"
)

func appendParcel(b []byte, p *Parcel) []byte {
	for i := range p.Requests {
		b = appendRequest(b, 1, &p.Requests[i])
	}
	for i := range p.Answers {
		b = appendAnswer(b, 2, &p.Answers[i])
	}
	for _, m := range p.Pair {
		b = appendPair(b, 3, m)
	}
	for _, client := range p.StatusQueries {
		b = appendOnlyClient(b, 4, client)
	}
	for i := range p.StatusReports {
		b = appendStatusReport(b, 5, &p.StatusReports[i])
	}
	b = appendBytes(b, 6, p.Refused)
	for i := range p.Queries {
		b = appendQuery(b, 7, &p.Queries[i])
	}
	for i := range p.Reports {
		b = appendQueryReport(b, 8, &p.Reports[i])
	}
	for i := range p.Notices {
		b = appendNotice(b, 9, &p.Notices[i])
	}
	for i := range p.Orders {
		b = appendOrder(b, 10, &p.Orders[i])
	}
	for i := range p.Ordered {
		b = appendOrdered(b, 11, &p.Ordered[i])
	}
	for _, client := range p.MemberQueries {
		b = appendOnlyClient(b, 12, client)
	}
	for i := range p.Told {
		b = appendTold(b, 13, &p.Told[i])
	}
	for i := range p.Traces {
		b = appendTrace(b, 14, &p.Traces[i])
	}
	return b
}

func (r *reader) parcel(p *Parcel) {
	for r.next("Parcel") {
		switch r.num {
		case 1:
			r.request("Parcel.requests", more(r, &p.Requests))
		case 2:
			r.answer("Parcel.answers", more(r, &p.Answers))
		case 3:
			r.pair("Parcel.pair", more(r, &p.Pair))
		case 4:
			r.statusQuery("Parcel.status_queries", more(r, &p.StatusQueries))
		case 5:
			r.statusReports(p)
		case 6:
			p.Refused = r.own("Parcel.refused")
		case 7:
			r.query("Parcel.queries", more(r, &p.Queries))
		case 8:
			r.reports(p)
		case 9:
			r.notice("Parcel.notices", more(r, &p.Notices))
		case 10:
			r.order("Parcel.orders", more(r, &p.Orders))
		case 11:
			r.ordered("Parcel.ordered", more(r, &p.Ordered))
		case 12:
			r.memberQuery("Parcel.member_queries", more(r, &p.MemberQueries))
		case 13:
			r.told("Parcel.told", more(r, &p.Told))
		case 14:
			r.trace("Parcel.traces", more(r, &p.Traces))
		default:
			r.skip("Parcel")
		}
	}
	p.Pair = onlyKnown(p.Pair)
}

// onlyKnown takes out the places of messages whose kind was not known.
func onlyKnown(list []replica.Message) []replica.Message {
	list = slices.DeleteFunc(list, func(m replica.Message) bool { return m == nil })
	if len(list) == 0 {
		return nil
	}
	return list
}
