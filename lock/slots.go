package lock

import "iter"

// slots are those of a session by their Slot, in pages: one that is used costs
// those before it in its page, and not all 4,095 that may come before it.
type slots [][]slot

const slotPage = 64

// at returns what a slot remembers.
func (s slots) at(i Slot) slot {
	if page := int(i / slotPage); page < len(s) && int(i%slotPage) < len(s[page]) {
		return s[page][i%slotPage]
	}
	return slot{}
}

// use returns a slot, which is there from now on.
func (s *slots) use(i Slot) *slot {
	for int(i/slotPage) >= len(*s) {
		*s = append(*s, nil)
	}
	page := &(*s)[i/slotPage]
	for int(i%slotPage) >= len(*page) {
		*page = append(*page, slot{})
	}
	return &(*page)[i%slotPage]
}

// all walks over the slots that are there, used or not.
func (s slots) all() iter.Seq2[Slot, *slot] {
	return func(yield func(Slot, *slot) bool) {
		for n, page := range s {
			for i := range page {
				if !yield(Slot(n*slotPage+i), &page[i]) {
					return
				}
			}
		}
	}
}

// used counts the slots that are.
func (s slots) used() int {
	n := 0
	for _, one := range s.all() {
		if one.number != 0 {
			n++
		}
	}
	return n
}
