package actors

import (
	"reflect"
	"testing"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// raised returns the barrier that the LockTable has just asked for.
func (b *tableStand) raised() replica.BarrierID {
	b.t.Helper()
	return next[replica.Barrier](b.t, b.replicator).ID
}

// alive has a keep-alive come and its barrier stand.
func (b *tableStand) alive(from asker, session lock.SessionID, round lock.Number) (answers []replica.Answer) {
	b.t.Helper()
	b.ask(from, keepAlive(session, round))
	b.tell(replica.Confirmed{ID: b.raised()})
	return b.answersTo(from)
}

// A keep-alive is not ordered; it is acknowledged when the node is known to have
// reigned after it came, and not before (T1).
func TestAKeepAliveIsAcknowledgedWhenItsBarrierStands(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.tell(replica.Began{View: 1})
		b.ask(client, keepAlive(b.session, 1))
		first := b.raised()
		b.ask(client, keepAlive(b.session, 2))
		second := b.raised()
		b.idle() // nothing was submitted
		b.silent()
		b.tell(replica.Confirmed{ID: first})
		want := func(round lock.Number) []replica.Answer {
			return []replica.Answer{{Request: keepAlive(b.session, round).ID(), Kind: replica.Executed,
				Result: lock.Result{Outcome: lock.Alive, Token: lock.Token(b.session)}}}
		}
		if got := b.answersTo(client); !reflect.DeepEqual(got, want(1)) {
			t.Fatalf("the first barrier stands for the first keep-alive alone, answers %+v", got)
		}
		b.tell(replica.Confirmed{ID: second})
		if got := b.answersTo(client); !reflect.DeepEqual(got, want(2)) {
			t.Fatalf("answers %+v", got)
		}
	})
}

// What comes together shares a barrier, and one barrier that stands answers for
// all before it.
func TestBarriersAreShared(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.tell(replica.Began{View: 1})
		b.ask(client, keepAlive(b.session, 1), keepAlive(b.session, 2))
		b.raised()
		b.idle()
		b.ask(client, keepAlive(b.session, 3))
		b.tell(replica.Confirmed{ID: b.raised()})
		if got := b.answersTo(client); len(got) != 3 {
			t.Fatalf("answers %+v", got)
		}
	})
}

func TestAKeepAliveOfNoSessionIsTold(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.tell(replica.Began{View: 1})
		if got := b.alive(client, b.session+1, 1); len(got) != 1 || got[0].Result.Outcome != lock.SessionExpired {
			t.Fatalf("answers %+v", got)
		}
		if len(b.table.presence) != 1 {
			t.Fatalf("what is no session was remembered: %+v", b.table.presence)
		}
	})
}

// A node that does not reign sends keep-alives and questions elsewhere, or says
// that it knows of nobody who does.
func TestWhatIsBarredGoesElsewhere(t *testing.T) {
	for _, tc := range []struct {
		barred replica.Barred
		want   replica.AnswerKind
	}{
		{replica.Barred{Hint: "peer"}, replica.NotPrimary},
		{replica.Barred{Kind: replica.NotPrimary, Hint: "peer"}, replica.NotPrimary},
		{replica.Barred{Kind: replica.NoQuorum}, replica.NoQuorum},
	} {
		onStand(t, func(t *testing.T, s *stand) {
			b := tableOnStand(t, s)
			b.ask(client, keepAlive(b.session, 1))
			b.inquire(client, 3, lock.Query{Kind: lock.QueryLocks})
			b.raised()
			hint := tc.barred.Hint
			tc.barred.ID = b.raised()
			b.tell(tc.barred)
			mail := b.mailTo(client)
			if len(mail.Answers) != 1 || mail.Answers[0].Answer.Kind != tc.want || mail.Answers[0].Answer.Hint != hint {
				t.Fatalf("answers %+v", mail.Answers)
			}
			want := messages.Report{Client: client.client, Reported: replica.Reported{ID: 3, Kind: tc.want, Hint: hint}}
			if len(mail.Reports) != 1 || !reflect.DeepEqual(mail.Reports[0], want) {
				t.Fatalf("reports %+v", mail.Reports)
			}
		})
	}
}

// While no barrier is answered, what waits for one is bounded.
func TestNotTooManyWaitForABarrier(t *testing.T) {
	var b barriers
	for range maxBehind {
		if !b.add(behind{}) {
			t.Fatal("refused too early")
		}
	}
	if b.add(behind{}) {
		t.Fatal("there is no end to it")
	}
	b.take(1)
	if !b.add(behind{}) {
		t.Fatal("refused although there is room again")
	}
}
