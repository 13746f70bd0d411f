package actors

import (
	"log/slog"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/testkit"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// tableStand is a LockTable whose Replicator is the test.
type tableStand struct {
	*stand
	t          *testing.T
	table      *LockTable // to be looked at when it is idle
	pid        *actor.PID
	replicator *testkit.TestProbe
	clock      *actor.PID     // stands for a Ticker
	index      lock.Index     // of the last entry
	session    lock.SessionID // of client
}

// nodeTick is the period of the ticks that a LockTable under test gets.
const nodeTick = 50 * time.Millisecond

// client asks for most of what is asked for.
var client = asker{"client", 7}

func emptyTableOnStand(t *testing.T, s *stand) *tableStand {
	t.Helper()
	replicator, replicatorPID := s.probe()
	table := NewLockTable(s, nodeTick, slog.New(slog.DiscardHandler))
	b := &tableStand{stand: s, t: t, table: table, pid: s.spawn(table), replicator: replicator}
	b.tell(attach{replicator: replicatorPID})
	return b
}

// tableOnStand has one session open.
func tableOnStand(t *testing.T, s *stand) *tableStand {
	t.Helper()
	b := emptyTableOnStand(t, s)
	b.session = b.order(client, openSession(99)).Session
	return b
}

// tell gives the LockTable a message and waits until it has handled it.
func (b *tableStand) tell(message any) {
	b.Root().Send(b.pid, message)
	synctest.Wait()
}

// ask brings requests of a client.
func (b *tableStand) ask(from asker, commands ...lock.Command) {
	m := &FromClients{From: from.node}
	for _, c := range commands {
		m.Requests = append(m.Requests, messages.Request{Client: from.client, Command: c})
	}
	b.tell(m)
}

func (b *tableStand) submitted() replica.Submit {
	b.t.Helper()
	return next[replica.Submit](b.t, b.replicator)
}

// idle fails if the LockTable wants anything of its Replicator.
func (b *tableStand) idle() {
	b.t.Helper()
	nothing(b.t, b.replicator)
}

// apply makes commands the next entries.
func (b *tableStand) apply(commands ...lock.Command) {
	var entries []lock.Entry
	for _, c := range commands {
		b.index++
		entries = append(entries, entry(b.index, c))
	}
	b.tell(replica.Apply{Entries: entries})
}

// order has a request submitted, applied and answered. Nobody else may hear
// anything.
func (b *tableStand) order(from asker, c lock.Command) lock.Result {
	b.t.Helper()
	b.ask(from, c)
	b.apply(b.submitted().Commands...)
	answers := b.answersTo(from)
	if len(answers) != 1 {
		b.t.Fatalf("want one answer to %+v, got %+v", c, answers)
	}
	return answers[0].Result
}

// mailTo returns all that was sent to a client since the last look; nobody else
// may have got anything.
func (b *tableStand) mailTo(who asker) (mail messages.Parcel) {
	b.t.Helper()
	for _, p := range b.taken() {
		if p.to != who.node {
			b.t.Fatalf("a parcel went to %s: %+v", p.to, p.parcel)
		}
		mail.Answers = append(mail.Answers, p.parcel.Answers...)
		mail.Reports = append(mail.Reports, p.parcel.Reports...)
		mail.Notices = append(mail.Notices, p.parcel.Notices...)
	}
	return mail
}

// answersTo returns the answers among it; there may be nothing else.
func (b *tableStand) answersTo(who asker) (answers []replica.Answer) {
	b.t.Helper()
	mail := b.mailTo(who)
	if len(mail.Reports)+len(mail.Notices) > 0 {
		b.t.Fatalf("want answers only, got %+v", mail)
	}
	for _, a := range mail.Answers {
		if a.Client != who.client {
			b.t.Fatalf("an answer went to client %d: %+v", a.Client, a.Answer)
		}
		answers = append(answers, a.Answer)
	}
	return answers
}

// silent fails if anybody was sent anything.
func (b *tableStand) silent() {
	b.t.Helper()
	if sent := b.taken(); len(sent) > 0 {
		b.t.Fatalf("sent %+v", sent)
	}
}

// The time is put on a request for people, once for all that came together.
func TestLockTableAnswersWhoAsked(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		mine, other := lockCommand(b.session, 1, "a"), lockCommand(b.session, 2, "b")
		b.ask(client, mine)
		mine.At = lock.Millis(time.Now().UnixMilli())
		if got := b.submitted(); !reflect.DeepEqual(got, replica.Submit{Commands: []lock.Command{mine}}) {
			t.Fatalf("submitted %+v", got)
		}
		b.silent() // until the entry comes
		b.apply(mine, other)
		if answers := b.answersTo(client); len(answers) != 1 || answers[0].Result.Outcome != lock.Granted {
			t.Fatalf("want one grant, for whoever asked here: %+v", answers)
		}
	})
}

