package messages

import (
	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
)

// The cards that show the state to people.

func appendLockCard(b []byte, num protowire.Number, c *lock.LockCard) []byte {
	b, start := openMessage(b, num)
	b = appendBytes(b, 1, c.Name)
	b = appendBool(b, 2, c.Ownerless)
	b = appendBool(b, 3, c.Delayed)
	b = appendVarint(b, 4, c.Of)
	for i := range c.Holders {
		b = appendHolderCard(b, 5, &c.Holders[i])
	}
	b = appendVarint(b, 6, c.Waiters)
	for i := range c.Queue {
		b = appendWaiterCard(b, 7, &c.Queue[i])
	}
	return closeMessage(b, start)
}

func (r *reader) lockCard(field string, c *lock.LockCard) {
	outer := r.enter(field)
	for r.next("LockCard") {
		switch r.num {
		case 1:
			c.Name = r.own("LockCard.name")
		case 2:
			c.Ownerless = r.bool("LockCard.ownerless")
		case 3:
			c.Delayed = r.bool("LockCard.delayed")
		case 4:
			c.Of = narrow[uint32](r.varint("LockCard.of"))
		case 5:
			r.holderCard("LockCard.holders", more(r, &c.Holders))
		case 6:
			c.Waiters = narrow[uint32](r.varint("LockCard.waiters"))
		case 7:
			r.waiterCard("LockCard.queue", more(r, &c.Queue))
		default:
			r.skip("LockCard")
		}
	}
	r.leave(outer)
}

func appendHolderCard(b []byte, num protowire.Number, c *lock.HolderCard) []byte {
	b, start := openMessage(b, num)
	b = appendFixed64(b, 1, c.Session)
	b = appendFixed64(b, 2, c.Token)
	b = appendVarint(b, 3, c.Mode)
	b = appendVarint(b, 4, c.Permits)
	b = appendVarint(b, 5, c.Count)
	b = appendVarint(b, 6, c.Since)
	b = appendVarint(b, 7, c.MaxHold)
	b = appendBytes(b, 8, c.Info)
	b = appendSessionCard(b, 9, &c.Owner)
	return closeMessage(b, start)
}

func (r *reader) holderCard(field string, c *lock.HolderCard) {
	outer := r.enter(field)
	for r.next("HolderCard") {
		switch r.num {
		case 1:
			c.Session = lock.SessionID(r.fixed64("HolderCard.session"))
		case 2:
			c.Token = lock.Token(r.fixed64("HolderCard.token"))
		case 3:
			c.Mode = narrow[lock.Mode](r.varint("HolderCard.mode"))
		case 4:
			c.Permits = narrow[uint32](r.varint("HolderCard.permits"))
		case 5:
			c.Count = narrow[uint32](r.varint("HolderCard.count"))
		case 6:
			c.Since = lock.Millis(r.varint("HolderCard.since"))
		case 7:
			c.MaxHold = lock.Millis(r.varint("HolderCard.max_hold"))
		case 8:
			c.Info = lock.Info(r.own("HolderCard.info"))
		case 9:
			r.sessionCard("HolderCard.owner", &c.Owner)
		default:
			r.skip("HolderCard")
		}
	}
	r.leave(outer)
}

func appendWaiterCard(b []byte, num protowire.Number, c *lock.WaiterCard) []byte {
	b, start := openMessage(b, num)
	b = appendFixed64(b, 1, c.Session)
	b = appendVarint(b, 2, c.Mode)
	b = appendVarint(b, 3, c.Permits)
	b = appendVarint(b, 4, c.Since)
	b = appendStrings(b, 5, c.Names)
	b = appendBytes(b, 6, c.Info)
	b = appendSessionCard(b, 7, &c.Owner)
	return closeMessage(b, start)
}

func (r *reader) waiterCard(field string, c *lock.WaiterCard) {
	outer := r.enter(field)
	for r.next("WaiterCard") {
		switch r.num {
		case 1:
			c.Session = lock.SessionID(r.fixed64("WaiterCard.session"))
		case 2:
			c.Mode = narrow[lock.Mode](r.varint("WaiterCard.mode"))
		case 3:
			c.Permits = narrow[uint32](r.varint("WaiterCard.permits"))
		case 4:
			c.Since = lock.Millis(r.varint("WaiterCard.since"))
		case 5:
			*more(r, &c.Names) = r.own("WaiterCard.names")
		case 6:
			c.Info = lock.Info(r.own("WaiterCard.info"))
		case 7:
			r.sessionCard("WaiterCard.owner", &c.Owner)
		default:
			r.skip("WaiterCard")
		}
	}
	r.leave(outer)
}

func appendSessionCard(b []byte, num protowire.Number, c *lock.SessionCard) []byte {
	b, start := openMessage(b, num)
	b = appendFixed64(b, 1, c.ID)
	b = appendVarint(b, 2, c.TTL)
	b = appendBytes(b, 3, c.Info)
	b = appendVarint(b, 4, c.Since)
	b = appendVarint(b, 5, c.Holds)
	b = appendVarint(b, 6, c.Waits)
	b = appendVarint(b, 7, c.Heard)
	return closeMessage(b, start)
}

func (r *reader) sessionCard(field string, c *lock.SessionCard) {
	outer := r.enter(field)
	for r.next("SessionCard") {
		switch r.num {
		case 1:
			c.ID = lock.SessionID(r.fixed64("SessionCard.id"))
		case 2:
			c.TTL = lock.Millis(r.varint("SessionCard.ttl"))
		case 3:
			c.Info = lock.Info(r.own("SessionCard.info"))
		case 4:
			c.Since = lock.Millis(r.varint("SessionCard.since"))
		case 5:
			c.Holds = narrow[uint32](r.varint("SessionCard.holds"))
		case 6:
			c.Waits = narrow[uint32](r.varint("SessionCard.waits"))
		case 7:
			c.Heard = lock.Millis(r.varint("SessionCard.heard"))
		default:
			r.skip("SessionCard")
		}
	}
	r.leave(outer)
}
