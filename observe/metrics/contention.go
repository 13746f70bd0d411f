package metrics

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"

	"lockstep/lock"
)

// MostNames is how many names of locks a Contention tells apart.
const MostNames = 1024

// Contended is how much was waited for a lock.
type Contended struct {
	Name  string // empty: all the locks that are not told apart
	Waits uint64
	Delay lock.Millis // of all waits together
}

// Contention tells which locks are waited for, in bounded memory: it keeps the
// MostNames names with the most delay, by the rules of Space-Saving (Metwally,
// Agrawal and El Abbadi, 2005). When it is full, a new name takes the place of
// the one with the least, and its rank: so a name that goes on to be waited for
// stays, however full the list is, and any that has more than a MostNames-th of
// all delay is in it for certain. What a name was counted with before it lost its
// place goes to the others: the sum of all is exact, and each name's part is no
// more than it had.
//
// The zero value is ready.
type Contention struct {
	kept   map[string]*ranked
	ranks  ranks
	others Contended
}

// ranked is a name that is told apart.
type ranked struct {
	Contended
	rank  lock.Millis // its delay, and that of those whose place it took
	place int         // in the heap
}

// Add counts a wait for a lock. The name may be a piece of something larger: what
// is kept is a copy.
func (c *Contention) Add(name string, delay lock.Millis) {
	if r, known := c.kept[name]; known {
		r.count(delay)
		heap.Fix(&c.ranks, r.place)
		return
	}
	if c.kept == nil {
		c.kept = map[string]*ranked{}
	}
	r := &ranked{}
	if len(c.ranks) == MostNames {
		r = c.ranks[0]
		delete(c.kept, r.Name)
		c.others.Waits += r.Waits
		c.others.Delay += r.Delay
		r.Contended = Contended{}
	} else {
		heap.Push(&c.ranks, r)
	}
	r.Name = strings.Clone(name)
	c.kept[r.Name] = r
	r.count(delay)
	heap.Fix(&c.ranks, r.place)
}

func (r *ranked) count(delay lock.Millis) {
	r.Waits++
	r.Delay += delay
	r.rank += delay
}

// Names returns a copy of what was counted, the most delay first, and the others
// last if there are any.
func (c *Contention) Names() []Contended {
	names := make([]Contended, 0, len(c.ranks)+1)
	for _, r := range c.ranks {
		names = append(names, r.Contended)
	}
	slices.SortFunc(names, func(a, b Contended) int {
		return cmp.Or(cmp.Compare(b.Delay, a.Delay), cmp.Compare(b.Waits, a.Waits), strings.Compare(a.Name, b.Name))
	})
	if c.others.Waits > 0 {
		names = append(names, c.others)
	}
	return names
}

// ranks is a heap: the least is the first to go.
type ranks []*ranked

func (r ranks) Len() int           { return len(r) }
func (r ranks) Less(i, j int) bool { return r[i].rank < r[j].rank }

func (r ranks) Swap(i, j int) {
	r[i], r[j] = r[j], r[i]
	r[i].place, r[j].place = i, j
}

func (r *ranks) Push(x any) {
	n := x.(*ranked)
	n.place = len(*r)
	*r = append(*r, n)
}

// Pop is never called: a place is given on, not given up.
func (r *ranks) Pop() any { panic("metrics: a name without a place") }
