package actors

import "lockstep/lock"

// holdings are what a client holds. Several share a token if the later ones were
// granted because of the first (re-entrant); they are chained.
type holdings map[lock.Token]*Holding

func (all holdings) add(h *Holding) {
	h.next = all[h.token]
	all[h.token] = h
}

// remove takes out one that was released; another that was lost is not there any
// more.
func (all holdings) remove(h *Holding) {
	first := all[h.token]
	switch {
	case first == h && h.next == nil:
		delete(all, h.token)
	case first == h:
		all[h.token] = h.next
	default:
		for at := first; at != nil; at = at.next {
			if at.next == h {
				at.next = h.next
			}
		}
	}
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
