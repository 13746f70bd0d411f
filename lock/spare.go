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

// pool hands out items of which there will be very many, a slab at a time.
type pool[T any] struct {
	slab []T
	free []*T // zero
}

// slabSize bounds what a small table has too much.
const slabSize = 64

func (p *pool[T]) get() *T {
	if last := len(p.free) - 1; last >= 0 {
		one := p.free[last]
		p.free = p.free[:last]
		return one
	}
	if len(p.slab) == 0 {
		p.slab = make([]T, slabSize)
	}
	one := &p.slab[0]
	p.slab = p.slab[1:]
	return one
}

func (p *pool[T]) put(one *T) {
	*one = *new(T)
	p.free = append(p.free, one)
}

func keep[T any](kept *[]*T, one *T) {
	*one = *new(T)
	if len(*kept) < maxSpare {
		*kept = append(*kept, one)
	}
}
