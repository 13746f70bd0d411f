package messages

import (
	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
)

// EncodeSnapshot turns a table's state into bytes. Equal states give equal
// bytes.
func EncodeSnapshot(snap lock.Snapshot) []byte {
	b := make([]byte, 0, snapshotSize(&snap))
	b = appendVarint(b, 1, snap.Index)
	b = appendVarint(b, 2, snap.Last)
	for i := range snap.Locks {
		b = appendHeldLock(b, 3, &snap.Locks[i])
	}
	for i := range snap.Sessions {
		b = appendSession(b, 4, &snap.Sessions[i])
	}
	for i := range snap.Grants {
		b = appendGrantState(b, 5, &snap.Grants[i])
	}
	for i := range snap.Waits {
		b = appendWaitState(b, 6, &snap.Waits[i])
	}
	for i := range snap.Delays {
		b = appendDelayState(b, 7, &snap.Delays[i])
	}
	if snap.Record != nil {
		b = appendRecord(b, 8, snap.Record)
	}
	return b
}

// DecodeSnapshot reads what EncodeSnapshot wrote. It judges the form only:
// whether a table can have that state is for lock.Restore to say. The snapshot
// shares nothing with the bytes.
func DecodeSnapshot(b []byte) (lock.Snapshot, error) {
	r := newReader(b)
	var snap lock.Snapshot
	r.snapshot(&snap)
	if r.err != nil {
		return lock.Snapshot{}, r.err
	}
	return snap, nil
}

func (r *reader) snapshot(snap *lock.Snapshot) {
	for r.next("Snapshot") {
		switch r.num {
		case 1:
			snap.Index = lock.Index(r.varint("Snapshot.index"))
		case 2:
			snap.Last = r.varint("Snapshot.last")
		case 3:
			r.heldLock("Snapshot.locks", more(r, &snap.Locks))
		case 4:
			r.session("Snapshot.sessions", more(r, &snap.Sessions))
		case 5:
			r.grantState("Snapshot.grants", more(r, &snap.Grants))
		case 6:
			r.waitState("Snapshot.waits", more(r, &snap.Waits))
		case 7:
			r.delayState("Snapshot.delays", more(r, &snap.Delays))
		case 8:
			r.record("Snapshot.record", &snap.Record)
		default:
			r.skip("Snapshot")
		}
	}
}

func appendHeldLock(b []byte, num protowire.Number, l *lock.HeldLock) []byte {
	b, start := openMessage(b, num)
	b = appendBytes(b, 1, l.Name)
	b = appendFixed64(b, 2, l.Token)
	b = appendVarint(b, 3, l.Since)
	return closeMessage(b, start)
}

// heldLock gives each name a string of its own: a restored table keeps the
// names as they are, and one of them must not keep the whole snapshot.
func (r *reader) heldLock(field string, l *lock.HeldLock) {
	outer := r.enter(field)
	for r.next("HeldLock") {
		switch r.num {
		case 1:
			l.Name = r.own("HeldLock.name")
		case 2:
			l.Token = lock.Token(r.fixed64("HeldLock.token"))
		case 3:
			l.Since = lock.Millis(r.varint("HeldLock.since"))
		default:
			r.skip("HeldLock")
		}
	}
	r.leave(outer)
}

func appendSession(b []byte, num protowire.Number, s *lock.SessionState) []byte {
	b, start := openMessage(b, num)
	b = appendFixed64(b, 1, s.ID)
	b = appendFixed64(b, 2, s.Nonce)
	for i := range s.Slots {
		b = appendSlotState(b, 3, &s.Slots[i])
	}
	b = appendVarint(b, 4, s.TTL)
	b = appendVarint(b, 5, s.Since)
	b = appendBytes(b, 6, s.Info)
	b = appendVarint(b, 7, s.Revoked)
	for i := range s.Revocations {
		b = appendRevocation(b, 8, &s.Revocations[i])
	}
	return closeMessage(b, start)
}

func (r *reader) session(field string, s *lock.SessionState) {
	outer := r.enter(field)
	for r.next("Session") {
		switch r.num {
		case 1:
			s.ID = lock.SessionID(r.fixed64("Session.id"))
		case 2:
			s.Nonce = lock.Number(r.fixed64("Session.nonce"))
		case 3:
			r.slotState("Session.slots", more(r, &s.Slots))
		case 4:
			s.TTL = lock.Millis(r.varint("Session.ttl"))
		case 5:
			s.Since = lock.Millis(r.varint("Session.since"))
		case 6:
			s.Info = lock.Info(r.own("Session.info"))
		case 7:
			s.Revoked = narrow[uint32](r.varint("Session.revoked"))
		case 8:
			r.revocation("Session.revocations", more(r, &s.Revocations))
		default:
			r.skip("Session")
		}
	}
	r.leave(outer)
}

func appendSlotState(b []byte, num protowire.Number, s *lock.SlotState) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, s.Slot)
	b = appendFixed64(b, 2, s.Number)
	b = appendResult(b, 3, &s.Answer)
	return closeMessage(b, start)
}

func (r *reader) slotState(field string, s *lock.SlotState) {
	outer := r.enter(field)
	for r.next("SlotState") {
		switch r.num {
		case 1:
			s.Slot = narrow[lock.Slot](r.varint("SlotState.slot"))
		case 2:
			s.Number = lock.Number(r.fixed64("SlotState.number"))
		case 3:
			r.result("SlotState.answer", &s.Answer)
		default:
			r.skip("SlotState")
		}
	}
	r.leave(outer)
}
