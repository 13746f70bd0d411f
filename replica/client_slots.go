package replica

import (
	"math/bits"
	"slices"

	"lockstep/lock"
)

// slotState says whose a slot is.
type slotState uint8

const (
	free  slotState = iota // the next call may take it
	busy                   // a call waits for its answer
	quiet                  // a request goes on without its caller; its answer frees the slot
	bound                  // as quiet, but the clerk of the call that was given up may take it
)

// slot is one lane of the session, with one open request.
type slot struct {
	call    call        // unless free: what is asked
	attempt attempt     // unless free
	number  lock.Number // of the last request; the next one has the next
	sent    Instant     // when that was first asked,
	seen    uint64      // and how many revocations had been seen by then
	state   slotState
}

// slots are the lanes of one session.
type slots struct {
	all  []slot // by lock.Slot; grown on first use
	free slotSet
	// bound lists the bound slots of each clerk that has any: one, unless the
	// clerk had several calls outstanding.
	bound map[ClerkID][]lock.Slot
}

func newSlots() slots { return slots{bound: map[ClerkID][]lock.Slot{}} }

// take finds a slot for a call: its clerk's bound one, else the lowest that is
// free, so that few slots are ever used and few answers remembered.
func (s *slots) take(clerk ClerkID) (lock.Slot, bool) {
	if i, ok := s.takeBound(clerk); ok {
		return i, true
	}
	if i, ok := s.free.takeLowest(); ok {
		return i, true
	}
	if len(s.all) == lock.MaxSlots {
		return 0, false
	}
	s.all = append(s.all, slot{})
	return lock.Slot(len(s.all) - 1), true
}

func (s *slots) takeBound(clerk ClerkID) (lock.Slot, bool) {
	mine := s.bound[clerk]
	if len(mine) == 0 {
		return 0, false
	}
	i := mine[0]
	s.unbind(i)
	return i, true
}

func (s *slots) bind(i lock.Slot) {
	clerk := s.all[i].call.clerk
	s.all[i].state = bound
	s.bound[clerk] = append(s.bound[clerk], i)
}

func (s *slots) unbind(i lock.Slot) {
	clerk := s.all[i].call.clerk
	left := slices.DeleteFunc(s.bound[clerk], func(j lock.Slot) bool { return j == i })
	if len(left) == 0 {
		delete(s.bound, clerk)
	} else {
		s.bound[clerk] = left
	}
}

// release gives a slot back. What may still be under way in it is fenced when
// the slot is used again, for its number goes on.
func (s *slots) release(i lock.Slot) {
	if s.all[i].state == bound {
		s.unbind(i)
	}
	s.all[i].call = call{}
	s.all[i].state = free
	s.free.add(i)
}

// forget gives the bound slots of a clerk back.
func (s *slots) forget(clerk ClerkID) {
	for _, i := range slices.Clone(s.bound[clerk]) {
		s.release(i)
	}
}

// drop forgets everything: the session is gone, and numbers start again at 1.
func (s *slots) drop() {
	clear(s.all)
	s.all = s.all[:0]
	s.free = slotSet{}
	clear(s.bound)
}

// slotSet is a set of slots whose lowest is found in constant time. The words
// have a bit for each slot, and summary one for each word that is not zero.
type slotSet struct {
	summary uint64
	words   [lock.MaxSlots / 64]uint64
}

func (s *slotSet) add(i lock.Slot) {
	s.words[i/64] |= 1 << (i % 64)
	s.summary |= 1 << (i / 64)
}

func (s *slotSet) takeLowest() (lock.Slot, bool) {
	if s.summary == 0 {
		return 0, false
	}
	w := bits.TrailingZeros64(s.summary)
	b := bits.TrailingZeros64(s.words[w])
	s.words[w] &^= 1 << b
	if s.words[w] == 0 {
		s.summary &^= 1 << w
	}
	return lock.Slot(w*64 + b), true
}
