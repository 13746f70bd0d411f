package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Ticker is the only timer of a process: it turns real time into Tick messages
// for its subscribers. A subscriber that has not handled its last tick gets no
// other, so ticks never pile up in front of the frames of a slow actor (P2).
type Ticker struct {
	period      time.Duration
	subscribers map[string]*subscriber
	stop        chan struct{}
	held        bool
}

type subscriber struct {
	pid         *actor.PID
	outstanding bool
}

// Tick is one unit of logical time. The receiver hands it to its pulse, which
// asks for the next.
type Tick struct {
	ticker *actor.PID
	period time.Duration
}

type (
	// Subscribe asks a Ticker for ticks, Unsubscribe for no more.
	Subscribe   struct{ To *actor.PID }
	Unsubscribe struct{ To *actor.PID }

	// HoldTicks stops the ticks, or lets them go on: in tests, a process that is
	// paused.
	HoldTicks struct{ Held bool }

	beat   struct{}                  // a period has gone by
	ticked struct{ from *actor.PID } // a subscriber has handled its tick
)

// SpawnTicker starts a Ticker with the given period.
func SpawnTicker(h Host, period time.Duration) *actor.PID {
	return h.Root().Spawn(Props(func() actor.Actor {
		return &Ticker{period: period, subscribers: map[string]*subscriber{}, stop: make(chan struct{})}
	}, actor.WithDispatcher(h.Workers())))
}

// Receive dispatches.
func (t *Ticker) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		t.started(ctx)
	case beat:
		t.beat(ctx)
	case ticked:
		t.ticked(m)
	case Subscribe:
		t.subscribers[m.To.Id] = &subscriber{pid: m.To}
	case Unsubscribe:
		delete(t.subscribers, m.To.Id)
	case HoldTicks:
		t.held = m.Held
	case *actor.Stopping:
		close(t.stop)
	case *actor.Stopped:
	default:
		unknown(ctx)
	}
}

// started runs the clock. One time.Ticker drops the periods that it could not
// deliver: after a pause there is one late tick, not a burst.
func (t *Ticker) started(ctx actor.Context) {
	self, root, period, stop := ctx.Self(), ctx.ActorSystem().Root, t.period, t.stop
	go func() {
		clock := time.NewTicker(period)
		defer clock.Stop()
		for {
			select {
			case <-clock.C:
				root.Send(self, beat{})
			case <-stop:
				return
			}
		}
	}()
}

func (t *Ticker) beat(ctx actor.Context) {
	for _, s := range t.subscribers {
		if !s.outstanding && !t.held {
			s.outstanding = true
			ctx.Send(s.pid, &Tick{ticker: ctx.Self(), period: t.period})
		}
	}
}

func (t *Ticker) ticked(m ticked) {
	if s, ok := t.subscribers[m.from.Id]; ok {
		s.outstanding = false
	}
}

// pulse is the receiving end of a Ticker.
type pulse struct{ last time.Time }

// take accepts a tick and reports whether more than two periods have gone by
// since the last one was handled: then this process was paused (P2). Measured
// where the tick is handled, so that neither a pause before the tick was posted
// nor one after it can hide.
func (p *pulse) take(ctx actor.Context, t *Tick) (gap bool) {
	ctx.Send(t.ticker, ticked{from: ctx.Self()})
	now := time.Now()
	gap = !p.last.IsZero() && now.Sub(p.last) > 2*t.period
	p.last = now
	return gap
}
