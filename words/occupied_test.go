package words

import (
	"testing"
	"time"
)

func TestOccupiedSaysTheFirstThatHolds(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, test := range []struct {
		is   Occupied
		want string
	}{
		{Occupied{Ownerless: "lockc unlock", Holder: "alice", Waiters: 1}, `"x" is locked and belongs to nobody: lockc unlock frees it`},
		{Occupied{Holder: "alice"}, `"x" is held by alice`},
		{Occupied{Holder: "alice", Since: now.Add(-12 * time.Second), Others: 1, Delayed: true}, `"x" is held by alice, for 12s, and by 1 other`},
		{Occupied{Holder: "alice", Since: now.Add(time.Second), Others: 2}, `"x" is held by alice, for 0ms, and by 2 others`},
		{Occupied{Delayed: true, Waiters: 2}, `"x" stays closed for a while: its holder was lost`},
		{Occupied{Waiters: 2}, `"x" is waited for by 2 others`},
		{Occupied{Waiters: 1}, `"x" is waited for by 1 other`},
		{Occupied{Else: "is free"}, `"x" is free`},
	} {
		test.is.Name = `"x"`
		if got := test.is.Say(now); got != test.want {
			t.Errorf("%+v: %s; want %s", test.is, got, test.want)
		}
	}
}
