package history

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// belief is the time for which a client thought that it held a lock.
type belief struct {
	op          Op // the grant
	from, until int64
}

// CheckBelief says which two clients believed at one moment that they held one
// lock, alone or beside one who held it alone. That is what a lease promises
// never to happen, whatever order of the operations would explain.
func CheckBelief(ops []Op) error {
	locks := map[string][]belief{}
	for _, b := range beliefs(ops) {
		locks[b.op.Name] = append(locks[b.op.Name], b)
	}
	for _, held := range locks {
		slices.SortFunc(held, func(a, b belief) int { return cmp.Compare(a.from, b.from) })
		var shared, alone belief // of those that began so far, the one that ended last
		for _, b := range held {
			for _, other := range []belief{shared, alone} {
				together := other.op.Kind == AcquireShared && b.op.Kind == AcquireShared
				if other.until > b.from && !together {
					return fmt.Errorf("history: two believed that they held a lock:\n  %s, until %.6f s\n  %s, from %.6f s", other.op, seconds(other.until), b.op, seconds(b.from))
				}
			}
			last := &alone
			if b.op.Kind == AcquireShared {
				last = &shared
			}
			if b.until > last.until {
				*last = b
			}
		}
	}
	return nil
}

// beliefs are as short as they are known to have been: from the answer to the
// call of the release, or to the moment up to which a holder who lost the lock
// had a right to believe. What nobody gave back or lost is believed for ever.
func beliefs(ops []Op) []belief {
	ended := map[uint64]int64{}
	for _, o := range ops {
		if o.Kind == Release || o.Kind == Lose {
			if before, twice := ended[o.Token]; !twice || o.Call < before {
				ended[o.Token] = o.Call
			}
		}
	}
	var all []belief
	for _, o := range ops {
		if o.Answer != Yes || o.Kind != Acquire && o.Kind != AcquireShared {
			continue
		}
		until, known := ended[o.Token]
		if !known {
			until = math.MaxInt64
		}
		all = append(all, belief{o, o.Return, until})
	}
	return all
}

// CheckTokens says which grant has a token that is not above that of a grant that
// was answered before it was asked for, of whatever lock.
func CheckTokens(ops []Op) error {
	var asked []Op
	for _, o := range ops {
		if o.Answer == Yes && (o.Kind == Acquire || o.Kind == AcquireShared) {
			asked = append(asked, o)
		}
	}
	answered := slices.Clone(asked)
	slices.SortFunc(asked, func(a, b Op) int { return cmp.Compare(a.Call, b.Call) })
	slices.SortFunc(answered, func(a, b Op) int { return cmp.Compare(a.Return, b.Return) })
	var highest Op
	for _, o := range asked {
		for len(answered) > 0 && answered[0].Return < o.Call {
			if answered[0].Token > highest.Token {
				highest = answered[0]
			}
			answered = answered[1:]
		}
		if o.Token <= highest.Token {
			return fmt.Errorf("history: a token that does not rise:\n  %s\n  %s", highest, o)
		}
	}
	return nil
}
