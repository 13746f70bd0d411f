package lockstep

import (
	"time"

	"lockstep/lock"
)

// LockOption changes what an Acquire asks for. Without one it asks for the lock
// alone, for as long as the client lives.
type LockOption func(*request)

// Shared asks for the lock beside other shared holders. One that waits for the
// lock alone is not overtaken by shared ones that come later.
func Shared() LockOption {
	return func(r *request) { r.want = lock.Want{Mode: lock.Shared} }
}

// Permits asks for n of the lock's permits. The lock has as many as everybody
// who uses it says; those who disagree keep each other waiting.
func Permits(n, of int) LockOption {
	return func(r *request) {
		r.want = lock.Want{Mode: lock.Counted, Permits: permits(n), Of: permits(of)}
	}
}

// permits makes what cannot be meant into what the table refuses.
func permits(n int) uint32 {
	if n < 0 || n > lock.MaxPermits {
		return 0
	}
	return uint32(n)
}

// Reentrant grants at once, with the same token, what this client holds already
// in at least as strong a mode. Each lease is released on its own, and the lock
// is free after the last. What was acquired with MaxHold is not entered again, and
// the two options together are refused.
func Reentrant() LockOption { return func(r *request) { r.terms.Reentrant = true } }

// MaxHold takes the lock back after it was held for d, 1 s to 30 days; the lease
// ends with ErrExpired.
func MaxHold(d time.Duration) LockOption {
	return func(r *request) { r.terms.MaxHold = millis(d) }
}

// LockDelay keeps the lock closed for d, up to 1 h, if this holder is lost, for
// resources that cannot check tokens: what the lost holder has sent may still
// arrive. A lock that is released opens at once.
func LockDelay(d time.Duration) LockOption {
	return func(r *request) { r.terms.LockDelay = millis(d) }
}

// Info shows others what this lock is held or waited for, besides what they see
// of the client. Keys have no "=", and neither keys nor values have line breaks.
func Info(info map[string]string) LockOption {
	return func(r *request) { r.info = info }
}

// And asks for a further lock, all or nothing. Of the options only Shared and
// Permits can be given for it.
func And(name string, opts ...LockOption) LockOption {
	return func(r *request) { r.and(name, opts) }
}

// AllowDeadlock lets the request wait although its wait closes a cycle of
// waits, which would otherwise be refused with ErrDeadlock. Somebody in the
// cycle has to give up then.
func AllowDeadlock() LockOption { return func(r *request) { r.terms.AllowDeadlock = true } }

// Sequential says that this client does one thing after the other: whatever it
// holds, it keeps while this request waits, so that deadlocks can be found.
func Sequential() LockOption { return func(r *request) { r.terms.Sequential = true } }

// Holding names a grant by one of its locks and its token.
type Holding struct {
	Name  string
	Token Token
}

// Under says that the given grant, of this client or another, is not released
// before this request is answered, so that deadlocks can be found. A context
// that comes from Lease.Context says so by itself.
func Under(h Holding) LockOption {
	return func(r *request) { r.terms.Under = lock.Holding{Name: h.Name, Token: lock.Token(h.Token)} }
}
