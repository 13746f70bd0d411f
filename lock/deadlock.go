package lock

import "slices"

// A wait ends when everybody ahead of it has had the lock and enough of its
// holders have let go. A holder can let go unless somebody waits under its
// grant; then that wait has to end first. So waits depend on waits, and those
// that depend on each other for ever are a deadlock. Ownerless locks end at
// anybody's wish and lock-delays by themselves: they keep nobody for ever.
//
// Whether the dependence is for ever is not to be read off the graph: of three
// who hold permits of a lock that somebody waits for, it is enough that one can
// let go. So an outlook plays on from the present until nothing moves.

// outlook tells which of some waits can end. All that those depend on is in it.
type outlook struct {
	under map[Token][]*claim  // the waits that keep a grant
	waits []*claim            // in the order in which they were found
	stuck map[*claim]bool     // of each of them, as far as it has been played
	pins  map[*claim][]*claim // the holders that a wait keeps from letting go
	open  map[*claim]int      // how many waits keep a holder so
	locks map[*ownedLock]*scene
	moved []*ownedLock // whose scene has changed, so that its first waiter may go on
}

// scene is the state of a lock in the play.
type scene struct {
	taken  occupancy // by those who cannot let go
	next   int       // so many of its waiters have had it
	looked int       // so many of its waiters have been found
}

// foresee plays on from the present for some waits and all that they depend on.
// Under says which waits keep a grant from being let go.
func foresee(under map[Token][]*claim, waits ...*claim) *outlook {
	o := &outlook{
		under: under, stuck: map[*claim]bool{}, pins: map[*claim][]*claim{},
		open: map[*claim]int{}, locks: map[*ownedLock]*scene{},
	}
	for _, w := range waits {
		o.include(w)
	}
	for i := 0; i < len(o.waits); i++ {
		for p := range o.waits[i].parts() {
			o.look(p.lock, o.waits[i])
		}
	}
	o.play()
	return o
}

func (o *outlook) include(w *claim) {
	if !o.stuck[w] {
		o.stuck[w] = true
		o.waits = append(o.waits, w)
	}
}

// look includes what a wait for the lock depends on there.
func (o *outlook) look(l *ownedLock, w *claim) {
	s, known := o.locks[l]
	if !known {
		s = &scene{}
		o.locks[l] = s
		o.moved = append(o.moved, l)
		for _, h := range l.holders() {
			o.lookAtHolder(s, l, h)
		}
	}
	for ; s.looked < l.place(w); s.looked++ {
		o.include(l.crowd.queue[s.looked])
	}
}

func (o *outlook) lookAtHolder(s *scene, l *ownedLock, h *claim) {
	pinning := o.under[h.token]
	if len(pinning) == 0 {
		return
	}
	s.taken.add(h.shareOf(l))
	if _, known := o.open[h]; known {
		return
	}
	o.open[h] = len(pinning)
	for _, w := range pinning {
		o.include(w)
		o.pins[w] = append(o.pins[w], h)
	}
}

func (o *outlook) play() {
	for len(o.moved) > 0 {
		last := len(o.moved) - 1
		l := o.moved[last]
		o.moved = o.moved[:last]
		s := o.locks[l]
		for s.next < len(l.queue()) && o.canEnd(l.crowd.queue[s.next]) {
			o.end(l.crowd.queue[s.next])
		}
	}
}

// canEnd reports whether a wait can be granted now. One that nothing here
// depends on is left alone.
func (o *outlook) canEnd(w *claim) bool {
	if !o.stuck[w] {
		return false
	}
	for p := range w.parts() {
		s := o.locks[p.lock]
		if p.lock.crowd.queue[s.next] != w || !s.taken.admits(p.share) {
			return false
		}
	}
	return true
}

// end has a wait granted and its locks let go again: nobody waits under a grant
// that is not there yet. Holders that it kept may then be free to let go too.
func (o *outlook) end(w *claim) {
	o.stuck[w] = false
	for p := range w.parts() {
		o.locks[p.lock].next++
		o.moved = append(o.moved, p.lock)
	}
	for _, h := range o.pins[w] {
		if o.open[h]--; o.open[h] == 0 {
			o.letGo(h)
		}
	}
}

func (o *outlook) letGo(h *claim) {
	for p := range h.parts() {
		if s, known := o.locks[p.lock]; known {
			s.taken.remove(p.share)
			o.moved = append(o.moved, p.lock)
		}
	}
}

// cycleOf returns the deadlock that a wait has closed, or nil. Nobody queues
// behind it yet, so others depend on it only by the grants that it was asked
// under.
func (t *Table) cycleOf(w *claim) Cycle {
	if len(w.more.under) == 0 {
		return nil
	}
	o := foresee(t.under, w)
	if !o.stuck[w] {
		return nil
	}
	path := o.path(w)
	if path == nil {
		return nil // it waits behind a deadlock of others, who were allowed one
	}
	return spell(path)
}

// deadlocks returns the table's deadlocks, each once: first those that are
// certain, then those that are possible. Only where deadlocks are allowed can
// there be certain ones, and each has a wait under a grant.
func (t *Table) deadlocks() []Cycle {
	certain := foresee(t.under, queueing(t.under)...)
	cycles := certain.cycles(map[*claim]bool{})
	under := t.suspects()
	return append(cycles, foresee(under, queueing(under)...).cycles(certain.stuck)...)
}

// maxSuspects bounds how many pairs of a grant and a wait of one session are
// looked at for deadlocks that are merely possible: nobody is served meanwhile.
const maxSuspects = 100_000

// suspects returns who would keep which grants if every session kept all that it
// holds while it waits. Beyond the bound it suspects nobody.
func (t *Table) suspects() map[Token][]*claim {
	under := map[Token][]*claim{}
	pairs := 0
	for _, s := range t.sessions {
		if pairs += s.waits.n * s.grants.n; pairs > maxSuspects {
			return nil
		}
		if s.waits.n == 0 {
			continue
		}
		waits := slices.Collect(s.waits.all())
		for g := range s.grants.all() {
			under[g.token] = waits
		}
	}
	for token, waits := range t.under {
		for _, w := range waits {
			if !slices.Contains(under[token], w) {
				under[token] = append(slices.Clip(under[token]), w)
			}
		}
	}
	return under
}

// cycles returns a cycle for each set of waits that depend on each other for
// ever, but for those that are known.
func (o *outlook) cycles(known map[*claim]bool) []Cycle {
	var cycles []Cycle
	told := map[*claim]bool{}
	for _, w := range o.waits {
		if told[w] || known[w] || !o.stuck[w] {
			continue
		}
		path := o.path(w)
		if path != nil {
			cycles = append(cycles, spell(path))
		}
		for _, s := range path {
			told[s.wait] = true
		}
	}
	return cycles
}

// queueing returns the waits that keep grants, in the order of queueing.
func queueing(under map[Token][]*claim) []*claim {
	var all []*claim
	for _, waits := range under {
		all = append(all, waits...)
	}
	slices.SortFunc(all, byQueued)
	return slices.Compact(all)
}
