package sim

import (
	"slices"

	"lockstep/lock"
	"lockstep/replica"
)

// lease is a grant that a user of a client was told of and has neither begun to
// give back nor been told to have lost.
type lease struct {
	client *client
	user   *user
	token  lock.Token
	name   string
	wants  []want
	in     *history        // in which it was granted
	until  replica.Instant // MaxHold ends it then; endless if it has none
	keep   instant         // the user gives it back then
}

const endless = ^replica.Instant(0)

// believed is the rule by which clients are judged. At an instant of real time a
// client believes in a lease if
//
//   - its core has told it of the grant (Finish), and has not told it of a loss
//     (LeaseLost, Lost),
//   - it has not begun to give it back (Release, Shut), and lives,
//   - and its own clock shows less than the moment until which the core lets it
//     believe (Believes, Finished.Until).
//
// A paused client is no exception. It does nothing while it is paused, and when
// it goes on it looks at its clock, which ran, before it uses what it holds: so
// a pause ends a belief at its deadline and not before. A client that looks and
// is paused before it uses is caught by the token only, and by no rule here.
func (l *lease) believed() bool {
	return l.client.clock() < min(l.client.until, l.until)
}

// believes moves the deadline of all that the session holds.
func (c *client) believes(e replica.Believes) {
	lapsed := c.clock() >= c.until
	c.session, c.until = e.Session, e.Until
	if lapsed {
		c.w.check.believedAgain(c)
	}
}

// lose ends leases because the core says so.
func (c *client) lose(lost func(*lease) bool) {
	c.leases = slices.DeleteFunc(c.leases, func(l *lease) bool {
		if lost(l) {
			c.w.stats.LeasesLost++
			return true
		}
		return false
	})
}

// drop ends leases because the client wants it so.
func (c *client) drop(gone func(*lease) bool) {
	c.leases = slices.DeleteFunc(c.leases, gone)
}

func (c *client) clock() replica.Instant { return c.time.at(c.w.now) }
