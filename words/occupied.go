package words

import (
	"fmt"
	"time"
)

// Occupied is why somebody cannot have a lock. The first that holds is said.
type Occupied struct {
	Name      string // of the lock, in quotes
	Ownerless string // what frees it, if it is locked and belongs to nobody
	Holder    string // who has it; empty if nobody does
	Since     time.Time
	Others    int  // who have it beside the holder
	Delayed   bool // it stays closed, for nobody
	Waiters   int
	Else      string // what there is to say if nothing of that holds
}

// Say is that in a line.
func (o Occupied) Say(now time.Time) string {
	switch {
	case o.Ownerless != "":
		return fmt.Sprintf("%s is locked and belongs to nobody: %s frees it", o.Name, o.Ownerless)
	case o.Holder != "":
		text := fmt.Sprintf("%s is held by %s", o.Name, o.Holder)
		if !o.Since.IsZero() {
			text += ", for " + Length(now.Sub(o.Since))
		}
		if o.Others > 0 {
			text += ", and by " + Count(o.Others, "other", "others")
		}
		return text
	case o.Delayed:
		return o.Name + " stays closed for a while: its holder was lost"
	case o.Waiters > 0:
		return fmt.Sprintf("%s is waited for by %s", o.Name, Count(o.Waiters, "other", "others"))
	default:
		return o.Name + " " + o.Else
	}
}

// Count is a number of things.
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
