package replica

import (
	"fmt"

	"lockstep/lock"
)

// suspicion counts the ticks in a row without a sign of life (P2). Ticks and
// frames share one queue, so a tick is handled after every frame that came
// before it: a node that was merely slow reads the frames first.
type suspicion struct {
	limit int
	count int
	heard bool // a sign of life since the last tick
}

// alive sets the count to zero: only ticks in a row count. A count that a frame
// merely did not raise would let two healthy nodes suspect each other.
func (s *suspicion) alive() { s.heard, s.count = true, 0 }

func (s *suspicion) clear() { s.heard, s.count = false, 0 }

// tick counts and reports whether the limit has been reached. After a gap this
// process was paused: the frames of that time may still be on their way to the
// queue, so the silence proves nothing.
func (s *suspicion) tick(gap bool) bool {
	switch {
	case gap:
		s.clear()
	case s.heard:
		s.heard = false
	default:
		s.count++
	}
	return s.count >= s.limit
}

// onSuspicion is the end of N silent ticks (P3, P5), where the policy allows
// it. A barred node keeps its role and answers nothing.
func (p *Pair) onSuspicion() {
	if p.promised() {
		p.waitForOutcome()
		return
	}
	allowed := p.cfg.Solo == SoloBoth || p.cfg.Solo == SoloPrimaryOnly && p.role == Primary
	if !allowed {
		if p.suspect.count == p.suspect.limit {
			p.say(true, fmt.Sprintf("the peer is silent, and the solo policy bars this %s from going on alone: nothing is answered until the peer is back", p.role))
		}
		return
	}
	p.do(ResetLink{To: p.peer}) // before what is said from now on
	p.goSolo(fmt.Sprintf("the peer was silent for %d ticks", p.suspect.limit))
}

// onSilence cuts the link of a peer of which nothing at all is heard, once in a
// while: a connection whose other end vanished without a word would stay for
// minutes.
func (p *Pair) onSilence() {
	if p.life.ago%uint64(8*p.suspect.limit) == 0 {
		p.do(ResetLink{To: p.peer})
	}
}

// goSolo goes on alone: the primary in the next view with what is pending, the
// backup one view above that with what is parked. The views differ, so that two
// nodes that suspected each other find out who has to yield (P3, P5).
func (p *Pair) goSolo(why string) {
	switch p.role {
	case Primary:
		step := lock.View(1)
		if p.renewing {
			step = 3 // see soloStep: the backup may be in either view
		}
		p.enter(Solo, p.view+step, why)
	case Backup:
		p.enter(Solo, p.view+2, why)
		parked := p.unpark()
		p.order.queue = append(parked, p.order.queue...)
		p.order.unparked += len(parked)
	default:
		return
	}
	if p.over {
		return // out of views
	}
	p.apply(p.order.upTo(p.kept()))
	p.order.forget(p.order.applied)
	p.starting, p.founding, p.renewing, p.passing, p.transfer = false, false, false, false, nil
	p.send(Alone{View: p.view})
	p.pump()
}

// onNewLife notes that the peer has started again: its last life is over, and
// with it its copy (P0).
func (p *Pair) onNewLife(incarnation Incarnation) {
	first := p.life.incarnation == 0
	p.life = peerLife{incarnation: incarnation}
	p.intake, p.farewell = nil, 0
	if first {
		return
	}
	p.transfer = nil
	if p.role == Solo {
		p.order.forget(p.order.applied) // what was kept for the last life
		return
	}
	p.goSolo("the peer has started again")
}

// onBye takes the peer's word that it has given up its role.
func (p *Pair) onBye() { p.goSolo("the peer has said goodbye") }

// onStreamEnded and onDialRefused are P9: nobody listens where the peer had
// listened for as long as it had a role, and its last frame has been handled.
//
// The first refusal after that proves nothing: its dial may have begun long
// before, when the peer had not listened yet, and this node may have been paused
// since. Dials to one address follow each other, so the second one began after
// the stream's end.
func (p *Pair) onStreamEnded(e StreamEnded) {
	if e.Incarnation == p.life.incarnation {
		p.life.streamEnded = true
	}
}

func (p *Pair) onDialRefused() {
	if p.cfg.TrustRefused && p.life.streamEnded && !p.promised() {
		if p.life.refusals++; p.life.refusals >= 2 {
			p.goSolo("nobody listens at the peer's address any more")
		}
	}
}
