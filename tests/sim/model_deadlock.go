package sim

import (
	"slices"

	"lockstep/lock"
)

// stuck plays on from here, on a copy, as kindly as it can be: a grant under
// which nobody waits is given back, and every wait that can be granted is, and
// then given back too. Whoever waits at the end would wait for ever.
func (m *model) stuck() []*wait {
	holders, waits := slices.Clone(m.grants), slices.Clone(m.waits)
	for {
		held, waiting := len(holders), len(waits)
		holders = slices.DeleteFunc(holders, func(g *grant) bool { return !kept(g.token, waits) })
		waits = ungranted(waits, holders)
		if len(holders) == held && len(waits) == waiting {
			return waits
		}
	}
}

// kept reports whether somebody waits under the grant.
func kept(token lock.Token, waits []*wait) bool {
	return slices.ContainsFunc(waits, func(w *wait) bool { return slices.Contains(w.grant.under, token) })
}

// ungranted is who cannot go in, in the order of queueing. Ownerless locks and
// lock-delays end by themselves.
func ungranted(waits []*wait, holders []*grant) []*wait {
	var left []*wait
	var ahead []want
	for _, w := range waits {
		if overlap(w.grant.wants, ahead) ||
			slices.ContainsFunc(w.grant.wants, func(one want) bool { return !besides(one, holders) }) {
			ahead = append(ahead, w.grant.wants...)
			left = append(left, w)
		}
	}
	return left
}
