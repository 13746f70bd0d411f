package history

import (
	"testing"
	"time"
)

func TestBeliefs(t *testing.T) {
	for name, tc := range map[string]struct {
		ops   []Op
		sound bool
	}{
		"one after the other": {[]Op{
			op(1, Acquire, 5, Yes, 0, 10), op(1, Release, 5, Yes, 20, 40), op(2, Acquire, 6, Yes, 5, 21), op(2, Release, 6, Unknown, 30, never),
		}, true},
		"the next had it before the release was asked for": {[]Op{
			op(1, Acquire, 5, Yes, 0, 10), op(1, Release, 5, Yes, 20, 40), op(2, Acquire, 6, Yes, 5, 19), op(2, Release, 6, Yes, 30, 31),
		}, false},
		"the next had it before the loser was told": {[]Op{
			op(1, Acquire, 5, Yes, 0, 10), op(1, Lose, 5, Unknown, 20, never), op(2, Acquire, 6, Yes, 5, 19),
		}, false},
		"the next had it after the loser was told": {[]Op{
			op(1, Acquire, 5, Yes, 0, 10), op(1, Lose, 5, Unknown, 20, never), op(2, Acquire, 6, Yes, 5, 21),
		}, true},
		"readers together": {[]Op{
			op(1, AcquireShared, 5, Yes, 0, 10), op(2, AcquireShared, 6, Yes, 0, 11), op(1, Release, 5, Yes, 20, 21), op(2, Release, 6, Yes, 20, 21),
		}, true},
		"a writer beside the longer of two readers": {[]Op{
			op(1, AcquireShared, 5, Yes, 0, 10), op(2, AcquireShared, 6, Yes, 0, 11), op(1, Release, 5, Yes, 40, 41), op(2, Release, 6, Yes, 20, 21),
			op(3, Acquire, 7, Yes, 0, 30),
		}, false},
		"a reader beside a writer": {[]Op{
			op(1, Acquire, 5, Yes, 0, 10), op(2, AcquireShared, 6, Yes, 0, 15), op(1, Release, 5, Yes, 20, 21),
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := CheckBelief(tc.ops); (err == nil) != tc.sound {
				t.Errorf("the verdict is %v", err)
			}
		})
	}
}

func TestTokensRiseOverAllLocks(t *testing.T) {
	first, second := op(1, Acquire, 5, Yes, 0, 10), op(2, Acquire, 4, Yes, 5, 20)
	second.Name = "y"
	if err := CheckTokens([]Op{second, first}); err != nil {
		t.Errorf("two that overlap have no order: %v", err)
	}
	second.Call = 11
	if CheckTokens([]Op{second, first}) == nil {
		t.Error("a lower token later went unnoticed")
	}
}

// Two processes give the same moment the same number, and unknown grants numbers
// of their own.
func TestPartsOfAHistory(t *testing.T) {
	shown := int64(1000)
	clock := func() int64 { return shown }
	a, b := NewPart(clock, 1), NewPart(clock, 2)
	for _, r := range []*Recorder{a, b} {
		shown++
		if r.Now() != shown || r.At(time.Now()) > shown {
			t.Errorf("at %d the recorder shows %d, and for now %d", shown, r.Now(), r.At(time.Now()))
		}
		r.GaveUp(Op{Client: 1, Kind: Acquire, Name: "x"})
	}
	if a.Ops()[0].Token == b.Ops()[0].Token || a.Ops()[0].Token < unknownTokens {
		t.Errorf("unknown grants: %v and %v", a.Ops(), b.Ops())
	}
}
