package replica

import "slices"

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

// remove takes one call out, and reports whether it was there.
func (q *callQueue) remove(id CallID) bool {
	for i := q.head; i < len(q.calls); i++ {
		if q.calls[i].id == id {
			q.calls = slices.Delete(q.calls, i, i+1)
			return true
		}
	}
	return false
}

// expire takes out the calls whose deadline has come.
func (q *callQueue) expire(now uint64) (ids []CallID) {
	q.compact()
	q.calls = slices.DeleteFunc(q.calls, func(c call) bool {
		if c.deadline > now {
			return false
		}
		ids = append(ids, c.id)
		return true
	})
	return ids
}
