package lock

import (
	"iter"
	"slices"
)

// A wait ends when everybody ahead of it has had the lock and enough of its
// holders have let go. A holder can let go unless somebody waits under its
// grant; then that wait has to end first. So waits depend on waits, and those
// that depend on each other for ever are a deadlock. Ownerless locks end at
// anybody's wish and lock-delays by themselves: they keep nobody for ever.
//
// Whether the dependence is for ever is not to be read off the graph: of three
// who hold permits of a lock that somebody waits for, it is enough that one can
// let go. So an outlook plays on from the present until nothing moves.

// outlook tells which of some waits can end. Whoever is not among them is taken
// to let go of everything in the end.
type outlook struct {
	waits  []*claim            // in the order of queueing
	stuck  map[*claim]bool     // of each of them, as far as it has been played
	pins   map[*claim][]*claim // the grants that a wait keeps
	open   map[*claim]int      // how many stuck waits keep a grant
	scenes map[*ownedLock]*scene
	moved  []*ownedLock // whose scene has changed, so that its first waiter may go on
}

// scene is the state of a lock in the play.
type scene struct {
	queue   []*claim  // of the outlook's waits, first come first
	next    int       // so many of them have had it
	keepers []*claim  // the waits that keep one of its grants
	taken   occupancy // by the grants that stuck waits keep
}

// foresee plays on from the present for some waits.
func foresee(waits []*claim, keeps keeping) *outlook {
	slices.SortFunc(waits, byQueued)
	o := &outlook{
		waits: waits, stuck: map[*claim]bool{}, pins: map[*claim][]*claim{}, open: map[*claim]int{},
		scenes: map[*ownedLock]*scene{},
	}
	for _, w := range waits {
		o.stuck[w] = true
		for p := range w.parts() {
			s := o.scene(p.lock)
			s.queue = append(s.queue, w)
		}
		for g := range keeps(w) {
			o.pin(g, w)
		}
	}
	o.play()
	return o
}

func (o *outlook) scene(l *ownedLock) *scene {
	s, known := o.scenes[l]
	if !known {
		s = &scene{}
		o.scenes[l] = s
		o.moved = append(o.moved, l)
	}
	return s
}

// pin notes that a wait keeps a grant.
func (o *outlook) pin(g, w *claim) {
	o.pins[w] = append(o.pins[w], g)
	o.open[g]++
	for p := range g.parts() {
		s := o.scene(p.lock)
		s.keepers = append(s.keepers, w)
		if o.open[g] == 1 {
			s.taken.add(p.share)
		}
	}
}

func (o *outlook) play() {
	for len(o.moved) > 0 {
		last := len(o.moved) - 1
		s := o.scenes[o.moved[last]]
		o.moved = o.moved[:last]
		for s.next < len(s.queue) && o.canEnd(s.queue[s.next]) {
			o.end(s.queue[s.next])
		}
	}
}

// canEnd reports whether a wait can be granted now.
func (o *outlook) canEnd(w *claim) bool {
	for p := range w.parts() {
		s := o.scenes[p.lock]
		if s.queue[s.next] != w || !s.taken.admits(p.share) {
			return false
		}
	}
	return true
}

// end has a wait granted and its locks let go again: nobody waits under a grant
// that is not there yet.
func (o *outlook) end(w *claim) {
	for p := range w.parts() {
		o.scenes[p.lock].next++
		o.moved = append(o.moved, p.lock)
	}
	o.unpin(w)
}

// giveUp takes a wait out of its queues, wherever it stands.
func (o *outlook) giveUp(w *claim) {
	for p := range w.parts() {
		s := o.scenes[p.lock]
		i := s.place(w)
		s.queue = slices.Delete(s.queue, i, i+1)
		o.moved = append(o.moved, p.lock)
	}
	o.unpin(w)
}

// unpin ends a wait. Holders that it kept may then be free to let go.
func (o *outlook) unpin(w *claim) {
	o.stuck[w] = false
	for _, g := range o.pins[w] {
		if o.open[g]--; o.open[g] == 0 {
			o.letGo(g)
		}
	}
}

func (o *outlook) letGo(g *claim) {
	for p := range g.parts() {
		o.scenes[p.lock].taken.remove(p.share)
		o.moved = append(o.moved, p.lock)
	}
}

// cycleOf returns the deadlock that a wait has closed, or nil. Nobody queues
// behind it yet, so others depend on it only by the grants that it was asked
// under.
func (t *Table) cycleOf(w *claim) Cycle {
	if len(w.more.under) == 0 {
		return nil
	}
	waits := dependents((*claim).keeps, maxDependents, w)
	if !slices.Contains(waits, w) {
		return nil
	}
	o := foresee(waits, (*claim).keeps)
	if !o.stuck[w] {
		return nil
	}
	path := o.path(w)
	if path == nil {
		return nil // it waits behind a deadlock of others, who were allowed one
	}
	return spell(path)
}

// deadlocks returns the table's deadlocks: first those that are certain, then
// those that are possible, which would be ones if every session kept all that it
// holds while it waits. Only where deadlocks are allowed can there be certain
// ones.
func (t *Table) deadlocks() []Cycle {
	certain := t.foreseeAll((*claim).keeps).rings()
	possible := t.foreseeAll((*claim).mayKeep)
	for _, ring := range certain {
		possible.breakUp(ring)
	}
	var cycles []Cycle
	for _, ring := range append(certain, possible.rings()...) {
		cycles = append(cycles, spell(ring))
	}
	return cycles
}

// foreseeAll plays on for all waits of the table that can be in a deadlock.
func (t *Table) foreseeAll(keeps keeping) *outlook {
	var keepers []*claim
	for _, s := range t.sessions {
		for w := range s.waits.all() {
			for range keeps(w) {
				keepers = append(keepers, w)
				break
			}
		}
	}
	slices.SortFunc(keepers, byQueued)
	return foresee(dependents(keeps, maxSuspects, keepers...), keeps)
}

// keeps walks over the grants that a wait was asked under and that are still
// held: it keeps them for certain.
func (c *claim) keeps() iter.Seq[*claim] {
	return func(yield func(*claim) bool) {
		for _, k := range c.more.under {
			if g := k.grant(); g != nil && !yield(g) {
				return
			}
		}
	}
}

// mayKeep walks over these, and over all else that the wait's session holds.
func (c *claim) mayKeep() iter.Seq[*claim] {
	return func(yield func(*claim) bool) {
		for g := range c.session.grants.all() {
			if !yield(g) {
				return
			}
		}
		for g := range c.keeps() {
			if g.session != c.session && !yield(g) {
				return
			}
		}
	}
}
