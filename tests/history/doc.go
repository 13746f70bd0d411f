// Package history records what clients of a lock service saw and judges it: is
// there an order of all operations, each between its call and its answer, in
// which every answer is right? porcupine searches for it, lock by lock.
//
// What nobody knows is part of the history. An operation without an answer may
// take effect at any time after its call, or never. A lease that its holder was
// told to be lost may be freed at any time after that, but not before: a grant
// to another that came earlier has no place in any order.
package history
