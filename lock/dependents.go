package lock

import "iter"

// How much is looked at for deadlocks: waits by how many locks they want, and
// grants that they keep by how many they have. A deadlock among no more is found
// for certain. Of a larger crowd the part that was looked at is judged as if the
// rest let go: no wait is refused without need, but a deadlock may be missed. The
// first is for an entry, the second for a query: nobody is served meanwhile.
const (
	maxDependents = 4096
	maxSuspects   = 50_000
)

// keeping says which grants a wait keeps from being released.
type keeping func(w *claim) iter.Seq[*claim]

// dependents returns the waits that depend on some, as far as the budget goes,
// in an order that is the same on all nodes. Those some are among them only if
// they depend on each other, or on themselves. So nobody has to look at a queue
// behind which nothing stands that could lead back.
func dependents(keeps keeping, budget int, some ...*claim) []*claim {
	s := search{keeps: keeps, left: budget, found: map[*claim]bool{}, seen: map[*ownedLock]int{}}
	for i := 0; i < len(some) && s.left > 0; i++ {
		s.from(some[i])
	}
	done := 0
	for ; done < len(s.waits) && s.left > 0; done++ {
		s.from(s.waits[done])
	}
	return s.waits[:done]
}

// search goes from waits to those that depend on them.
type search struct {
	keeps keeping
	left  int // of the budget, which counts locks of waits and of what they keep
	waits []*claim
	found map[*claim]bool
	seen  map[*ownedLock]int // the place from which on a lock's waiters have been found
}

// from finds who waits behind w, or for what w keeps.
func (s *search) from(w *claim) {
	for p := range w.parts() {
		s.reach(p.lock, p.lock.place(w)+1)
	}
	for g := range s.keeps(w) {
		s.left -= g.names()
		for p := range g.parts() {
			s.reach(p.lock, 0)
		}
		if s.left <= 0 {
			return
		}
	}
}

// reach finds a lock's waiters from a place on.
func (s *search) reach(l *ownedLock, from int) {
	to, known := s.seen[l]
	if !known {
		to = len(l.queue())
	}
	for i := from; i < to && s.left > 0; i++ {
		if w := l.queue()[i]; !s.found[w] {
			s.left -= w.names()
			s.found[w] = true
			s.waits = append(s.waits, w)
		}
	}
	s.seen[l] = min(from, to)
}
