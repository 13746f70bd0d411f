package actors

import (
	"log/slog"
	"time"

	"lockstep/lock"
)

// maxLosses is how many losses are logged in a second: a client of ten thousand
// sessions may die in one instant.
const maxLosses = 20

// losses tells in the log what was taken from whom, while this node reigns.
type losses struct {
	log    *slog.Logger
	second int // how many ticks it has
	ticks  int
	said   int
	unsaid int
}

func newLosses(log *slog.Logger, period time.Duration) losses {
	return losses{log: log, second: max(1, int(time.Second/period))}
}

// happened looks at the events of an entry. What a session had expires with it,
// and is one loss.
func (l *losses) happened(events []lock.Event) {
	expired := 0
	for i := range events {
		switch e := &events[i]; e.Kind {
		case lock.LockExpired:
			expired++
		case lock.SessionEnded:
			l.say("a session expired: its client was silent for too long", "session", hex(e.Session), "locks", expired)
		case lock.LockRevoked:
			l.say("a lock was taken away by an operator", "session", hex(e.Session), "lock", e.Name, "token", uint64(e.Token), "reason", e.Reason)
		case lock.LockOverheld:
			l.say("a lock was taken back: its longest hold is over", "session", hex(e.Session), "lock", e.Name, "token", uint64(e.Token))
		}
	}
}

func (l *losses) say(text string, about ...any) {
	if l.said == maxLosses {
		l.unsaid++
		return
	}
	l.said++
	l.log.Info(text, about...)
}

// tick ends a second, and says how much went unsaid in it.
func (l *losses) tick() {
	if l.ticks++; l.ticks < l.second {
		return
	}
	if l.unsaid > 0 {
		l.log.Info("more sessions expired or locks were taken away than are told one by one", "more", l.unsaid)
	}
	l.ticks, l.said, l.unsaid = 0, 0, 0
}
