package api

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// A crowd has little room left when three fourths of it are taken: from then on, for each
// that comes one that idles has to leave.
const (
	crowdedFrom = 3
	crowdedOf   = 4
)

// idleLong is how long a connection of somebody who is known idles before it can have to
// leave: it is not between two requests that belong together for that long.
const idleLong = time.Second

// idlers are the connections of a crowd on which nothing is asked, or nothing but what
// strangers may ask for: whose client misses least when they are closed. Strangers have to
// leave first, but each has the time that a request may take to come: a new connection is
// a stranger's, whoever made it. Only when there are more of them than a few do they push
// out each other. Who is known leaves only when all the room is taken: he may be about to
// ask again, and then he comes again, too.
type idlers struct {
	few int

	mu        sync.Mutex
	strangers list.List // of *inCrowd, who idles longest first
	known     list.List // the same, of those on which somebody who is known has asked
}

// idling is where a connection stands among idlers, whose mu guards it.
type idling struct {
	among *list.List // nil while it does not
	place *list.Element
	since time.Time
	left  bool
}

// Known takes note that whoever makes a request is known: strangers leave before him.
func Known(ctx context.Context) {
	if c := connectionOf(ctx); c != nil && !c.known.Swap(true) {
		c.idlers.end(c) // it may be somebody's, too, who was a stranger
	}
}

// Strange takes note that whoever makes a request is a stranger: it holds no room, however
// long it takes. A proxy may bring it on a connection on which somebody is known.
func Strange(ctx context.Context) {
	c := connectionOf(ctx)
	if c == nil {
		return
	}
	c.idlers.mu.Lock()
	defer c.idlers.mu.Unlock()
	if !c.known.Load() {
		c.idlers.beginLocked(c)
	}
}

func (i *idlers) begin(c *inCrowd) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.beginLocked(c)
}

func (i *idlers) beginLocked(c *inCrowd) {
	i.endLocked(c)
	if c.idling.left {
		return
	}
	c.idling.among = &i.strangers
	if c.known.Load() {
		c.idling.among = &i.known
	}
	c.idling.since = time.Now()
	c.idling.place = c.idling.among.PushBack(c)
}

func (i *idlers) end(c *inCrowd) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.endLocked(c)
}

func (i *idlers) endLocked(c *inCrowd) {
	if c.idling.among != nil {
		c.idling.among.Remove(c.idling.place)
		c.idling.among = nil
	}
}

// leave ends it for good: of what is closed here the server still finds that it idles.
func (i *idlers) leave(c *inCrowd) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.endLocked(c)
	c.idling.left = true
}

// longest is the connection that has to leave next, or nil if none does; full is that
// there is no room left at all.
func (i *idlers) longest(full bool) *inCrowd {
	i.mu.Lock()
	defer i.mu.Unlock()
	if c := first(&i.strangers); c != nil && (i.strangers.Len() > i.few || time.Since(c.idling.since) >= headerWithin) {
		return c
	}
	if c := first(&i.known); full && c != nil && time.Since(c.idling.since) >= idleLong {
		return c
	}
	return nil
}

func first(l *list.List) *inCrowd {
	if e := l.Front(); e != nil {
		return e.Value.(*inCrowd)
	}
	return nil
}
