package lock

import (
	"slices"
	"testing"
)

func TestASlotCostsNoMoreThanItsPage(t *testing.T) {
	s := begin(t)
	id := s.open(1)
	s.then(locking(id, MaxSlots-1, 1, "a"), granted(at(1, 2)))
	s.then(locking(id, 1000, 1, "b"), granted(at(1, 3)))
	s.then(locking(id, 0, 1, "c"), granted(at(1, 4)))
	room := 0
	for _, page := range s.sessions[id].slots {
		room += cap(page)
	}
	if room > 3*slotPage {
		t.Errorf("three slots take the room of %d", room)
	}
	var used []Slot
	for i, one := range s.sessions[id].slots.all() {
		if one.number != 0 {
			used = append(used, i)
		}
	}
	if !slices.Equal(used, []Slot{0, 1000, MaxSlots - 1}) {
		t.Errorf("slots %d are used", used)
	}
}
