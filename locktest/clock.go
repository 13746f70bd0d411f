package locktest

import (
	"sync"
	"time"
)

// Clock is a clock for lockstep.WithClock that a test can move. By itself it
// goes with Go's own.
type Clock struct {
	mu    sync.Mutex
	began time.Time
	ahead time.Duration
}

// NewClock returns a clock that shows zero.
func NewClock() *Clock { return &Clock{began: time.Now()} }

// Now is what the clock shows.
func (c *Clock) Now() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.began) + c.ahead
}

// Jump moves the clock ahead in no time, as the real one seems to when a machine
// wakes that was suspended.
func (c *Clock) Jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}
