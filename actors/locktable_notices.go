package actors

import "lockstep/lock"

// presence remembers where each session was last heard: where it was opened, or
// where its last keep-alive came from. It is used to tell a client at once what
// was taken from it. Nothing hangs on it: the client learns the same from the
// answer to its next keep-alive.
type presence map[lock.SessionID]asker

// observe tells the sessions that have lost a grant, and forgets those that are
// over. A grant of several locks has several events in a row, and one notice.
func (p presence) observe(out *outbox, events []lock.Event) {
	var told lock.Token
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case lock.SessionClosed, lock.SessionEnded:
			delete(p, e.Session)
		case lock.LockRevoked, lock.LockOverheld:
			if who, known := p[e.Session]; known && e.Token != told {
				told = e.Token
				out.notice(who, e.Session, lock.Revocation{Token: e.Token, Kind: e.Kind, Reason: e.Reason})
			}
		}
	}
}
