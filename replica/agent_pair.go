package replica

import (
	"errors"

	"lockstep/lock"
)

// The pairs of slot and number that the client of an API may choose. The slots
// above are the nodes' own, to draw pairs from.
const (
	MaxPairSlot   lock.Slot   = lock.MaxSlots/2 - 1
	MaxPairNumber lock.Number = 1<<62 - 1
)

// What an agent says of a request, besides what a client says of its calls.
var (
	// ErrPair refuses a pair that is not for clients. The request had no effect.
	ErrPair = errors.New("replica: a slot is 0 to 2047, and a number 1 to 4611686018427387903")
	// ErrStale: the slot has gone on, by a higher number or by a Cancel. What became
	// of the request is not remembered any more.
	ErrStale = errors.New("replica: the slot has gone on to a higher number, or the request was canceled")
	// ErrUnknown: the request was executed once or never.
	ErrUnknown = errors.New("replica: the request was executed once or never, and which of them is not remembered")
)
