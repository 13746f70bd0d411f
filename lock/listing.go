package lock

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// listing is a part of the names that begin with a prefix, in order, kept for the
// pages that are likely to be asked for next: to find what comes behind a name
// takes a walk over all. A list is no snapshot. What is gone when its page comes
// is left out, and what has come since may be missing.
type listing struct {
	prefix, after string
	names         []string // the first behind after
	whole         bool     // there are no others
	built         Index
}

// maxListings is how many listings are kept, for as many who list at once.
const maxListings = 4

// listingAge is how many entries a listing is kept for.
const listingAge = 1 << 16

// covers reports whether the listing has what comes behind a name.
func (l *listing) covers(prefix, after string) bool {
	return l.names != nil && l.prefix == prefix && l.after <= after &&
		(l.whole || after < l.names[len(l.names)-1])
}

// namesBehind walks over the names behind one that begin with a prefix, in order.
func (t *Table) namesBehind(prefix, after string, room int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			l := t.listing(prefix, after, room)
			i, found := slices.BinarySearch(l.names, after)
			if found {
				i++
			}
			for _, after = range l.names[i:] {
				if !yield(after) {
					return
				}
			}
			if l.whole {
				return
			}
		}
	}
}

// listing returns one that covers what comes behind a name. A list begins with
// one for its first page alone, since most have no other, and with none that was
// kept: so it has all that came before it began.
func (t *Table) listing(prefix, after string, room int) *listing {
	most := room/lockSize + 2
	if after == "" {
		t.dropListings(func(l *listing) bool { return l.prefix == prefix })
	} else {
		for i := range t.listings {
			if l := &t.listings[i]; l.covers(prefix, after) {
				return l
			}
		}
		// The walks of a long list are to be few, and what is kept is to be little.
		most = max(most, 1<<16, t.used()/16)
	}
	names := firstBehind(most, after, t.names(prefix))
	t.listed++
	l := &t.listings[t.listed%maxListings]
	*l = listing{prefix: prefix, after: after, names: names, whole: len(names) < most, built: t.index}
	return l
}

// names walks over all names that begin with a prefix, in any order, some twice.
func (t *Table) names(prefix string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range t.locks {
			if strings.HasPrefix(name, prefix) && !yield(name) {
				return
			}
		}
		for name, l := range t.owned {
			if strings.HasPrefix(name, prefix) && !l.idle() && !yield(name) {
				return
			}
		}
	}
}

// ageListings forgets what is old.
func (t *Table) ageListings() {
	t.dropListings(func(l *listing) bool { return t.index-l.built >= listingAge })
}

func (t *Table) dropListings(which func(*listing) bool) {
	for i := range t.listings {
		if l := &t.listings[i]; which(l) {
			*l = listing{}
		}
	}
}

// firstBehind returns the lowest items above one, in order, each once. It keeps
// no more than it needs: a page of a long list costs a walk, not a sort of all.
func firstBehind[T cmp.Ordered](most int, after T, all iter.Seq[T]) []T {
	var kept []T
	full := false // then the last one kept is a bound
	var bound T
	shorten := func() {
		slices.Sort(kept)
		kept = slices.Compact(kept)
		kept = kept[:min(len(kept), most)]
		if full = len(kept) == most; full {
			bound = kept[most-1]
		}
	}
	for item := range all {
		if item <= after || full && item >= bound {
			continue
		}
		kept = append(kept, item)
		if len(kept) == 2*most {
			shorten()
		}
	}
	shorten()
	return kept
}
