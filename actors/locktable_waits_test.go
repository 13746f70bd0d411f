package actors

import (
	"testing"

	"lockstep/lock"
	"lockstep/replica"
)

// queue lets the stand's session hold a lock and another one wait for it. The
// token is that of the holder.
func queue(b *tableStand, waiter asker) (waiting lock.Command, token lock.Token) {
	b.t.Helper()
	token = b.order(client, waitFor(b.session, 0, "a")).Token
	other := b.order(waiter, openSession(100)).Session
	waiting = waitFor(other, 0, "a")
	if got := b.order(waiter, waiting); got.Outcome != lock.Waiting {
		b.t.Fatalf("want to wait, got %+v", got)
	}
	return waiting, token
}

// granted fails unless just one answer was sent, which grants the request.
func granted(b *tableStand, who asker, request lock.RequestID, above lock.Token) {
	b.t.Helper()
	answers := b.answersTo(who)
	if len(answers) != 1 || answers[0].Request != request || answers[0].Kind != replica.Executed ||
		answers[0].Result.Outcome != lock.Granted || answers[0].Result.Token <= above {
		b.t.Fatalf("want a grant of %+v with a token above %d, got %+v", request, above, answers)
	}
}

// Waiting is answered at once, and the grant follows by itself (S6).
func TestAWaiterIsToldOfItsGrant(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b, waiter := tableOnStand(t, s), asker{"other-client", 8}
		waiting, token := queue(b, waiter)
		b.silent()
		b.apply(release(b.session, "a", token))
		granted(b, waiter, waiting.ID(), token)
		if len(b.table.waits) > 0 {
			t.Fatalf("still remembered: %+v", b.table.waits)
		}
	})
}

// A grant of several locks makes several events, and one answer.
func TestAWaiterForSeveralLocksIsToldOnce(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		token := b.order(client, waitFor(b.session, 0, "a")).Token
		both := waitFor(b.session, 1, "a")
		both.Terms = &lock.Terms{And: []lock.Want{{Name: "b"}}}
		b.order(client, both)
		b.apply(release(b.session, "a", token))
		granted(b, client, both.ID(), token)
	})
}

// The one who asked last is told: a client that asks again may have moved.
func TestAWaiterThatAsksAgainIsToldThere(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b, moved := tableOnStand(t, s), asker{"moved-client", 9}
		waiting, token := queue(b, asker{"other-client", 8})
		if again := b.order(moved, waiting); again.Outcome != lock.Waiting {
			t.Fatalf("a repeat still waits, got %+v", again)
		}
		b.apply(release(b.session, "a", token))
		granted(b, moved, waiting.ID(), token)
	})
}

// Whichever node a waiter has asked, the grant reaches it: each node remembers
// its own askers, and both apply the entry that grants.
func TestAGrantReachesTheWaiterThroughEitherNode(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		primary, backup := emptyTableOnStand(t, s), emptyTableOnStand(t, s)
		both := func(c ...lock.Command) {
			primary.apply(c...)
			backup.apply(c...)
		}
		both(openSession(99))
		holder := lock.SessionID(1<<40 | 1)
		direct, relayed := waitFor(holder, 1, "a"), waitFor(holder, 2, "a")
		primary.ask(client, direct)
		backup.ask(client, relayed)
		both(waitFor(holder, 0, "a"), direct, relayed)
		if answers := primary.answersTo(client); len(answers) != 2 {
			t.Fatalf("want both to wait, got %+v", answers)
		}
		both(release(holder, "a", 1<<40|2))
		granted(primary, client, direct.ID(), 1<<40|2)
		both(release(holder, "a", 1<<40|3))
		granted(primary, client, relayed.ID(), 1<<40|3)
	})
}

// Expiry frees what the session held in that same command, so that the next
// waiter hears of it with that command (S2).
func TestAnExpiryGrantsToTheWaiter(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b, waiter := tableOnStand(t, s), asker{"other-client", 8}
		waiting, token := queue(b, waiter)
		b.apply(expire(b.session))
		granted(b, waiter, waiting.ID(), token)
	})
}

// However a wait ends, nothing of it stays.
func TestAWaitThatEndsIsForgotten(t *testing.T) {
	for name, end := range map[string]func(waiting lock.Command) lock.Command{
		"canceled": func(c lock.Command) lock.Command {
			return lock.Command{Session: c.Session, Slot: c.Slot, Number: 2, Verb: lock.Cancel, Name: c.Name}
		},
		"the slot goes on": func(c lock.Command) lock.Command {
			return lock.Command{Session: c.Session, Slot: c.Slot, Number: 2, Verb: lock.Lock, Name: "b"}
		},
		"closed":  func(c lock.Command) lock.Command { return lock.Command{Session: c.Session, Verb: lock.CloseSession} },
		"expired": func(c lock.Command) lock.Command { return expire(c.Session) },
	} {
		t.Run(name, func(t *testing.T) {
			onStand(t, func(t *testing.T, s *stand) {
				b := tableOnStand(t, s)
				waiting, token := queue(b, asker{"other-client", 8})
				b.apply(end(waiting))
				if len(b.table.waits) > 0 {
					t.Fatalf("still remembered: %+v", b.table.waits)
				}
				b.apply(release(b.session, "a", token))
				b.silent()
			})
		})
	}
}

// A node that loses its role sends its waiters away; what it learns later about
// another table is no grant.
func TestWaitersMoveWithTheRole(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b, waiter := tableOnStand(t, s), asker{"other-client", 8}
		waiting, _ := queue(b, waiter)
		b.tell(replica.Abandon{Hint: "peer"})
		answers := b.answersTo(waiter)
		if len(answers) != 1 || answers[0].Request != waiting.ID() || answers[0].Kind != replica.Moved || answers[0].Hint != "peer" {
			t.Fatalf("answers %+v", answers)
		}
		b.tell(replica.Abandon{Hint: "peer"})
		b.silent()
	})
}

func TestAnotherTableHasOtherWaiters(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		queue(b, asker{"other-client", 8})
		b.tell(replica.Reset{})
		if len(b.table.waits)+len(b.table.presence) > 0 {
			t.Fatalf("still remembered: %+v, %+v", b.table.waits, b.table.presence)
		}
		b.silent()
	})
}
