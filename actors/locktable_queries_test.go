package actors

import (
	"reflect"
	"strings"
	"testing"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// inquire brings a question of a client.
func (b *tableStand) inquire(from asker, id replica.InquiryID, q lock.Query) {
	b.tell(&QueriesFromClients{From: from.node, Queries: []messages.Query{{Client: from.client, ID: id, Query: q}}})
}

// look has a question come and its barrier stand.
func (b *tableStand) look(from asker, id replica.InquiryID, q lock.Query) {
	b.t.Helper()
	b.inquire(from, id, q)
	b.tell(replica.Confirmed{ID: b.raised()})
}

// reported returns the one report that was sent, which is for a client.
func (b *tableStand) reported(to asker, id replica.InquiryID) replica.Reported {
	b.t.Helper()
	mail := b.mailTo(to)
	if len(mail.Answers)+len(mail.Notices) > 0 || len(mail.Reports) != 1 ||
		mail.Reports[0].Client != to.client || mail.Reports[0].Reported.ID != id {
		b.t.Fatalf("want one report to inquiry %d, got %+v", id, mail)
	}
	return mail.Reports[0].Reported
}

// events returns the events of a question for them, which was answered.
func (b *tableStand) events(to asker, id replica.InquiryID) []lock.Event {
	b.t.Helper()
	got := b.reported(to, id)
	if got.Kind != replica.Executed || got.Report.Missed || len(got.Report.Events) == 0 {
		b.t.Fatalf("want events, got %+v", got)
	}
	if last := got.Report.Events[len(got.Report.Events)-1].Index; got.Report.Index != last {
		b.t.Fatalf("the last event is of entry %d, and the cursor %d", last, got.Report.Index)
	}
	return got.Report.Events
}

func eventsBehind(index lock.Index, prefix string) lock.Query {
	return lock.Query{Kind: lock.QueryEvents, Index: index, Name: prefix}
}

// A question is answered when the node is known to have reigned after it came,
// and says how long each session has been silent.
func TestAQuestionIsAnsweredWhenItsBarrierStands(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.tell(replica.Began{View: 1})
		b.order(client, waitFor(b.session, 0, "a"))
		waiter := b.order(client, openSession(100)).Session
		b.ticks(3)
		b.order(client, waitFor(waiter, 0, "a"))
		b.alive(client, b.session, 1)
		b.ticks(2)
		b.inquire(client, 3, lock.Query{Kind: lock.QueryLock, Name: "a"})
		barrier := b.raised()
		b.idle()
		b.silent()
		b.tell(replica.Confirmed{ID: barrier})
		got := b.reported(client, 3)
		if got.Kind != replica.Executed || len(got.Report.Locks) != 1 {
			t.Fatalf("reported %+v", got)
		}
		card := got.Report.Locks[0]
		if len(card.Holders) != 1 || len(card.Queue) != 1 || card.Holders[0].Owner.ID != b.session || card.Queue[0].Owner.ID != waiter {
			t.Fatalf("the card is %+v", card)
		}
		if heard := card.Holders[0].Owner.Heard; heard != 100 {
			t.Errorf("the holder was heard 2 ticks ago, got %d ms", heard)
		}
		if heard := card.Queue[0].Owner.Heard; heard != 250 {
			t.Errorf("the waiter was heard 5 ticks ago, got %d ms", heard)
		}
		b.look(client, 4, lock.Query{Kind: lock.QuerySession, Session: b.session})
		if got := b.reported(client, 4).Report.Sessions; len(got) != 1 || got[0].Heard != 100 {
			t.Errorf("sessions %+v", got)
		}
	})
}

// Zero is a cursor like others: whoever began to watch before the first entry
// hears of it.
func TestAWatchMayBeginBeforeTheFirstEntry(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.look(client, 3, eventsBehind(0, ""))
		if got := b.events(client, 3); len(got) == 0 || got[0].Index != 1 || got[0].Kind != lock.SessionOpened {
			t.Fatalf("events %+v", got)
		}
	})
}

// While there is nothing behind it, that cursor waits like others.
func TestAWatchMayBeginBeforeAnything(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := emptyTableOnStand(t, s)
		b.look(client, 3, eventsBehind(0, ""))
		b.silent()
		b.apply(openSession(99))
		if got := b.events(client, 3); got[0].Kind != lock.SessionOpened {
			t.Fatalf("events %+v", got)
		}
	})
}

// A question for events waits for one that matches.
func TestAPollWaitsForWhatMatches(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.look(client, 3, eventsBehind(b.index, "deploy/"))
		b.silent()
		b.apply(waitFor(b.session, 0, "build/a"))
		b.silent()
		b.apply(waitFor(b.session, 1, "deploy/a"), waitFor(b.session, 2, "build/b"))
		got := b.events(client, 3)
		if len(got) != 1 || got[0].Kind != lock.LockAcquired || got[0].Name != "deploy/a" || got[0].Index != b.index-1 {
			t.Fatalf("events %+v", got)
		}
		b.apply(waitFor(b.session, 3, "deploy/b"))
		b.silent() // answered once
		b.look(client, 4, eventsBehind(got[0].Index, "deploy/"))
		if got := b.events(client, 4); len(got) != 1 || got[0].Name != "deploy/b" {
			t.Fatalf("what happened between two questions is lost: %+v", got)
		}
	})
}