// A request that waits already is not submitted again; the latest asker counts.
func TestLockTableRepeats(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b, moved := tableOnStand(t, s), asker{"moved-client", 8}
		c := lockCommand(b.session, 1, "a")
		b.ask(client, c)
		b.submitted()
		b.ask(moved, c)
		b.idle()
		b.apply(c)
		if answers := b.answersTo(moved); len(answers) != 1 {
			t.Fatalf("answers %+v", answers)
		}
		if again := b.order(client, c); again.Outcome != lock.Granted {
			t.Fatalf("a repeat gets the first answer, got %+v", again)
		}
	})
}

// What only the primary's clock may ask for is as unknown as any other verb.
func TestLockTableRefusesForm(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.ask(client, lockCommand(b.session, 1, ""),
			lock.Command{Session: b.session, Number: 2, Verb: 200, Name: "a"},
			lock.Command{Session: b.session, Number: 1, Verb: lock.Expire})
		answers := b.answersTo(client)
		b.idle()
		if len(answers) != 3 || answers[0].Result.Limit != lock.LimitName || answers[1].Result.Limit != lock.LimitVerb ||
			answers[2].Result.Limit != lock.LimitVerb {
			t.Fatalf("answers %+v", answers)
		}
	})
}

func TestLockTableRefuseAndAbandon(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		queued, inFlight := lockCommand(b.session, 1, "a"), lockCommand(b.session, 2, "b")
		inFlight.Slot = 1
		b.ask(client, queued, inFlight)
		b.submitted()
		b.tell(replica.Refuse{Requests: []lock.RequestID{queued.ID()}, Kind: replica.NotPrimary, Hint: "peer"})
		b.tell(replica.Abandon{Hint: "peer"})
		answers := b.answersTo(client)
		if len(answers) != 2 || answers[0].Kind != replica.NotPrimary || answers[1].Kind != replica.Moved ||
			answers[0].Hint != "peer" || answers[1].Hint != "peer" {
			t.Fatalf("answers %+v", answers)
		}
		b.ask(client, queued)
		b.submitted() // forgotten, so it may be asked again
	})
}

func TestLockTableSnapshotTravels(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.apply(lockCommand(b.session, 1, "a"))
		b.tell(replica.TakeSnapshot{})
		taken := next[replica.SnapshotTaken](t, b.replicator)
		b.tell(replica.Reset{})
		b.tell(replica.Install{Bytes: taken.Bytes})
		installed := next[replica.Installed](t, b.replicator)
		if !installed.OK || installed.Index != 2 || installed.Digest != taken.Digest {
			t.Fatalf("took %d with digest %x, installed %+v", taken.Index, taken.Digest, installed)
		}
		b.tell(replica.Install{Bytes: []byte("no snapshot")})
		if bad := next[replica.Installed](t, b.replicator); bad.OK {
			t.Fatal("a damaged snapshot was installed")
		}
		if again := b.order(client, lockCommand(b.session, 2, "a")); again.Outcome != lock.Held {
			t.Fatalf("the table goes on from the good snapshot, got %+v", again)
		}
	})
}

// The fingerprint is that of the state after what was applied before it (R4).
func TestLockTableFingerprint(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		one, same, other := tableOnStand(t, s), tableOnStand(t, s), tableOnStand(t, s)
		prints := []replica.Fingerprinted{}
		for name, b := range map[string]*tableStand{"a": one, "b": other} {
			b.apply(lockCommand(b.session, 1, name))
		}
		same.apply(lockCommand(same.session, 1, "a"))
		for _, b := range []*tableStand{one, same, other} {
			b.tell(replica.Fingerprint{})
			prints = append(prints, next[replica.Fingerprinted](t, b.replicator))
		}
		if prints[0] != prints[1] || prints[0].Index != 2 || prints[0].Digest == prints[2].Digest {
			t.Fatalf("fingerprints %+v", prints)
		}
	})
}

func TestDieBeforeReply(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		deaths := 0
		b.tell(DieBeforeReply{Died: func() { deaths++ }})
		last, more := lockCommand(b.session, 1, "a"), lockCommand(b.session, 2, "b")
		b.ask(client, openSession(5), last, more)
		if got := b.submitted(); len(got.Commands) != 2 {
			t.Fatalf("want the opening and exactly one Lock, got %+v", got.Commands)
		}
		b.apply(openSession(5), last)
		answers := b.answersTo(client)
		if deaths != 1 || len(answers) != 1 || answers[0].Result.Outcome != lock.Opened {
			t.Fatalf("%d deaths, answers %+v", deaths, answers)
		}
	})
}
