package history

import (
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"
)

// state is one lock: who holds it, and the highest token given so far.
type state struct {
	holders []uint64 // tokens, rising; never changed once written
	shared  bool
	free    bool // of an ownerless holder
	last    uint64
}

// unknownTokens begin where no view can be: they name grants whose token nobody
// heard.
const unknownTokens = uint64(1) << 63

func equal(a, b state) bool {
	return a.free == b.free && a.shared == b.shared && a.last == b.last && slices.Equal(a.holders, b.holders)
}

// step says whether an operation can have had its answer in a state, and what
// state follows.
func (s state) step(o Op) (bool, state) {
	switch o.Kind {
	case Acquire, AcquireShared:
		return s.acquire(o)
	case Release:
		return s.release(o)
	case Lose:
		_, after := s.without(o.Token)
		return true, after
	case Lock:
		return s.lock(o)
	default:
		return s.unlock(o)
	}
}

// acquire: a grant needs a lock that is free for it and a token above all before.
// A refusal needs somebody who holds the lock; that a shared lock has a shared
// holder may be reason enough, since an exclusive waiter goes first.
func (s state) acquire(o Op) (bool, state) {
	fits := s.free && (len(s.holders) == 0 || s.shared && o.Kind == AcquireShared)
	switch {
	case o.Answer == No:
		return !s.free || len(s.holders) > 0, s
	case o.Answer == Unknown && !fits:
		return true, s // it came too late, or was refused
	case o.Answer == Yes && (!fits || o.Token <= s.last):
		return false, s
	}
	after := s
	after.holders = insert(s.holders, o.Token)
	after.shared = o.Kind == AcquireShared
	if o.Token < unknownTokens {
		after.last = max(s.last, o.Token)
	}
	return true, after
}

func (s state) release(o Op) (bool, state) {
	had, after := s.without(o.Token)
	switch o.Answer {
	case Yes:
		return had, after
	case No:
		return !had, s
	default:
		return true, after
	}
}

func (s state) lock(o Op) (bool, state) {
	fits := s.free && len(s.holders) == 0
	after := s
	after.free = false
	switch {
	case o.Answer == No:
		return !fits, s
	case fits:
		return true, after
	default:
		return o.Answer == Unknown, s
	}
}

func (s state) unlock(o Op) (bool, state) {
	after := s
	after.free = true
	return o.Answer == Unknown || s.free == (o.Answer == No), after
}

func (s state) without(token uint64) (bool, state) {
	i, held := slices.BinarySearch(s.holders, token)
	if !held {
		return false, s
	}
	after := s
	after.holders = slices.Delete(slices.Clone(s.holders), i, i+1)
	if len(after.holders) == 0 {
		after.shared = false
	}
	return true, after
}

func insert(tokens []uint64, token uint64) []uint64 {
	i, _ := slices.BinarySearch(tokens, token)
	return slices.Insert(slices.Clone(tokens), i, token)
}

// model is what porcupine searches with. Each lock is judged alone: that is
// sound, since an order for each lock makes an order for all (Herlihy and Wing,
// 1990), and it keeps the search short.
func model() porcupine.Model {
	return porcupine.Model{
		Partition: byName,
		Init:      func() any { return state{free: true} },
		Equal:     func(a, b any) bool { return equal(a.(state), b.(state)) },
		Step: func(before, input, _ any) (bool, any) {
			return before.(state).step(input.(Op))
		},
		DescribeOperation: func(input, _ any) string { return input.(Op).String() },
		DescribeState: func(s any) string {
			return fmt.Sprintf("%+v", s.(state))
		},
	}
}

func byName(all []porcupine.Operation) [][]porcupine.Operation {
	parts := map[string][]porcupine.Operation{}
	for _, o := range all {
		name := o.Input.(Op).Name
		parts[name] = append(parts[name], o)
	}
	lists := make([][]porcupine.Operation, 0, len(parts))
	for _, part := range parts {
		lists = append(lists, part)
	}
	return lists
}
