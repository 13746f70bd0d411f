package actors

import (
	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// outbox gathers what one turn has to say by process, so that each process gets
// one parcel. There are few processes, so a list is searched faster than a map,
// and what is for one client tends to come in a row.
type outbox struct {
	parcels []addressed
	last    int
	expects int // how many answers there may be; mostly one process gets them all
}

type addressed struct {
	to     replica.NodeID
	parcel messages.Parcel
}

func (o *outbox) answer(who asker, answer replica.Answer) {
	p := o.find(who.node)
	if p.Answers == nil && len(o.parcels) == 1 {
		p.Answers = make([]messages.Answer, 0, o.expects)
	}
	p.Answers = append(p.Answers, messages.Answer{Client: who.client, Answer: answer})
}

func (o *outbox) report(who asker, reported replica.Reported) {
	p := o.find(who.node)
	p.Reports = append(p.Reports, messages.Report{Client: who.client, Reported: reported})
}

func (o *outbox) notice(who asker, session lock.SessionID, revocation lock.Revocation) {
	p := o.find(who.node)
	p.Notices = append(p.Notices, messages.Notice{Client: who.client, Session: session, Revocation: revocation})
}

func (o *outbox) find(to replica.NodeID) *messages.Parcel {
	if o.last < len(o.parcels) && o.parcels[o.last].to == to {
		return &o.parcels[o.last].parcel
	}
	for i := range o.parcels {
		if o.parcels[i].to == to {
			o.last = i
			return &o.parcels[i].parcel
		}
	}
	o.parcels = append(o.parcels, addressed{to: to})
	o.last = len(o.parcels) - 1
	return &o.parcels[o.last].parcel
}

func (o *outbox) send(mail Mail) {
	for i := range o.parcels {
		mail.Send(o.parcels[i].to, o.parcels[i].parcel)
	}
}
