package lock

// History remembers the last events of a table.
type History struct{}

// NewHistory returns a History of so many events that begins behind the entry
// from: of earlier ones it knows nothing.
func NewHistory(size int, from Index) *History { return &History{} }

// Add takes the events of the next entry.
func (h *History) Add(events []Event) {}

// Behind returns the events of names that begin with prefix and of entries
// behind index, oldest first, about room bytes of them at most; it never returns
// a part of an entry's events, so that the last one's Index is where to go on.
// Missed says that events behind index have been forgotten.
func (h *History) Behind(index Index, prefix string, room int) (events []Event, missed bool) {
	return nil, false
}
