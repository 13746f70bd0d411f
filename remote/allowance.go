package remote

import (
	"sync"

	"lockstep/replica"
)

// Answers to strangers, per tick of the upkeep. Each makes this process dial an
// address that somebody else chose.
const (
	strangersPerTick = 50
	strangersBurst   = 512
)

// allowance limits the answers to frames without a proof: one a tick for each
// address, and a total for those that are not configured. A configured node is
// always answered, so that strangers cannot use up what it needs.
type allowance struct {
	mu       sync.Mutex
	left     int
	answered map[replica.NodeID]bool
}

func newAllowance() *allowance {
	return &allowance{left: strangersBurst, answered: map[replica.NodeID]bool{}}
}

func (a *allowance) take(address replica.NodeID, configured bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.answered[address] {
		return false
	}
	if !configured {
		if a.left == 0 {
			return false
		}
		a.left--
	}
	a.answered[address] = true
	return true
}

func (a *allowance) refill() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left = min(a.left+strangersPerTick, strangersBurst)
	clear(a.answered)
}
