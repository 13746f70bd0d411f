package history

import (
	"math"
	"strings"
	"testing"
	"time"
)

// op is an operation of client on the lock x; never means that it has no end.
func op(client int, kind Kind, token uint64, answer Answer, call, end int64) Op {
	return Op{Client: client, Kind: kind, Name: "x", Token: token, Answer: answer, Call: call, Return: end}
}

const never = math.MaxInt64

func TestHistories(t *testing.T) {
	for name, tc := range map[string]struct {
		ops   []Op
		sound bool
	}{
		"one after the other": {[]Op{
			op(1, Acquire, 5, Yes, 0, 10), op(2, Acquire, 0, No, 11, 12),
			op(1, Release, 5, Yes, 20, 30), op(2, Acquire, 6, Yes, 31, 40),
		}, true},
		"granted twice": {[]Op{
			op(1, Acquire, 5, Yes, 0, 10), op(2, Acquire, 6, Yes, 11, 20),
			op(1, Release, 5, Yes, 21, 30), op(2, Release, 6, Yes, 21, 30),
		}, false},
		"granted to a waiter while the release was under way": {[]Op{
			op(1, Acquire, 5, Yes, 0, 10), op(2, Acquire, 6, Yes, 5, 20), op(1, Release, 5, Yes, 15, 30),
		}, true},
		"granted to a waiter before the release": {[]Op{
			op(1, Acquire, 5, Yes, 0, 10), op(2, Acquire, 6, Yes, 5, 20), op(1, Release, 5, Yes, 21, 30),
		}, false},
		"a token that does not rise": {[]Op{
			op(1, Acquire, 5, Yes, 0, 10), op(1, Release, 5, Yes, 20, 30), op(2, Acquire, 4, Yes, 31, 40),
		}, false},
		"readers together": {[]Op{
			op(1, AcquireShared, 5, Yes, 0, 10), op(2, AcquireShared, 6, Yes, 11, 20), op(3, Acquire, 0, No, 21, 22),
			op(1, Release, 5, Yes, 30, 31), op(2, Release, 6, Yes, 32, 33), op(3, Acquire, 7, Yes, 34, 35),
		}, true},
		"a writer beside a reader": {[]Op{
			op(1, AcquireShared, 5, Yes, 0, 10), op(2, Acquire, 6, Yes, 11, 20),
		}, false},
		"lost, and passed on after the holder was told": {[]Op{
			op(1, Acquire, 5, Yes, 0, 10), op(1, Lose, 5, Unknown, 50, never), op(2, Acquire, 6, Yes, 20, 60),
		}, true},
		"lost, and passed on before the holder was told": {[]Op{
			op(1, Acquire, 5, Yes, 0, 10), op(1, Lose, 5, Unknown, 50, never), op(2, Acquire, 6, Yes, 20, 40),
		}, false},
		"an acquire without an answer may have been granted": {[]Op{
			op(1, Acquire, unknownTokens+1, Unknown, 0, never), op(1, Release, unknownTokens+1, Unknown, 0, never),
			op(2, Acquire, 0, No, 20, 30), op(2, Acquire, 6, Yes, 40, 50),
		}, true},
		"a refusal by nobody": {[]Op{op(2, Acquire, 0, No, 20, 30)}, false},
		"a release that found nothing although it was held": {[]Op{
			op(1, Acquire, 5, Yes, 0, 10), op(1, Release, 5, No, 20, 30),
		}, false},
		"a release without an answer": {[]Op{
			op(1, Acquire, 5, Yes, 0, 10), op(1, Release, 5, Unknown, 20, never),
			op(2, Acquire, 0, No, 30, 40), op(2, Acquire, 6, Yes, 50, 60),
		}, true},
		"ownerless": {[]Op{
			op(1, Lock, 0, Yes, 0, 10), op(2, Lock, 0, No, 11, 12), op(2, Unlock, 0, Yes, 13, 14),
			op(1, Unlock, 0, No, 15, 16), op(2, Lock, 0, Unknown, 17, never), op(1, Lock, 0, No, 18, 19),
		}, true},
		"ownerless, locked twice": {[]Op{op(1, Lock, 0, Yes, 0, 10), op(2, Lock, 0, Yes, 11, 12)}, false},
		"ownerless, unlocked twice": {[]Op{
			op(1, Lock, 0, Yes, 0, 10), op(1, Unlock, 0, Yes, 11, 12), op(2, Unlock, 0, Yes, 13, 14),
		}, false},
		"ownerless beside a lease": {[]Op{op(1, Acquire, 5, Yes, 0, 10), op(2, Lock, 0, Yes, 11, 12)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := Check(tc.ops, time.Minute)
			if sound := err == nil; sound != tc.sound {
				t.Errorf("the verdict is %v", err)
			}
		})
	}
}

func TestAVerdictShowsTheGuiltyLockOnly(t *testing.T) {
	fine := op(1, Acquire, 9, Yes, 0, 10)
	fine.Name = "fine"
	err := Check([]Op{fine, op(1, Lock, 0, Yes, 0, 10), op(2, Lock, 0, Yes, 11, 12)}, time.Minute)
	if err == nil || strings.Contains(err.Error(), "fine") || !strings.Contains(err.Error(), "client 2: lock x: yes") {
		t.Errorf("the verdict is %v", err)
	}
}

func TestARecorderKeepsTheOrderOfCallsAndAnswers(t *testing.T) {
	r := NewRecorder()
	first := r.Now()
	r.Answered(Op{Client: 1, Kind: Acquire, Name: "x", Token: 5, Answer: Yes, Call: first})
	r.GaveUp(Op{Client: 2, Kind: Acquire, Name: "x", Call: r.Now()})
	ops := r.Ops()
	if len(ops) != 3 || ops[0].Return < first || ops[1].Call < ops[0].Return ||
		ops[1].Return != math.MaxInt64 || ops[2].Kind != Release || ops[2].Token != ops[1].Token {
		t.Errorf("recorded %v", ops)
	}
	if err := Check(ops, time.Minute); err != nil {
		t.Error(err)
	}
}
