package messages

import (
	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
	"lockstep/replica"
)

// The messages of a role.

func appendHeartbeat(b []byte, num protowire.Number, m replica.Heartbeat) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, m.View)
	b = appendVarint(b, 2, m.Index)
	return closeMessage(b, start)
}

func (r *reader) heartbeat(field string) (m replica.Heartbeat) {
	outer := r.enter(field)
	for r.next("Heartbeat") {
		switch r.num {
		case 1:
			m.View = lock.View(r.varint("Heartbeat.view"))
		case 2:
			m.Index = lock.Index(r.varint("Heartbeat.index"))
		default:
			r.skip("Heartbeat")
		}
	}
	r.leave(outer)
	return m
}

func appendForward(b []byte, num protowire.Number, m replica.Forward) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, m.View)
	for i := range m.Entries {
		b = appendEntry(b, 2, &m.Entries[i])
	}
	return closeMessage(b, start)
}

func (r *reader) forward(field string) (m replica.Forward) {
	outer := r.enter(field)
	for r.next("Forward") {
		switch r.num {
		case 1:
			m.View = lock.View(r.varint("Forward.view"))
		case 2:
			r.entry("Forward.entries", more(r, &m.Entries))
		default:
			r.skip("Forward")
		}
	}
	r.leave(outer)
	return m
}

func appendAck(b []byte, num protowire.Number, m replica.Ack) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, m.View)
	b = appendVarint(b, 2, m.Index)
	return closeMessage(b, start)
}

func (r *reader) ack(field string) (m replica.Ack) {
	outer := r.enter(field)
	for r.next("Ack") {
		switch r.num {
		case 1:
			m.View = lock.View(r.varint("Ack.view"))
		case 2:
			m.Index = lock.Index(r.varint("Ack.index"))
		default:
			r.skip("Ack")
		}
	}
	r.leave(outer)
	return m
}

func appendRelay(b []byte, num protowire.Number, m replica.Relay) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, m.View)
	for i := range m.Commands {
		b = appendCommand(b, 2, &m.Commands[i])
	}
	return closeMessage(b, start)
}

func (r *reader) relay(field string) (m replica.Relay) {
	outer := r.enter(field)
	for r.next("Relay") {
		switch r.num {
		case 1:
			m.View = lock.View(r.varint("Relay.view"))
		case 2:
			r.command("Relay.commands", more(r, &m.Commands))
		default:
			r.skip("Relay")
		}
	}
	r.leave(outer)
	return m
}

func appendConfirm(b []byte, num protowire.Number, m replica.Confirm) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, m.View)
	b = appendVarint(b, 2, m.Round)
	return closeMessage(b, start)
}

func (r *reader) confirm(field string) (m replica.Confirm) {
	outer := r.enter(field)
	for r.next("Confirm") {
		switch r.num {
		case 1:
			m.View = lock.View(r.varint("Confirm.view"))
		case 2:
			m.Round = r.varint("Confirm.round")
		default:
			r.skip("Confirm")
		}
	}
	r.leave(outer)
	return m
}

func appendConfirmation(b []byte, num protowire.Number, m replica.Confirmation) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, m.View)
	b = appendVarint(b, 2, m.Round)
	b = appendVarint(b, 3, m.Index)
	return closeMessage(b, start)
}

func (r *reader) confirmation(field string) (m replica.Confirmation) {
	outer := r.enter(field)
	for r.next("Confirmation") {
		switch r.num {
		case 1:
			m.View = lock.View(r.varint("Confirmation.view"))
		case 2:
			m.Round = r.varint("Confirmation.round")
		case 3:
			m.Index = lock.Index(r.varint("Confirmation.index"))
		default:
			r.skip("Confirmation")
		}
	}
	r.leave(outer)
	return m
}

// Alone, Outdated and Bye have the same single field.

func appendOnlyView(b []byte, num protowire.Number, v lock.View) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, v)
	return closeMessage(b, start)
}

// onlyView takes the names that errors need, since three messages share it.
func (r *reader) onlyView(field, message, view string) (v lock.View) {
	outer := r.enter(field)
	for r.next(message) {
		switch r.num {
		case 1:
			v = lock.View(r.varint(view))
		default:
			r.skip(message)
		}
	}
	r.leave(outer)
	return v
}
