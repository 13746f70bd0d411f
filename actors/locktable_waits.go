package actors

import (
	"lockstep/lock"
	"lockstep/replica"
)

// waits remembers who asked here for an Acquire that was answered Waiting: they
// are told as soon as the lock is theirs (S6). A wait that ends in another way is
// forgotten without a word, since what ended it was asked for by the same client
// or ended its session. It holds no more than the table has waits.
type waits map[lock.RequestID]asker

// observe answers the waits that an entry has granted. A grant of several locks
// has several events, and the first answers for all.
func (w waits) observe(out *outbox, events []lock.Event) {
	if len(w) == 0 {
		return
	}
	for i := range events {
		e := &events[i]
		who, waits := w[e.Request]
		if !waits {
			continue
		}
		switch e.Kind {
		case lock.LockAcquired:
			delete(w, e.Request)
			out.answer(who, replica.Answer{Request: e.Request, Kind: replica.Executed,
				Result: lock.Result{Outcome: lock.Granted, Token: e.Token}})
		case lock.WaitEnded:
			delete(w, e.Request)
		}
	}
}
