package lock

// timer counts one span in ticks.
type timer struct {
	command  Command // to be proposed when it is over
	ticks    uint64  // that it takes
	from     uint64  // the tick after which it counts; may move on while it is armed
	proposed bool

	at         uint64 // the tick at which the wheel looks at it; zero: never
	prev, next *timer // of the same tick
}

// wheel keeps timers by the tick at which it has to look at them, each tick's in
// a chain. A keep-alive only moves a session's beginning; the wheel, when it
// comes by, hangs the timer up again further on. So a keep-alive costs next to
// nothing, and a tick costs what falls due, however many sessions there are.
type wheel map[uint64]*timer

func (w wheel) arm(t *timer) {
	t.at = t.from + t.ticks
	t.prev, t.next = nil, w[t.at]
	if t.next != nil {
		t.next.prev = t
	}
	w[t.at] = t
}

// disarm takes a timer out of its chain, so that what has gone costs nothing
// until it would have been due: that may be in a month.
func (w wheel) disarm(t *timer) {
	switch {
	case t.at == 0:
		return
	case t.prev != nil:
		t.prev.next = t.next
	case t.next != nil:
		w[t.at] = t.next
	default:
		delete(w, t.at)
	}
	if t.next != nil {
		t.next.prev = t.prev
	}
	t.unhook()
}

func (t *timer) unhook() { t.at, t.prev, t.next = 0, nil, nil }

// turn comes by at a tick and returns the timers that are over, in any order.
func (w wheel) turn(now uint64) []*timer {
	var over []*timer
	chain := w[now]
	delete(w, now)
	for t := chain; t != nil; {
		next := t.next
		t.unhook()
		if t.from+t.ticks > now {
			w.arm(t)
		} else {
			over = append(over, t)
		}
		t = next
	}
	return over
}
