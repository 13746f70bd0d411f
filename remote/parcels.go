package remote

import (
	"slices"

	"lockstep/messages"
	"lockstep/replica"
)

// Limits of what waits for one process (N6), and of what goes into one frame. A
// single message of a protocol is never split: the protocol bounds it well below
// maxFrameBytes.
const (
	maxWaitingBytes = 8 << 20
	maxWaitingItems = 65_536
	frameBytes      = 1 << 20 // a frame is closed when it has grown to this
	maxFrameBytes   = 7 << 20 // a larger one is refused
)

// waiting is what a link holds for its process, in the order of sending.
type waiting struct {
	parcel messages.Parcel
	bytes  int
	items  int
}

func (w *waiting) empty() bool { return w.items == 0 }

// add appends a parcel. The slices of the first one belong to the actor that sent
// them: they are read as they are, and copied when something is to join them.
func (w *waiting) add(p *messages.Parcel) {
	w.parcel.Requests = join(w.parcel.Requests, p.Requests)
	w.parcel.Answers = join(w.parcel.Answers, p.Answers)
	w.parcel.Pair = join(w.parcel.Pair, p.Pair)
	w.parcel.StatusQueries = join(w.parcel.StatusQueries, p.StatusQueries)
	w.parcel.StatusReports = join(w.parcel.StatusReports, p.StatusReports)
	w.parcel.Queries = join(w.parcel.Queries, p.Queries)
	w.parcel.Reports = join(w.parcel.Reports, p.Reports)
	w.parcel.Notices = join(w.parcel.Notices, p.Notices)
	w.parcel.Orders = join(w.parcel.Orders, p.Orders)
	w.parcel.Ordered = join(w.parcel.Ordered, p.Ordered)
	w.parcel.MemberQueries = join(w.parcel.MemberQueries, p.MemberQueries)
	w.parcel.Told = join(w.parcel.Told, p.Told)
	w.parcel.Traces = join(w.parcel.Traces, p.Traces)
	if p.Refused != "" {
		w.parcel.Refused = p.Refused
		w.items++
	}
	w.items += count(p)
	w.bytes += p.Size()
}

// join appends more to what waits. Mostly nothing waits, and nothing is copied.
func join[T any](waiting, more []T) []T {
	if len(waiting) == 0 {
		return slices.Clip(more) // appending to it leaves the sender's array alone
	}
	return append(waiting, more...)
}

// overflowing drops traffic until the limits hold, and reports whether it had
// to. Requests go first: their clients re-send them by themselves, and elsewhere.
// Reports come next: they are large, and nobody holds a lock by them. Then the
// answers: whoever misses one asks again, and it is remembered. The protocol's
// own messages come last, since re-sending those costs the most.
func (w *waiting) overflowing() bool {
	if w.items <= maxWaitingItems && w.bytes <= maxWaitingBytes {
		return false
	}
	drops := []func(){
		func() {
			w.parcel.Requests, w.parcel.StatusQueries, w.parcel.Queries = nil, nil, nil
			w.parcel.Orders, w.parcel.MemberQueries, w.parcel.Traces = nil, nil, nil
		},
		func() {
			w.parcel.Reports, w.parcel.StatusReports, w.parcel.Notices = nil, nil, nil
			w.parcel.Ordered, w.parcel.Told = nil, nil
		},
		func() { w.parcel.Answers = nil },
		func() { w.parcel.Pair = nil },
	}
	for _, drop := range drops {
		drop()
		w.items, w.bytes = count(&w.parcel), w.parcel.Size()
		if w.items <= maxWaitingItems && w.bytes <= maxWaitingBytes {
			break
		}
	}
	return true
}

func (w *waiting) clear() { *w = waiting{} }

// take removes as much as one frame should hold.
func (w *waiting) take() messages.Parcel {
	if w.bytes <= frameBytes {
		p := w.parcel
		w.clear()
		return p
	}
	var p messages.Parcel
	room := frameBytes
	p.Refused, w.parcel.Refused = w.parcel.Refused, ""
	// The protocol's messages first: every client's answer waits for them.
	p.Pair, w.parcel.Pair = cut(w.parcel.Pair, &room, pairSize)
	p.Answers, w.parcel.Answers = cut(w.parcel.Answers, &room, (*messages.Answer).Size)
	p.Requests, w.parcel.Requests = cut(w.parcel.Requests, &room, (*messages.Request).Size)
	p.Traces, w.parcel.Traces = tracesOf(p.Requests, w.parcel.Traces)
	p.Ordered, w.parcel.Ordered = cut(w.parcel.Ordered, &room, (*messages.Ordered).Size)
	p.Told, w.parcel.Told = cut(w.parcel.Told, &room, (*messages.Told).Size)
	p.Orders, w.parcel.Orders = cut(w.parcel.Orders, &room, (*messages.Order).Size)
	p.MemberQueries, w.parcel.MemberQueries = cut(w.parcel.MemberQueries, &room, onlyClientSize)
	p.StatusQueries, w.parcel.StatusQueries = cut(w.parcel.StatusQueries, &room, onlyClientSize)
	p.StatusReports, w.parcel.StatusReports = cut(w.parcel.StatusReports, &room, (*messages.StatusReport).Size)
	p.Notices, w.parcel.Notices = cut(w.parcel.Notices, &room, (*messages.Notice).Size)
	p.Queries, w.parcel.Queries = cut(w.parcel.Queries, &room, (*messages.Query).Size)
	p.Reports, w.parcel.Reports = cut(w.parcel.Reports, &room, (*messages.Report).Size)
	w.items, w.bytes = count(&w.parcel), w.parcel.Size()
	return p
}

// cut splits a slice at the item that uses up the room.
func cut[T any](items []T, room *int, size func(*T) int) (head, tail []T) {
	for i := range items {
		if *room <= 0 {
			return items[:i:i], items[i:]
		}
		*room -= size(&items[i])
	}
	return items, nil
}

// tracesOf splits the traces of some requests from those of the ones behind them:
// traces are in the order of their requests, and of use only beside them.
func tracesOf(requests []messages.Request, all []messages.Trace) (some, rest []messages.Trace) {
	n := 0
	for i := range requests {
		if n == len(all) {
			break
		}
		if all[n].Request == requests[i].Command.ID() {
			n++
		}
	}
	return all[:n:n], all[n:]
}

func count(p *messages.Parcel) int {
	return len(p.Requests) + len(p.Answers) + len(p.Pair) + len(p.StatusQueries) + len(p.StatusReports) +
		len(p.Queries) + len(p.Reports) + len(p.Notices) +
		len(p.Orders) + len(p.Ordered) + len(p.MemberQueries) + len(p.Told) + len(p.Traces)
}

func pairSize(m *replica.Message) int       { return messages.PairSize(*m) }
func onlyClientSize(*messages.ClientID) int { return messages.OnlyClientSize }
