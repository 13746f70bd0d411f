package messages

import (
	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
)

func appendRequest(b []byte, num protowire.Number, q *Request) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, q.Client)
	b = appendCommand(b, 2, &q.Command)
	return closeMessage(b, start)
}

func (r *reader) request(field string, q *Request) {
	outer := r.enter(field)
	for r.next("Request") {
		switch r.num {
		case 1:
			q.Client = r.client("Request.client")
		case 2:
			r.command("Request.command", &q.Command)
		default:
			r.skip("Request")
		}
	}
	r.leave(outer)
}

func appendCommand(b []byte, num protowire.Number, c *lock.Command) []byte {
	b, start := openMessage(b, num)
	b = appendFixed64(b, 1, c.Session)
	b = appendVarint(b, 2, c.Slot)
	b = appendFixed64(b, 3, c.Number)
	b = appendVarint(b, 4, c.Verb)
	b = appendBytes(b, 5, c.Name)
	if c.Token != 0 || c.At != 0 || c.Mode != 0 || c.Wait || c.Terms != nil {
		b = appendRestOfCommand(b, c)
	}
	return closeMessage(b, start)
}

// appendRestOfCommand appends what a request on an ownerless lock has not. Such
// requests are the most, and need not be asked for each of these fields.
func appendRestOfCommand(b []byte, c *lock.Command) []byte {
	b = appendFixed64(b, 6, c.Token)
	b = appendVarint(b, 7, c.At)
	b = appendVarint(b, 8, c.Mode)
	b = appendBool(b, 9, c.Wait)
	if c.Terms != nil {
		b = appendTerms(b, 10, c.Terms)
	}
	return b
}

func (r *reader) command(field string, c *lock.Command) {
	outer := r.enter(field)
	for r.next("Command") {
		switch r.num {
		case 1:
			c.Session = lock.SessionID(r.fixed64("Command.session"))
		case 2:
			c.Slot = narrow[lock.Slot](r.varint("Command.slot"))
		case 3:
			c.Number = lock.Number(r.fixed64("Command.number"))
		case 4:
			c.Verb = narrow[lock.Verb](r.varint("Command.verb"))
		case 5:
			c.Name = r.name("Command.name")
		default:
			r.restOfCommand(c)
		}
	}
	r.leave(outer)
}

func (r *reader) restOfCommand(c *lock.Command) {
	switch r.num {
	case 6:
		c.Token = lock.Token(r.fixed64("Command.token"))
	case 7:
		c.At = lock.Millis(r.varint("Command.at"))
	case 8:
		c.Mode = narrow[lock.Mode](r.varint("Command.mode"))
	case 9:
		c.Wait = r.bool("Command.wait")
	case 10:
		r.terms("Command.terms", &c.Terms)
	default:
		r.skip("Command")
	}
}

func appendEntry(b []byte, num protowire.Number, e *lock.Entry) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, e.View)
	b = appendVarint(b, 2, e.Index)
	b = appendCommand(b, 3, &e.Command)
	return closeMessage(b, start)
}

func (r *reader) entry(field string, e *lock.Entry) {
	outer := r.enter(field)
	for r.next("Entry") {
		switch r.num {
		case 1:
			e.View = lock.View(r.varint("Entry.view"))
		case 2:
			e.Index = lock.Index(r.varint("Entry.index"))
		case 3:
			r.command("Entry.command", &e.Command)
		default:
			r.skip("Entry")
		}
	}
	r.leave(outer)
}
