package replica

import (
	"slices"

	"lockstep/lock"
)

// callQueue holds the calls that wait for a session or a slot, in the order of
// their coming.
type callQueue struct {
	calls []call
	head  int // calls before it have gone
}

func (q *callQueue) len() int     { return len(q.calls) - q.head }
func (q *callQueue) first() *call { return &q.calls[q.head] }

// push moves the queue to the front of its array once half of that is unused,
// so that each call is moved at most once on average.
func (q *callQueue) push(c call) {
	if q.head > len(q.calls)/2 {
		q.compact()
	}
	q.calls = append(q.calls, c)
}

func (q *callQueue) pop() call {
	c := q.calls[q.head]
	q.calls[q.head] = call{}
	q.head++
	return c
}

func (q *callQueue) compact() {
	q.calls = slices.Delete(q.calls, 0, q.head)
	q.head = 0
}

// giveUp takes out the calls that a test picks and returns their ids. A Release
// stays, without its caller: what it gives back would be held for ever.
func (q *callQueue) giveUp(over func(*call) bool) (ids []CallID) {
	q.filter(func(c *call) bool {
		if c.orphaned || !over(c) {
			return true
		}
		ids = append(ids, c.id)
		c.orphaned = c.verb == lock.Release
		return c.orphaned
	})
	return ids
}

// filter keeps the calls that a test wants to keep, in their order.
func (q *callQueue) filter(keep func(*call) bool) {
	kept := q.calls[:0]
	for i := q.head; i < len(q.calls); i++ {
		if keep(&q.calls[i]) {
			kept = append(kept, q.calls[i])
		}
	}
	clear(q.calls[len(kept):])
	q.calls, q.head = kept, 0
}
