package actors

import (
	"log/slog"
	"reflect"
	"testing"
	"testing/synctest"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/testkit"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// tableOnStand starts a LockTable whose Replicator is a probe, with one session.
func tableOnStand(t *testing.T, s *stand) (table *actor.PID, replicator *testkit.TestProbe, session lock.SessionID) {
	t.Helper()
	replicator, replicatorPID := s.probe()
	table = s.spawn(NewLockTable(s, slog.New(slog.DiscardHandler)))
	s.Root().Send(table, attach{replicator: replicatorPID})
	ask(s, table, "client", 7, openSession(99))
	next[replica.Submit](t, replicator)
	s.Root().Send(table, replica.Apply{Entries: []lock.Entry{entry(1, openSession(99))}})
	answers := answersTo(t, s, "client")
	return table, replicator, answers[0].Answer.Result.Session
}

func ask(s *stand, table *actor.PID, from replica.NodeID, client messages.ClientID, commands ...lock.Command) {
	m := &FromClients{From: from}
	for _, c := range commands {
		m.Requests = append(m.Requests, messages.Request{Client: client, Command: c})
	}
	s.Root().Send(table, m)
}

// answersTo returns the answers sent to one process since the last look; nobody
// else may have got any.
func answersTo(t *testing.T, s *stand, to replica.NodeID) (answers []messages.Answer) {
	t.Helper()
	for _, p := range s.taken() {
		if p.to != to {
			t.Fatalf("a parcel went to %s: %+v", p.to, p.parcel)
		}
		answers = append(answers, p.parcel.Answers...)
	}
	return answers
}

func TestLockTableAnswersWhoAsked(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		table, replicator, session := tableOnStand(t, s)
		mine, other := lockCommand(session, 1, "a"), lockCommand(session, 2, "b")
		ask(s, table, "client", 7, mine)
		if got := next[replica.Submit](t, replicator); !reflect.DeepEqual(got.Commands, []lock.Command{mine}) {
			t.Fatalf("submitted %+v", got)
		}
		if early := s.taken(); len(early) > 0 {
			t.Fatalf("answered before the entry came: %+v", early)
		}
		s.Root().Send(table, replica.Apply{Entries: []lock.Entry{entry(2, mine), entry(3, other)}})
		answers := answersTo(t, s, "client")
		if len(answers) != 1 || answers[0].Client != 7 || answers[0].Answer.Result.Outcome != lock.Granted {
			t.Fatalf("want one grant, for whoever asked here: %+v", answers)
		}
	})
}

// A request that waits already is not submitted again; the latest asker counts.
func TestLockTableRepeats(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		table, replicator, session := tableOnStand(t, s)
		c := lockCommand(session, 1, "a")
		ask(s, table, "client", 7, c)
		next[replica.Submit](t, replicator)
		ask(s, table, "moved-client", 8, c)
		nothing(t, replicator)
		s.Root().Send(table, replica.Apply{Entries: []lock.Entry{entry(2, c)}})
		if answers := answersTo(t, s, "moved-client"); len(answers) != 1 || answers[0].Client != 8 {
			t.Fatalf("answers %+v", answers)
		}
		ask(s, table, "client", 7, c)
		next[replica.Submit](t, replicator)
		s.Root().Send(table, replica.Apply{Entries: []lock.Entry{entry(3, c)}})
		if again := answersTo(t, s, "client"); again[0].Answer.Result.Outcome != lock.Granted {
			t.Fatalf("a repeat gets the first answer, got %+v", again)
		}
	})
}

func TestLockTableRefusesForm(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		table, replicator, session := tableOnStand(t, s)
		ask(s, table, "client", 7, lockCommand(session, 1, ""), lock.Command{Session: session, Number: 2, Verb: 200, Name: "a"})
		answers := answersTo(t, s, "client")
		nothing(t, replicator)
		if len(answers) != 2 || answers[0].Answer.Result.Limit != lock.LimitName || answers[1].Answer.Result.Limit != lock.LimitVerb {
			t.Fatalf("answers %+v", answers)
		}
	})
}

func TestLockTableRefuseAndAbandon(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		table, replicator, session := tableOnStand(t, s)
		queued, inFlight := lockCommand(session, 1, "a"), lockCommand(session, 2, "b")
		inFlight.Slot = 1
		ask(s, table, "client", 7, queued, inFlight)
		next[replica.Submit](t, replicator)
		s.Root().Send(table, replica.Refuse{Requests: []lock.RequestID{queued.ID()}, Kind: replica.NotPrimary, Hint: "peer"})
		s.Root().Send(table, replica.Abandon{Hint: "peer"})
		answers := answersTo(t, s, "client")
		if len(answers) != 2 || answers[0].Answer.Kind != replica.NotPrimary || answers[1].Answer.Kind != replica.Moved ||
			answers[0].Answer.Hint != "peer" || answers[1].Answer.Hint != "peer" {
			t.Fatalf("answers %+v", answers)
		}
		ask(s, table, "client", 7, queued)
		next[replica.Submit](t, replicator) // forgotten, so it may be asked again
	})
}

func TestLockTableSnapshotTravels(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		table, replicator, session := tableOnStand(t, s)
		s.Root().Send(table, replica.Apply{Entries: []lock.Entry{entry(2, lockCommand(session, 1, "a"))}})
		s.Root().Send(table, replica.TakeSnapshot{})
		taken := next[replica.SnapshotTaken](t, replicator)
		s.Root().Send(table, replica.Reset{})
		s.Root().Send(table, replica.Install{Bytes: taken.Bytes})
		installed := next[replica.Installed](t, replicator)
		if !installed.OK || installed.Index != 2 || installed.Digest != taken.Digest {
			t.Fatalf("took %d with digest %x, installed %+v", taken.Index, taken.Digest, installed)
		}
		s.Root().Send(table, replica.Install{Bytes: []byte("no snapshot")})
		if bad := next[replica.Installed](t, replicator); bad.OK {
			t.Fatal("a damaged snapshot was installed")
		}
		c := lockCommand(session, 2, "a")
		ask(s, table, "client", 7, c)
		next[replica.Submit](t, replicator)
		s.Root().Send(table, replica.Apply{Entries: []lock.Entry{entry(3, c)}})
		if answers := answersTo(t, s, "client"); answers[0].Answer.Result.Outcome != lock.Held {
			t.Fatalf("the table goes on from the good snapshot, got %+v", answers)
		}
	})
}

func TestDieBeforeReply(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		table, replicator, session := tableOnStand(t, s)
		deaths := 0
		s.Root().Send(table, DieBeforeReply{Died: func() { deaths++ }})
		last, more := lockCommand(session, 1, "a"), lockCommand(session, 2, "b")
		ask(s, table, "client", 7, openSession(5), last, more)
		if got := next[replica.Submit](t, replicator); len(got.Commands) != 2 {
			t.Fatalf("want the opening and exactly one Lock, got %+v", got.Commands)
		}
		s.Root().Send(table, replica.Apply{Entries: []lock.Entry{entry(2, openSession(5)), entry(3, last)}})
		answers := answersTo(t, s, "client")
		synctest.Wait()
		if deaths != 1 || len(answers) != 1 || answers[0].Answer.Result.Outcome != lock.Opened {
			t.Fatalf("%d deaths, answers %+v", deaths, answers)
		}
	})
}