// Whoever waits has seen to it that nothing is missed, however much goes by that
// is not asked for.
func TestAPollMissesNothingWhileItWaits(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.look(client, 3, eventsBehind(b.index, "deploy/"))
		for number := range lock.Number(lock.HistorySize + 1) {
			c := lockCommand(b.session, number+1, "build/a")
			if number%2 == 1 {
				c.Verb = lock.Unlock
			}
			b.apply(c)
		}
		b.apply(waitFor(b.session, 1, "deploy/a"))
		if got := b.events(client, 3); len(got) != 1 || got[0].Name != "deploy/a" {
			t.Fatalf("events %+v", got)
		}
	})
}

// A cursor is as good on the other node: each keeps the events that it has
// applied.
func TestACursorSurvivesAFailover(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		heir := emptyTableOnStand(t, s)
		heir.apply(openSession(99), waitFor(b.session, 0, "a"), waitFor(b.session, 1, "b"))
		heir.tell(replica.Began{View: 3})
		heir.look(client, 3, eventsBehind(2, ""))
		if got := heir.events(client, 3); len(got) != 1 || got[0].Name != "b" {
			t.Fatalf("events %+v", got)
		}
	})
}

// A node that came by a snapshot says that it does not know what was before.
func TestASnapshotHasNoEvents(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.apply(waitFor(b.session, 0, "a"))
		b.tell(replica.TakeSnapshot{})
		b.tell(replica.Install{Bytes: next[replica.SnapshotTaken](t, b.replicator).Bytes})
		next[replica.Installed](t, b.replicator)
		b.look(client, 3, eventsBehind(1, ""))
		if got := b.reported(client, 3).Report; !got.Missed || got.Index != b.index {
			t.Fatalf("reported %+v", got)
		}
	})
}

// Nor does a pair that was founded anew know what happened before.
func TestACursorOfAFormerPairIsTold(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.look(client, 3, eventsBehind(b.index+1, ""))
		if got := b.reported(client, 3).Report; !got.Missed || got.Index != b.index {
			t.Fatalf("reported %+v", got)
		}
	})
}

// After a while without events the answer is empty, and brings the cursor along.
func TestAPollEnds(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.look(client, 3, eventsBehind(b.index, "deploy/"))
		b.apply(waitFor(b.session, 0, "build/a"))
		b.ticks(int(pollTime/nodeTick) - 1)
		b.silent()
		b.ticks(1)
		if got := b.reported(client, 3); got.Kind != replica.Executed || got.Report.Index != b.index || len(got.Report.Events) > 0 {
			t.Fatalf("reported %+v", got)
		}
		b.ticks(int(pollTime / nodeTick))
		b.silent()
	})
}

// A question that comes again replaces the one before: it is answered once, and
// where it was asked last.
func TestAPollIsKeptOnce(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.look(client, 3, eventsBehind(b.index, ""))
		b.ticks(100)
		b.look(client, 3, eventsBehind(b.index, ""))
		b.ticks(100)
		b.silent() // it is young again
		b.apply(waitFor(b.session, 0, "a"))
		b.events(client, 3)
	})
}

// What no name can begin with is not kept to wait for one.
func TestANameThatCannotBeIsNotWaitedFor(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.inquire(client, 3, eventsBehind(b.index, strings.Repeat("n", lock.MaxNameBytes+1)))
		b.idle()
		if got := b.reported(client, 3); got.Kind != replica.Executed || !reflect.DeepEqual(got.Report, lock.Report{}) {
			t.Fatalf("reported %+v", got)
		}
		b.look(client, 4, eventsBehind(b.index, strings.Repeat("n", lock.MaxNameBytes)))
		b.silent()
	})
}

// Clients count their questions by themselves.
func TestTwoClientsMayAskUnderOneNumber(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b, other := tableOnStand(t, s), asker{client.node, 8}
		b.look(client, 3, eventsBehind(b.index, ""))
		b.look(other, 3, eventsBehind(b.index, ""))
		b.apply(waitFor(b.session, 0, "a"))
		if mail := b.mailTo(client); len(mail.Reports) != 2 || mail.Reports[0].Client != client.client || mail.Reports[1].Client != other.client {
			t.Fatalf("reports %+v", mail.Reports)
		}
	})
}

func TestNotTooManyPollsAreKept(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		for id := range replica.InquiryID(maxPolls) {
			b.look(client, id, eventsBehind(b.index, ""))
		}
		b.silent()
		b.look(client, maxPolls, eventsBehind(b.index, ""))
		if got := b.reported(client, maxPolls); got.Kind != replica.Overloaded {
			t.Fatalf("reported %+v", got)
		}
	})
}

// When the reign ends, those who wait for events have to ask elsewhere.
func TestAPollEndsWithTheReign(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.tell(replica.Began{View: 1})
		b.look(client, 3, eventsBehind(b.index, ""))
		b.tell(replica.Ended{})
		if got := b.reported(client, 3); got.Kind != replica.NotPrimary {
			t.Fatalf("reported %+v", got)
		}
		b.apply(waitFor(b.session, 0, "a"))
		b.silent()
	})
}
