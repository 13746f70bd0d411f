package actors

import "lockstep/lock"

// holdings are what a client holds. Several share a token if the later ones were
// granted because of the first (re-entrant); they are chained.
type holdings map[lock.Token]*Holding

func (all holdings) add(h *Holding) {
	h.next = all[h.token]
	all[h.token] = h
}

// remove takes one out, and reports whether it was there: it is not if it was
// lost.
func (all holdings) remove(h *Holding) bool {
	first := all[h.token]
	if first == h {
		if all[h.token] = h.next; h.next == nil {
			delete(all, h.token)
		}
		return true
	}
	for at := first; at != nil; at = at.next {
		if at.next == h {
			at.next = h.next
			return true
		}
	}
	return false
}

// lose ends what is held under a token.
func (all holdings) lose(token lock.Token, cause error) {
	for h := all[token]; h != nil; h = h.next {
		h.end(cause)
	}
	delete(all, token)
}

func (all holdings) loseAll(cause error) {
	for token := range all {
		all.lose(token, cause)
	}
}
