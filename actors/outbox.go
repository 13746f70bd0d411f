package actors

import (
	"lockstep/messages"
	"lockstep/replica"
)

// outbox gathers the answers of one turn by process, so that each process gets
// one parcel. There are few processes, so a list is searched faster than a map,
// and answers to one client tend to come in a row.
type outbox struct {
	parcels []addressed
	last    int
	expects int // how many answers there may be; mostly one process gets them all
}

type addressed struct {
	to      replica.NodeID
	answers []messages.Answer
}

func (o *outbox) add(who asker, answer replica.Answer) {
	i := o.find(who.node)
	o.parcels[i].answers = append(o.parcels[i].answers, messages.Answer{Client: who.client, Answer: answer})
}

func (o *outbox) find(to replica.NodeID) int {
	if o.last < len(o.parcels) && o.parcels[o.last].to == to {
		return o.last
	}
	for i := range o.parcels {
		if o.parcels[i].to == to {
			o.last = i
			return i
		}
	}
	room := 0
	if len(o.parcels) == 0 {
		room = o.expects
	}
	o.parcels = append(o.parcels, addressed{to: to, answers: make([]messages.Answer, 0, room)})
	o.last = len(o.parcels) - 1
	return o.last
}

func (o *outbox) send(mail Mail) {
	for _, p := range o.parcels {
		mail.Send(p.to, messages.Parcel{Answers: p.answers})
	}
}
