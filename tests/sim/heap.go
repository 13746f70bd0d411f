package sim

// instant is simulated time in microseconds since the start.
type instant int64

const (
	millisecond instant = 1000
	second              = 1000 * millisecond
)

// event is something that happens at an instant. Events of one instant happen
// in the order in which they were planned: without that a run would depend on
// the heap's shape.
type event struct {
	at  instant
	seq uint64
	run func()
}

func (e event) before(o event) bool {
	return e.at < o.at || e.at == o.at && e.seq < o.seq
}

// agenda is a binary heap of what is to happen.
type agenda struct {
	events []event
	seq    uint64
}

func (a *agenda) add(at instant, run func()) {
	a.seq++
	a.events = append(a.events, event{at, a.seq, run})
	for i := len(a.events) - 1; i > 0; {
		parent := (i - 1) / 2
		if !a.events[i].before(a.events[parent]) {
			return
		}
		a.events[i], a.events[parent] = a.events[parent], a.events[i]
		i = parent
	}
}

func (a *agenda) next() event {
	first := a.events[0]
	end := len(a.events) - 1
	a.events[0] = a.events[end]
	a.events[end] = event{}
	a.events = a.events[:end]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < end; child++ {
			if a.events[child].before(a.events[least]) {
				least = child
			}
		}
		if least == i {
			return first
		}
		a.events[i], a.events[least] = a.events[least], a.events[i]
		i = least
	}
}
