package lock

import (
	"strings"
)

// HistorySize is how many events a History remembers unless told otherwise.
const HistorySize = 4096

// History remembers the last events of a table, for those who watch it.
type History struct {
	ring   []remembered
	next   int   // where the next event goes
	forgot Index // the last entry of which an event has been forgotten, or never was known
}

// remembered is an event whose name is kept apart, in bytes that are used again:
// an event's own may keep a whole frame.
type remembered struct {
	event Event
	name  []byte
}

// NewHistory returns a History of so many events that begins behind the entry
// from: of earlier ones it knows nothing.
func NewHistory(size int, from Index) *History {
	return &History{ring: make([]remembered, size), forgot: from}
}

// Add takes the events of the next entry.
func (h *History) Add(events []Event) {
	for _, e := range events {
		r := &h.ring[h.next]
		h.forgot = max(h.forgot, r.event.Index)
		r.name = append(r.name[:0], e.Name...)
		r.event = e
		r.event.Name = ""
		h.next = (h.next + 1) % len(h.ring)
	}
}

// entryRoom is about how many bytes the events of one entry may take: a session
// that ends with all that it held may bring about more than fits into a message.
const entryRoom = 512 << 10

// Behind returns the events of names that begin with prefix and of entries
// behind index, oldest first, about room bytes of them at most or those of one
// entry. The last one's Index is where to go on: an entry's events come together,
// and those of an entry that has more than entryRoom are cut. Missed says so, and
// when events behind index have been forgotten. Events of sessions have no name:
// they come with the empty prefix only.
func (h *History) Behind(index Index, prefix string, room int) (events []Event, missed bool) {
	index, missed = max(index, h.forgot), index < h.forgot
	// Counted from the end: those who watch ask often, and for little.
	behind := 0
	for behind < len(h.ring) && h.last(behind).event.Index > index {
		behind++
	}
	used, whole := 0, 0 // bytes, and the events of whole entries
	for ; behind > 0; behind-- {
		r := h.last(behind - 1)
		if !strings.HasPrefix(string(r.name), prefix) {
			continue
		}
		e := r.event
		e.Name = string(r.name)
		if n := len(events); n > 0 && events[n-1].Index != e.Index {
			whole = n
		}
		used += e.size()
		if used > room && whole > 0 {
			return events[:whole], missed
		}
		if used > max(room, entryRoom) {
			return events, true
		}
		events = append(events, e)
	}
	return events, missed
}

// last returns the event that so many have followed.
func (h *History) last(followers int) *remembered {
	return &h.ring[(h.next+len(h.ring)-1-followers)%len(h.ring)]
}

// size is about how many bytes an event takes on the wire.
func (e *Event) size() int { return 80 + len(e.Name) + len(e.Reason) }
