package actors

import (
	"reflect"
	"testing"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

func revoke(by lock.SessionID, number lock.Number, name string) lock.Command {
	return lock.Command{Session: by, Slot: 100, Number: number, Verb: lock.Revoke, Name: name, Terms: &lock.Terms{Info: "reason=stuck"}}
}

// noticed returns the one notice that was sent, to a client.
func (b *tableStand) noticed(to asker) messages.Notice {
	b.t.Helper()
	mail := b.mailTo(to)
	if len(mail.Answers)+len(mail.Reports) > 0 || len(mail.Notices) != 1 || mail.Notices[0].Client != to.client {
		b.t.Fatalf("want one notice, got %+v", mail)
	}
	return mail.Notices[0]
}

// Whoever loses a grant to an operator is told at once, where its session was
// heard last.
func TestARevocationIsNoticed(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b, moved := tableOnStand(t, s), asker{"moved-client", 9}
		b.tell(replica.Began{View: 1})
		both := waitFor(b.session, 0, "a")
		both.Terms = &lock.Terms{And: []lock.Want{{Name: "b"}}}
		token := b.order(client, both).Token
		operator := b.order(asker{"operator", 1}, openSession(100)).Session
		b.apply(revoke(operator, 1, "a"))
		got := b.noticed(client)
		want := messages.Notice{Client: client.client, Session: b.session,
			Revocation: lock.Revocation{Token: token, Kind: lock.LockRevoked, Reason: got.Revocation.Reason}}
		if !reflect.DeepEqual(got, want) || got.Revocation.Reason == "" {
			t.Fatalf("noticed %+v, want %+v", got, want)
		}
		b.alive(moved, b.session, 1)
		b.order(moved, waitFor(b.session, 1, "a"))
		b.apply(revoke(operator, 2, "a"))
		if got := b.noticed(moved); got.Revocation.Token <= token {
			t.Fatalf("noticed %+v", got)
		}
	})
}

// One command may take a lock from several: each is told.
func TestEveryHolderIsTold(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b, other := tableOnStand(t, s), asker{client.node, 8}
		shared := waitFor(b.session, 0, "a")
		shared.Mode = lock.Shared
		b.order(client, shared)
		shared.Session = b.order(other, openSession(100)).Session
		b.order(other, shared)
		b.apply(revoke(b.session, 1, "a"))
		notices := b.mailTo(client).Notices
		if len(notices) != 2 || notices[0].Client != client.client || notices[1].Client != other.client {
			t.Fatalf("noticed %+v", notices)
		}
	})
}

// A session that is over has no address.
func TestAClosedSessionIsForgotten(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		if len(b.table.presence) != 1 {
			t.Fatalf("remembered %+v", b.table.presence)
		}
		b.apply(lock.Command{Session: b.session, Verb: lock.CloseSession})
		if len(b.table.presence) > 0 {
			t.Fatalf("still remembered: %+v", b.table.presence)
		}
	})
}

// An ownerless lock is nobody's: nobody is told.
func TestNobodyHearsOfAnOwnerlessLock(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.apply(lockCommand(b.session, 1, "a"), revoke(b.session, 1, "a"))
		b.silent()
	})
}
