package sim

import (
	"slices"

	"lockstep/lock"
)

// closes reports whether a wait is in a deadlock of its own making: it waits for
// ever, and for itself in the end. Who merely waits behind such a deadlock, which
// was allowed, closes none.
func (m *model) closes(w *wait) bool {
	stuck, holders := m.stuck()
	seen := []*wait{}
	next := []*wait{w}
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		for _, b := range stuck {
			if !slices.Contains(seen, b) && at.dependsOn(b, m.waits, holders) {
				seen, next = append(seen, b), append(next, b)
			}
		}
	}
	return slices.Contains(stuck, w) && slices.Contains(seen, w)
}

// dependsOn: b is ahead in a queue, or keeps a holder of a lock that w cannot
// have beside those who hold on.
func (w *wait) dependsOn(b *wait, queue []*wait, holders []*grant) bool {
	if slices.Index(queue, b) < slices.Index(queue, w) && overlap(w.grant.wants, b.grant.wants) {
		return true
	}
	return slices.ContainsFunc(w.grant.wants, func(one want) bool {
		return !besides(one, holders) && slices.ContainsFunc(holders, func(g *grant) bool {
			return find(g.wants, one.name) != nil && slices.Contains(b.grant.under, g.token)
		})
	})
}

// stuck plays on from here, on a copy, as kindly as it can be: a grant under
// which nobody waits is given back, and every wait that can be granted is, and
// then given back too. Whoever waits at the end would wait for ever, and who
// holds at the end holds on.
func (m *model) stuck() ([]*wait, []*grant) {
	holders, waits := slices.Clone(m.grants), slices.Clone(m.waits)
	for {
		held, waiting := len(holders), len(waits)
		holders = slices.DeleteFunc(holders, func(g *grant) bool { return !kept(g.token, waits) })
		waits = ungranted(waits, holders)
		if len(holders) == held && len(waits) == waiting {
			return waits, holders
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
