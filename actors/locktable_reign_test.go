package actors

import (
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/lock"
	"lockstep/replica"
)

// expiryTicks is how many ticks after its last keep-alive a session with the
// default TTL expires (T2).
const expiryTicks = int(lock.DefaultTTL)*int(time.Millisecond)/int(nodeTick) + 1

// sink stands for a Ticker that nobody looks at.
type sink struct{}

func (sink) Receive(actor.Context) {}

// ticks lets so many ticks go by.
func (b *tableStand) ticks(n int) {
	b.t.Helper()
	if b.clock == nil {
		b.clock = b.spawn(sink{})
	}
	for range n {
		b.tell(&Tick{ticker: b.clock, period: nodeTick})
	}
}

// proposed fails unless the expiry of a session, and nothing else, was submitted
// for a reign.
func (b *tableStand) proposed(session lock.SessionID, view lock.View) lock.Command {
	b.t.Helper()
	got := b.submitted()
	if len(got.Commands) != 1 || got.Commands[0].Verb != lock.Expire || got.Commands[0].Session != session || got.View != view {
		b.t.Fatalf("want the expiry of %d in view %d, got %+v", session, view, got)
	}
	b.idle()
	return got.Commands[0]
}

// A session expires on the promised tick after its last keep-alive, and on no
// earlier one (T2).
func TestASilentSessionExpiresOnTheTick(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.tell(replica.Began{View: 1})
		b.ticks(expiryTicks - 1)
		b.alive(client, b.session, 1)
		b.ticks(expiryTicks - 1)
		b.idle()
		b.ticks(1)
		b.apply(b.proposed(b.session, 1))
		if got := b.table.table.Alive(b.session); got.Outcome != lock.SessionExpired {
			t.Fatalf("the session lives on: %+v", got)
		}
		b.ticks(3 * expiryTicks)
		b.idle()
		if len(b.table.presence) > 0 {
			t.Fatalf("still remembered: %+v", b.table.presence)
		}
	})
}

// The keep-alive counts from its arrival: how long its barrier takes shortens
// nobody's time-out, and a barrier that never stands does not either.
func TestAKeepAliveCountsFromItsArrival(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.tell(replica.Began{View: 1})
		b.ticks(5)
		b.ask(client, keepAlive(b.session, 1))
		barrier := b.raised()
		b.ticks(5)
		b.tell(replica.Confirmed{ID: barrier})
		b.ticks(expiryTicks - 5 - 1)
		b.idle()
		b.ticks(1)
		b.proposed(b.session, 1)
	})
}

// From the proposal on, the session gets no acknowledgement in this view: its
// client must not believe while the lock is passed on (T2).
func TestAProposedExpirySilencesTheSession(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.tell(replica.Began{View: 1})
		b.ticks(expiryTicks - 1)
		b.ask(client, keepAlive(b.session+1, 1)) // of another: it changes nothing
		b.raised()
		b.ticks(1)
		b.proposed(b.session, 1)
		if got := b.alive(client, b.session, 1); len(got) != 1 || got[0].Request.Session == b.session {
			t.Fatalf("acknowledged after the proposal: %+v", got)
		}
	})
}

// A new reign gives every session its full time-out again, and takes back what
// the last one has proposed: that is numbered in its own view or never (T3).
func TestANewReignCountsAnew(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.tell(replica.Began{View: 1})
		b.ticks(expiryTicks)
		b.proposed(b.session, 1)
		b.tell(replica.Began{View: 3})
		if got := b.alive(client, b.session, 1); len(got) != 1 || got[0].Result.Outcome != lock.Alive {
			t.Fatalf("the session lives again, answers %+v", got)
		}
		b.ticks(expiryTicks - 1)
		b.idle()
		b.ticks(1)
		b.proposed(b.session, 3)
	})
}

func TestNobodyCountsBeforeAReignOrAfterIt(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.ticks(2 * expiryTicks)
		b.tell(replica.Began{View: 1})
		b.ticks(expiryTicks - 1)
		b.tell(replica.Ended{})
		b.ticks(2 * expiryTicks)
		b.idle()
	})
}

// A session that is opened during a reign counts from its opening, with its own
// TTL.
func TestASessionIsTimedFromItsOpening(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := emptyTableOnStand(t, s)
		b.tell(replica.Began{View: 1})
		b.ticks(expiryTicks)
		opening := openSession(99)
		opening.Terms = &lock.Terms{TTL: 1010}
		session := b.order(client, opening).Session
		b.ticks(22 - 1) // 1010 ms are more than 20 ticks, so 21, and one
		b.idle()
		b.ticks(1)
		b.proposed(session, 1)
	})
}

// A grant with a MaxHold is taken back by the same clock.
func TestAGrantIsNotHeldForLongerThanAgreed(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.tell(replica.Began{View: 1})
		c := waitFor(b.session, 0, "a")
		c.Terms = &lock.Terms{MaxHold: 2000}
		token := b.order(client, c).Token
		b.ticks(41 - 1)
		b.idle()
		b.ticks(1)
		got := b.submitted()
		if len(got.Commands) != 1 || got.Commands[0].Verb != lock.EndHold || got.Commands[0].Token != token || got.View != 1 {
			t.Fatalf("submitted %+v", got)
		}
	})
}

// The clock's commands bear the time, for people.
func TestAnExpiryTellsWhen(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.tell(replica.Began{View: 1})
		b.ticks(expiryTicks)
		if got := b.proposed(b.session, 1); got.At != lock.Millis(time.Now().UnixMilli()) {
			t.Fatalf("at %d", got.At)
		}
	})
}

// With a real Ticker: one nanosecond before the promised tick nothing happens.
func TestTheTickerDrivesExpiry(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		b := tableOnStand(t, s)
		b.tell(replica.Began{View: 1})
		ticker := SpawnTicker(s, nodeTick)
		s.Root().Send(ticker, Subscribe{To: b.pid})
		time.Sleep(time.Duration(expiryTicks)*nodeTick - 1)
		b.idle()
		time.Sleep(time.Nanosecond)
		b.proposed(b.session, 1)
		s.Root().Stop(ticker)
	})
}
