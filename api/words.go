package api

import (
	"fmt"
	"time"

	"lockstep/lock"
	"lockstep/words"
)

// How things are said to people. What comes from other machines is printable:
// the table takes nothing else.

// holder falls back on the session, which a client always has.
func holder(h lock.HolderCard) string {
	if who := words.Person(h.Owner.Info.Map(), h.Info.Map()); who != "" {
		return fmt.Sprintf("%.200s", who)
	}
	return "session " + sessionText(h.Session)
}

// occupied says in a line why a lock cannot be had.
func occupied(l lock.LockCard, now time.Time) string {
	why := words.Occupied{Name: fmt.Sprintf("%q", l.Name), Delayed: l.Delayed, Waiters: int(l.Waiters), Else: "is free"}
	if l.Ownerless {
		why.Ownerless = "Unlock"
	}
	if len(l.Holders) > 0 {
		first := l.Holders[0]
		why.Holder, why.Others = holder(first), len(l.Holders)-1
		if first.Since != 0 {
			why.Since = time.UnixMilli(int64(first.Since))
		}
	}
	return why.Say(now)
}
