package replica

import "lockstep/lock"

// park keeps the requests that clients sent to the backup, in their order,
// until they come back as entries. They are served from here if the backup has
// to go on alone (P4, P5).
type park struct {
	requests []parked
	waiting  map[lock.RequestID]bool // each has a place in requests
	clock    uint64                  // ticks
}

type parked struct {
	command lock.Command
	relayed uint64 // the tick of the last relay
}

// relayAfter is how many ticks a relay may take before it is repeated.
const relayAfter = 3

// add parks what is not parked yet, up to a limit, and returns it and what did
// not fit. A repeat of a parked request is neither: it was relayed.
func (k *park) add(commands []lock.Command, limit int) (fresh, over []lock.Command) {
	if k.waiting == nil {
		k.waiting = map[lock.RequestID]bool{}
	}
	fresh = make([]lock.Command, 0, len(commands))
	for _, c := range commands {
		switch id := c.ID(); {
		case k.waiting[id]:
		case len(k.waiting) >= limit:
			over = append(over, c)
		default:
			k.waiting[id] = true
			k.requests = append(k.requests, parked{command: c, relayed: k.clock})
			fresh = append(fresh, c)
		}
	}
	return fresh, over
}

// remove takes the requests of entries out of the park.
func (k *park) remove(entries []lock.Entry) {
	if len(k.waiting) == 0 {
		return
	}
	for _, e := range entries {
		delete(k.waiting, e.Command.ID())
	}
	if len(k.requests) > 2*len(k.waiting)+64 {
		k.compact()
	}
}

func (k *park) compact() { k.requests = k.list() }

// list returns the parked requests in the order of their arrival. One that went
// and came again has two places; the first counts.
func (k *park) list() []parked {
	left := make([]parked, 0, len(k.waiting))
	seen := make(map[lock.RequestID]bool, len(k.waiting))
	for _, r := range k.requests {
		if id := r.command.ID(); k.waiting[id] && !seen[id] {
			seen[id] = true
			left = append(left, r)
		}
	}
	return left
}

// relay sends requests on to the primary and parks them (P4). Once relayed, a
// request may be executed at any time: it is never refused any more.
func (p *Pair) relay(commands []lock.Command) {
	fresh, over := p.park.add(commands, p.cfg.MaxQueue)
	p.refuse(over, Overloaded, "")
	p.sendRelay(fresh)
}

func (p *Pair) sendRelay(commands []lock.Command) {
	for len(commands) > 0 {
		n := p.batch(len(commands), func(i int) *lock.Command { return &commands[i] })
		p.send(Relay{View: p.view, Commands: commands[:n:n]})
		commands = commands[n:]
	}
}

// relayAgain repeats the relays that may have been lost.
func (p *Pair) relayAgain() {
	k := &p.park
	k.clock++
	if len(k.waiting) == 0 {
		return
	}
	k.compact()
	var again []lock.Command
	for i := range k.requests {
		if r := &k.requests[i]; k.clock-r.relayed >= relayAfter {
			r.relayed = k.clock
			again = append(again, r.command)
		}
	}
	p.sendRelay(again)
}

// onRelay queues what the backup's clients ask. What does not fit is dropped
// without a word: the backup repeats it.
func (p *Pair) onRelay(m Relay) {
	if p.role != Primary {
		return
	}
	room := max(0, p.cfg.MaxQueue-len(p.order.queue))
	p.order.queue = append(p.order.queue, m.Commands[:min(room, len(m.Commands))]...)
	p.pump()
}

// unpark returns everything parked, for a backup that goes on alone.
func (p *Pair) unpark() []lock.Command {
	left := p.park.list()
	p.park = park{}
	commands := make([]lock.Command, len(left))
	for i, r := range left {
		commands[i] = r.command
	}
	return commands
}
