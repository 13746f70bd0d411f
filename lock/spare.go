package lock

// spare keeps what an uncontended Acquire and Release would else allocate and
// leave to the collector each time.
type spare struct {
	claims []*claim
	locks  []*ownedLock
}

// maxSpare bounds what is kept of each.
const maxSpare = 1024

// reuse returns one of the kept, which are zero, or a new one.
func reuse[T any](kept *[]*T) *T {
	last := len(*kept) - 1
	if last < 0 {
		return new(T)
	}
	one := (*kept)[last]
	*kept = (*kept)[:last]
	return one
}

func keep[T any](kept *[]*T, one *T) {
	*one = *new(T)
	if len(*kept) < maxSpare {
		*kept = append(*kept, one)
	}
}
