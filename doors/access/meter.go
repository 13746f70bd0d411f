package access

import (
	"sync"
	"time"
)

// Meter counts what each principal takes. It is safe for concurrent use.
type Meter struct {
	mu    sync.Mutex
	all   map[string]*account
	swept time.Time // when it was last looked who can be forgotten
}

// account is one principal's.
type account struct {
	tokens float64   // requests that it may make at once
	filled time.Time // when that was so
	full   time.Time // when they will be as many as ever
	open   int
}

// maxAccounts is how many principals are counted at once. Who has nothing open and
// owes nothing is forgotten; if all have or owe something, newcomers wait.
const maxAccounts = 10_000

// NewMeter returns a meter that has counted nothing.
func NewMeter() *Meter { return &Meter{all: map[string]*account{}} }

// Exceeded says which limit a request meets.
type Exceeded uint8

// What can be exceeded.
const (
	Nothing Exceeded = iota
	TooFast
	TooManyOpen
)

// Begin counts a request that begins, or says why it must not, and after which
// time it may. What was begun is ended with End.
func (m *Meter) Begin(principal string, l Limits, now time.Time) (Exceeded, time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.all[principal]
	if a == nil {
		if len(m.all) >= maxAccounts && !m.forgetLocked(now) {
			return TooManyOpen, time.Second
		}
		a = &account{tokens: float64(l.Burst), filled: now}
		m.all[principal] = a
	}
	if l.Open > 0 && a.open >= l.Open {
		return TooManyOpen, time.Second
	}
	if l.Rate > 0 {
		a.fill(l, now)
		if a.tokens < 1 {
			return TooFast, time.Duration((1 - a.tokens) / l.Rate * float64(time.Second))
		}
		a.spend(l, 1, now)
	}
	a.open++
	return Nothing, 0
}

// Charge counts more against a rate, for a request that has turned out to be worth so
// many others: whoever made it asks later then. It reports whether no more than a burst
// is owed.
func (m *Meter) Charge(principal string, l Limits, requests float64, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.all[principal]
	if a == nil || l.Rate == 0 {
		return true
	}
	a.fill(l, now)
	a.spend(l, requests, now)
	return a.tokens >= -float64(l.Burst)
}

// fill lets what has passed since the last time count. A clock that went back
// gives nothing.
func (a *account) fill(l Limits, now time.Time) {
	if passed := now.Sub(a.filled); passed > 0 {
		a.tokens += passed.Seconds() * l.Rate
		a.filled = now
	}
	a.tokens = min(a.tokens, float64(l.Burst))
}

// spend takes from a bucket that was filled.
func (a *account) spend(l Limits, requests float64, now time.Time) {
	a.tokens -= requests
	fills := (float64(l.Burst) - a.tokens) / l.Rate
	a.full = now.Add(time.Duration(min(fills, longestDebt.Seconds()) * float64(time.Second)))
}

// End ends what Begin has begun.
func (m *Meter) End(principal string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a := m.all[principal]; a != nil && a.open > 0 {
		a.open--
	}
}

// longestDebt is after which time an account can be forgotten though its bucket is not
// full again: with a full one nothing is lost.
const longestDebt = time.Hour

// sweepEvery is how often that is looked for: it takes a while, and many may come.
const sweepEvery = time.Second

func (m *Meter) forgetLocked(now time.Time) (some bool) {
	if now.Sub(m.swept) < sweepEvery {
		return false
	}
	m.swept = now
	for principal, a := range m.all {
		if a.open == 0 && !now.Before(a.full) {
			delete(m.all, principal)
			some = true
		}
	}
	return some
}
