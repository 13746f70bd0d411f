package muster

import (
	"cmp"
	"slices"

	"lockstep/lock"
	"lockstep/replica"
)

// Reign is the time for which a node was the primary, as a node has seen it.
type Reign struct {
	View    lock.View
	Primary replica.NodeID
	Name    string      // of the primary in its cluster; may be empty
	Began   lock.Millis // Unix time, by the clock of who tells
	Idle    lock.Millis // how long nobody had served then; none if why is Unseen or Started
	Why     Why
}

// Why says why a reign began.
type Why uint8

// The reasons. Their values are those on the wire.
const (
	Unseen     Why = 0 // whoever tells of it came later, and Began is when it first saw it
	Started    Why = 1 // nobody was known to serve before
	HandedOver Why = 2 // the one before gave it up
	Suspected  Why = 3 // the one before was not heard any more
	WentOn     Why = 4 // the one before was the same node
)

var whys = [...]string{"unseen", "started", "handed_over", "suspected", "went_on"}

// String is empty for a reason that this version does not know.
func (w Why) String() string {
	if int(w) < len(whys) {
		return whys[w]
	}
	return ""
}

// MaxReigns is how many each node remembers, and how many a timeline has.
const MaxReigns = 64

// Timeline makes one of what all nodes have seen, the oldest reign first. Who
// reigned knows best when that began and why; of the others who saw it first.
func Timeline(told []Told) []Reign {
	type key struct {
		view    lock.View
		primary replica.NodeID
	}
	type witnessed struct {
		Reign
		own bool
	}
	best := map[key]witnessed{}
	for _, t := range told {
		if t.Status == nil {
			continue
		}
		for _, r := range t.Reigns {
			k, w := key{r.View, r.Primary}, witnessed{r, r.Primary == t.Status.Node}
			if old, known := best[k]; !known || better(w.own, w.Reign, old.own, old.Reign) {
				best[k] = w
			}
		}
	}
	var all []Reign
	for _, w := range best {
		all = append(all, w.Reign)
	}
	slices.SortFunc(all, func(a, b Reign) int {
		return cmp.Or(cmp.Compare(a.View, b.View), cmp.Compare(a.Began, b.Began), cmp.Compare(a.Primary, b.Primary))
	})
	return all[max(0, len(all)-MaxReigns):]
}

// better reports whether one account of a reign is to be preferred to another.
func better(own bool, r Reign, otherOwn bool, other Reign) bool {
	switch {
	case own != otherOwn:
		return own
	case (r.Why == Unseen) != (other.Why == Unseen):
		return r.Why != Unseen
	default:
		return r.Began < other.Began
	}
}
