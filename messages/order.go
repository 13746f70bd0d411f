package messages

import (
	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
	"lockstep/replica"
)

// What operators want, and what clients are told of the nodes.

func appendOrder(b []byte, num protowire.Number, o *Order) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, o.Client)
	b = appendFixed64(b, 2, o.ID)
	b = appendVarint(b, 3, o.Order.Kind)
	b = appendBytes(b, 4, o.Order.Name)
	b = appendBytes(b, 5, o.Order.Address)
	b = appendBool(b, 6, o.Order.Quiet)
	b = appendBool(b, 7, o.Order.Force)
	return closeMessage(b, start)
}

func (r *reader) order(field string, o *Order) {
	outer := r.enter(field)
	for r.next("Order") {
		switch r.num {
		case 1:
			o.Client = r.client("Order.client")
		case 2:
			o.ID = replica.OrderID(r.fixed64("Order.id"))
		case 3:
			o.Order.Kind = narrow[replica.OrderKind](r.varint("Order.kind"))
		case 4:
			o.Order.Name = r.own("Order.name")
		case 5:
			o.Order.Address = replica.NodeID(r.own("Order.address"))
		case 6:
			o.Order.Quiet = r.bool("Order.quiet")
		case 7:
			o.Order.Force = r.bool("Order.force")
		default:
			r.skip("Order")
		}
	}
	r.leave(outer)
}

func appendOrdered(b []byte, num protowire.Number, o *Ordered) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, o.Client)
	b = appendFixed64(b, 2, o.Ordered.ID)
	b = appendVarint(b, 3, o.Ordered.Kind)
	b = appendBytes(b, 4, o.Ordered.Hint)
	b = appendVarint(b, 5, o.Ordered.Outcome)
	b = appendBytes(b, 6, o.Ordered.Text)
	return closeMessage(b, start)
}

func (r *reader) ordered(field string, o *Ordered) {
	outer := r.enter(field)
	for r.next("Ordered") {
		switch r.num {
		case 1:
			o.Client = r.client("Ordered.client")
		case 2:
			o.Ordered.ID = replica.OrderID(r.fixed64("Ordered.id"))
		case 3:
			o.Ordered.Kind = narrow[replica.AnswerKind](r.varint("Ordered.kind"))
		case 4:
			o.Ordered.Hint = replica.NodeID(r.own("Ordered.hint"))
		case 5:
			o.Ordered.Outcome = narrow[replica.OrderOutcome](r.varint("Ordered.outcome"))
		case 6:
			o.Ordered.Text = r.own("Ordered.text")
		default:
			r.skip("Ordered")
		}
	}
	r.leave(outer)
}

func appendTold(b []byte, num protowire.Number, t *Told) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, t.Client)
	b = appendVarint(b, 2, t.Told.View)
	b = appendMembers(b, 3, t.Told.Members)
	return closeMessage(b, start)
}

func (r *reader) told(field string, t *Told) {
	outer := r.enter(field)
	for r.next("Told") {
		switch r.num {
		case 1:
			t.Client = r.client("Told.client")
		case 2:
			t.Told.View = lock.View(r.varint("Told.view"))
		case 3:
			r.member("Told.members", more(r, &t.Told.Members))
		default:
			r.skip("Told")
		}
	}
	r.leave(outer)
}
