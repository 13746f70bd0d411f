package sim

import "slices"

// stuck plays on from here, on a copy, as kindly as it can be: an owner who
// waits for nothing gives back all it holds, and every wait that can be granted
// is. Whoever waits at the end would wait for ever.
func (m *model) stuck() []*wait {
	holders, waits := slices.Clone(m.grants), slices.Clone(m.waits)
	for {
		held, waiting := len(holders), len(waits)
		holders = slices.DeleteFunc(holders, func(g *grant) bool { return !waitsFor(waits, g.owner) })
		released := len(holders) < held
		waits, holders = granted(waits, holders)
		if !released && len(waits) == waiting {
			return waits
		}
	}
}

func waitsFor(waits []*wait, owner int) bool {
	return slices.ContainsFunc(waits, func(w *wait) bool { return w.grant.owner == owner })
}

// granted lets in who can go in, in the order of queueing. Ownerless locks and
// lock-delays end by themselves.
func granted(waits []*wait, holders []*grant) ([]*wait, []*grant) {
	var left []*wait
	var ahead []want
	for _, w := range waits {
		blocked := overlap(w.grant.wants, ahead) ||
			slices.ContainsFunc(w.grant.wants, func(one want) bool { return !besides(one, holders) })
		if blocked {
			ahead = append(ahead, w.grant.wants...)
			left = append(left, w)
		} else {
			holders = append(holders, &w.grant)
		}
	}
	return left, holders
}
