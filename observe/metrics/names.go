package metrics

import (
	"lockstep/lock"
	"lockstep/replica"
)

// The names of what is counted by kind, as labels have them. What has an empty
// one is never counted.

// Verbs are the names of the verbs. The first is that of all that clients may not
// send, or that this version does not know.
var Verbs = [verbs]string{
	"unknown",
	lock.OpenSession: "open_session", lock.CloseSession: "close_session", lock.Lock: "lock", lock.Unlock: "unlock",
	lock.Acquire: "acquire", lock.Release: "release", lock.Cancel: "cancel", lock.Revoke: "revoke", lock.KeepAlive: "keep_alive",
}

// Outcomes are the names of the outcomes.
var Outcomes = [outcomes]string{
	lock.Granted: "granted", lock.Held: "held", lock.Released: "released", lock.NotHeld: "not_held",
	lock.Opened: "opened", lock.Closed: "closed", lock.SessionExpired: "session_expired", lock.Stale: "stale",
	lock.LimitReached: "limit_reached", lock.Invalid: "invalid", lock.Waiting: "waiting", lock.Canceled: "canceled",
	lock.Deadlock: "deadlock", lock.Alive: "alive",
}

// Reasons are why a request was sent away.
var Reasons = [kinds]string{
	replica.NotPrimary: "not_primary", replica.Overloaded: "overloaded", replica.Moved: "moved", replica.NoQuorum: "no_quorum",
}

// Questions are the names of the kinds of queries.
var Questions = [queries]string{
	lock.QueryLocks: "locks", lock.QueryLock: "lock", lock.QuerySessions: "sessions", lock.QuerySession: "session",
	lock.QueryDeadlocks: "deadlocks", lock.QueryToken: "token", lock.QueryEvents: "events",
	lock.QueryTenures: "tenures",
}

// Modes are how a lock can be granted, called as in all that clients see.
var Modes = [grants]string{
	lock.Exclusive: "exclusive", lock.Shared: "shared", lock.Counted: "permits", Ownerless: "ownerless",
}
