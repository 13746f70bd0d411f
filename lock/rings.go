package lock

import "slices"

// maxSteps bounds how far rings follows waits. Without waits that many rings
// come behind, it takes a step a wait.
const maxSteps = 4 * maxSuspects

// rings returns deadlocks such that none is left when all of them are broken.
// Each stuck wait is followed to one that keeps it, and so on until the way comes
// round; who is in that ring gives up, and the play goes on.
func (o *outlook) rings() [][]step {
	var rings [][]step
	left := maxSteps
	for _, w := range o.waits {
		for o.stuck[w] && left > 0 {
			way := o.follow(w)
			left -= len(way)
			ring := turned(way[slices.IndexFunc(way, func(s step) bool { return s.wait == way[len(way)-1].wait })+1:])
			rings = append(rings, ring)
			o.breakUp(ring)
		}
	}
	return rings
}

// breakUp has all waits of a ring given up.
func (o *outlook) breakUp(ring []step) {
	for _, s := range ring {
		if o.stuck[s.wait] {
			o.giveUp(s.wait)
		}
	}
	o.play()
}

// follow goes from a stuck wait to one that keeps it, and so on until one comes
// again: the last step is that one's second.
func (o *outlook) follow(w *claim) []step {
	way := []step{{wait: w}}
	came := map[*claim]bool{}
	for !came[w] {
		came[w] = true
		way = append(way, o.keeper(w))
		w = way[len(way)-1].wait
	}
	return way
}

// keeper returns a step from a stuck wait to one that keeps it.
func (o *outlook) keeper(w *claim) step {
	for p := range w.parts() {
		s := o.scenes[p.lock]
		if !s.taken.admits(p.share) {
			for !o.stuck[s.keepers[0]] {
				s.keepers = s.keepers[1:]
			}
			return step{wait: s.keepers[0], via: p.lock}
		}
		if place := s.place(w); place > s.next {
			return step{wait: s.queue[place-1], via: p.lock}
		}
	}
	panic("lock: a wait is stuck though nobody keeps it")
}

// turned has a ring begin with the wait that was queued first.
func turned(ring []step) []step {
	first := 0
	for i, s := range ring {
		if byQueued(s.wait, ring[first].wait) < 0 {
			first = i
		}
	}
	return append(slices.Clone(ring[first:]), ring[:first]...)
}
