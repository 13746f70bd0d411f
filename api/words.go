package api

import (
	"fmt"
	"time"

	"lockstep/lock"
)

// How things are said to people. What comes from other machines is printable:
// the table takes nothing else.

// holder falls back on the session, which a client always has.
func holder(h lock.HolderCard) string {
	if who := lock.Person(h.Owner.Info.Map(), h.Info.Map()); who != "" {
		return fmt.Sprintf("%.200s", who)
	}
	return "session " + sessionText(h.Session)
}

// occupied says in a line why a lock cannot be had.
func occupied(l lock.LockCard, now time.Time) string {
	name := fmt.Sprintf("%q", l.Name)
	switch {
	case l.Ownerless:
		return name + " is held by nobody's session: it was locked, and Unlock frees it"
	case len(l.Holders) > 0:
		h := l.Holders[0]
		text := fmt.Sprintf("%s is held by %s", name, holder(h))
		if h.Since != 0 {
			held := now.Sub(time.UnixMilli(int64(h.Since)))
			text += fmt.Sprintf(", for %v", max(0, held).Round(100*time.Millisecond))
		}
		if others := len(l.Holders) - 1; others > 0 {
			text += fmt.Sprintf(", and by %d more", others)
		}
		return text
	case l.Delayed:
		return name + " stays closed for a while: its holder was lost"
	case l.Waiters > 0:
		return fmt.Sprintf("%s is waited for by %d already", name, l.Waiters)
	default:
		return name + " is free"
	}
}
