package remote

import (
	"iter"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/actors"
	"lockstep/messages"
	"lockstep/replica"
)

func hasReplies(p *messages.Parcel) bool {
	return len(p.Answers)+len(p.StatusReports)+len(p.Reports)+len(p.Notices)+len(p.Told)+len(p.Ordered) > 0
}

// replies hands what a node has to say to the clients that it is for. Notices
// come last: a client hears of a grant before it hears that it lost it.
func (d *door) replies(ctx actor.Context, from replica.NodeID, p *messages.Parcel) {
	d.answers(ctx, from, p.Answers)
	for _, r := range p.StatusReports {
		d.toClient(ctx, r.Client, &actors.StatusTold{From: from, Status: r.Status, Reigns: r.Reigns, Version: d.process.versionOf(from)})
	}
	d.reports(ctx, from, p.Reports)
	for _, t := range p.Told {
		d.toClient(ctx, t.Client, &actors.ToldByNode{
			From: from, Self: d.process.ownName(from), Told: t.Told, Version: d.process.versionOf(from),
		})
	}
	for begin, end := range runs(p.Ordered, func(o *messages.Ordered) messages.ClientID { return o.Client }) {
		ordered := make([]replica.Ordered, 0, end-begin)
		for _, o := range p.Ordered[begin:end] {
			ordered = append(ordered, o.Ordered)
		}
		d.toClient(ctx, p.Ordered[begin].Client, &actors.OrderedFromNode{From: from, Ordered: ordered})
	}
	for begin, end := range runs(p.Notices, func(n *messages.Notice) messages.ClientID { return n.Client }) {
		d.toClient(ctx, p.Notices[begin].Client, &actors.NoticesFromNode{From: from, Notices: p.Notices[begin:end:end]})
	}
}

// answers hands each run of answers to its client. Answers to one client come in
// a row: the nodes gather them by request, in the order of asking. Should they
// not, the client gets several messages.
func (d *door) answers(ctx actor.Context, from replica.NodeID, all []messages.Answer) {
	plain := make([]replica.Answer, len(all)) // of all clients, cut into runs
	for i := range all {
		plain[i] = all[i].Answer
	}
	for begin, end := range runs(all, func(a *messages.Answer) messages.ClientID { return a.Client }) {
		d.toClient(ctx, all[begin].Client, &actors.FromNode{From: from, Answers: plain[begin:end:end]})
	}
}

func (d *door) reports(ctx actor.Context, from replica.NodeID, all []messages.Report) {
	plain := make([]replica.Reported, len(all))
	for i := range all {
		plain[i] = all[i].Reported
	}
	for begin, end := range runs(all, func(r *messages.Report) messages.ClientID { return r.Client }) {
		d.toClient(ctx, all[begin].Client, &actors.ReportsFromNode{From: from, Reports: plain[begin:end:end]})
	}
}

func (d *door) toClient(ctx actor.Context, client messages.ClientID, message any) {
	if pid := d.process.client(client); pid != nil {
		ctx.Send(pid, message)
	}
}

// longestRun is how many answers a client gets in one message.
const longestRun = 256

// runs cuts a list where its client changes, and yields where each run begins
// and ends.
//
// A long run is cut into pieces: the callers that the first piece wakes ask again
// while the client still works on the next. Else all of them would move through
// client and nodes as one wave, with one process at work at a time.
func runs[T any](all []T, client func(*T) messages.ClientID) iter.Seq2[int, int] {
	return func(yield func(begin, end int) bool) {
		for begin := 0; begin < len(all); {
			end := begin + 1
			for end < len(all) && client(&all[end]) == client(&all[begin]) && end-begin < longestRun {
				end++
			}
			if !yield(begin, end) {
				return
			}
			begin = end
		}
	}
}
