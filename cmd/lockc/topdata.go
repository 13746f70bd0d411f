package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"lockstep"
)

// order is how the locks of top are sorted.
type order int

const (
	byWaiters order = iota // those that most wait for come first, then those that are held longest
	byAge
	byName
)

var orders = [...]string{byWaiters: "most awaited first", byAge: "longest held first", byName: "by name"}

func (o order) next() order { return (o + 1) % order(len(orders)) }

func (o order) compare(a, b lockstep.LockInfo) int {
	older := compareAge(a, b)
	name := cmp.Compare(a.Name, b.Name)
	switch o {
	case byAge:
		return cmp.Or(older, name)
	case byName:
		return name
	default:
		return cmp.Or(cmp.Compare(b.Waiters, a.Waiters), older, name)
	}
}

// compareAge puts what is held longest first, and what nobody holds last.
func compareAge(a, b lockstep.LockInfo) int {
	one, other := heldSince(a), heldSince(b)
	switch {
	case one.IsZero() != other.IsZero():
		if one.IsZero() {
			return 1
		}
		return -1
	default:
		return one.Compare(other)
	}
}

// heldSince is when the first of the holders came.
func heldSince(l lockstep.LockInfo) (first time.Time) {
	for _, h := range l.Holders {
		if first.IsZero() || !h.Since.IsZero() && h.Since.Before(first) {
			first = h.Since
		}
	}
	return first
}

// census is what top knows of all locks: how many, and those that come first.
type census struct {
	order                            order
	filter                           string
	rows                             []lockstep.LockInfo
	all, held, wanted, waits, closed int
	matching                         int // of all, those that the filter lets through
	people                           map[string]string
}

// mostRows is how many locks top keeps. Whoever looks for another one has the filter.
const mostRows = 1000

func newCensus(o order, filter string) *census {
	return &census{order: o, filter: strings.ToLower(filter), people: map[string]string{}}
}

// add counts a lock. They are kept in the space of twice as many as are shown.
func (c *census) add(l lockstep.LockInfo) {
	c.all++
	c.waits += l.Waiters
	if len(l.Holders) > 0 {
		c.held++
	}
	if l.Waiters > 0 {
		c.wanted++
	}
	if l.Delayed {
		c.closed++
	}
	if !c.lets(l) {
		return
	}
	c.matching++
	if c.rows = append(c.rows, l); len(c.rows) == 2*mostRows {
		c.sort()
	}
}

// lets reports whether the filter does: by the lock's name, or by who holds it.
func (c *census) lets(l lockstep.LockInfo) bool {
	if c.filter == "" || strings.Contains(strings.ToLower(l.Name), c.filter) {
		return true
	}
	return slices.ContainsFunc(l.Holders, func(h lockstep.HolderInfo) bool { return strings.Contains(strings.ToLower(holder(h)), c.filter) })
}

// sort leaves the rows that come first.
func (c *census) sort() {
	slices.SortFunc(c.rows, c.order.compare)
	c.rows = slices.Clip(c.rows[:min(len(c.rows), mostRows)])
}

// done is after the last lock.
func (c *census) done() *census {
	c.sort()
	for _, l := range c.rows {
		for _, h := range l.Holders {
			c.people[h.Session] = holder(h)
		}
	}
	return c
}

// pace counts events in the last seconds.
type pace struct {
	at    [paceSeconds + 1]int // by the second, modulo the length
	newer int64                // the second that was counted last
}

const paceSeconds = 10

func (p *pace) add(now time.Time) {
	p.forget(now)
	p.at[now.Unix()%int64(len(p.at))]++
}

// forget clears the seconds that are over.
func (p *pace) forget(now time.Time) {
	second := now.Unix()
	for s := max(p.newer+1, second-paceSeconds); s <= second; s++ {
		p.at[s%int64(len(p.at))] = 0
	}
	p.newer = max(p.newer, second)
}

// perSecond is of the last full seconds.
func (p *pace) perSecond(now time.Time) float64 {
	p.forget(now)
	sum := -p.at[now.Unix()%int64(len(p.at))]
	for _, n := range p.at {
		sum += n
	}
	return float64(sum) / paceSeconds
}
