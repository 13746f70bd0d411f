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
		b = appendStatusQuery(b, 4, client)
	}
	for i := range p.StatusReports {
		b = appendStatusReport(b, 5, &p.StatusReports[i])
	}
	return appendBytes(b, 6, p.Refused)
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
			r.statusReport("Parcel.status_reports", more(r, &p.StatusReports))
		case 6:
			p.Refused = r.own("Parcel.refused")
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

// The sizes below are upper bounds for all but the longest names and for what
// only a forged parcel holds, so that a buffer of that size need not grow. They
// count what the schema needs at most, rounded up.
const (
	commandSize = 40 // without its name
	requestSize = commandSize + 12
	entrySize   = commandSize + 24
	answerSize  = 80 // without its hint
	smallSize   = 96 // of a message without a list, without its strings
)

// parcelSize is about how many bytes a parcel takes.
func parcelSize(p *Parcel) int {
	size := len(p.Requests)*requestSize + len(p.Answers)*answerSize +
		len(p.StatusQueries)*8 + len(p.StatusReports)*2*smallSize + len(p.Refused)
	for i := range p.Requests {
		size += len(p.Requests[i].Command.Name)
	}
	for i := range p.Answers {
		size += len(p.Answers[i].Answer.Hint)
	}
	for _, m := range p.Pair {
		size += smallSize + pairSize(m)
	}
	return size
}

// pairSize is what a message of the pair takes beyond smallSize.
func pairSize(m replica.Message) int {
	size := 0
	switch m := m.(type) {
	case replica.Forward:
		for i := range m.Entries {
			size += entrySize + len(m.Entries[i].Command.Name)
		}
	case replica.Tail:
		for i := range m.Entries {
			size += entrySize + len(m.Entries[i].Command.Name)
		}
	case replica.Relay:
		for i := range m.Commands {
			size += commandSize + len(m.Commands[i].Name)
		}
	case replica.Chunk:
		size = len(m.Bytes)
	}
	return size
}
