package main

import (
	"time"

	"lockstep"
	"lockstep/cmd/internal/screen"
	"lockstep/muster"
)

// topModel is all that the picture of top is made of. News and keys change it; it
// asks nobody and shows nothing.
type topModel struct {
	prefix string

	nodes    *standing // nil until they were asked
	warnings []muster.Warning
	why      map[string]string // of the nodes that are silent
	reigns   []lockstep.Reign
	locks    *census // nil until they were listed
	cycles   []lockstep.Cycle
	events   []lockstep.Event // the last ones, the newest at the end
	pace     pace             // of grants
	watching bool             // events are told
	trouble  string           // why the locks cannot be listed now

	order    order
	filter   string
	typing   bool   // the filter is being typed
	before   string // the filter before that
	selected string // the name of a lock; empty: the first one
	row      int    // where it was seen last
	rows     int    // of the list that the page had room for
	open     string // the lock that is looked at; empty: none
	opened   topLock
	help     bool
	quit     bool
}

// topLock is a lock with its history.
type topLock struct {
	lock    lockstep.LockInfo
	history lockstep.History
	trouble string
	known   bool
}

// What top hears of. A lock is heard of under the name by which it was asked for:
// another may have been opened meanwhile.
type (
	newsOfNodes struct {
		nodes  *standing
		why    map[string]string
		reigns []lockstep.Reign
	}
	newsOfLocks struct {
		locks   *census
		cycles  []lockstep.Cycle
		trouble string // in place of both
	}
	newsOfLock struct {
		name string
		topLock
	}
)

// topEvents is how many events are remembered at least: more than any page has lines.
const topEvents = 200

// hear takes in what has come. It reports whether there is anything new to see.
func (m *topModel) hear(news any, now time.Time) bool {
	switch n := news.(type) {
	case newsOfNodes:
		m.nodes, m.why, m.reigns = n.nodes, n.why, n.reigns
		m.warnings = n.nodes.warnings(n.why)
	case newsOfLocks:
		if m.trouble = n.trouble; n.trouble == "" {
			m.locks, m.cycles = n.locks, n.cycles
			m.follow()
		}
	case newsOfLock:
		if n.name == m.open {
			m.opened = n.topLock
		}
	case lockstep.Event:
		if n.Kind == lockstep.EventAcquired {
			m.pace.add(now)
		}
		if n.Kind == lockstep.EventBegan {
			m.watching = true
			return false
		}
		if len(m.events) == 2*topEvents { // so that not every event moves all of them
			m.events = m.events[:copy(m.events, m.events[topEvents:])]
		}
		m.events = append(m.events, n)
	}
	return true
}

// follow keeps the choice on its lock, wherever that stands now. If it is gone, the
// one in its place is chosen.
func (m *topModel) follow() {
	rows := m.list()
	for i, l := range rows {
		if l.Name == m.selected {
			m.row = i
			return
		}
	}
	m.choose(m.row)
}

// list are the locks that can be chosen.
func (m *topModel) list() []lockstep.LockInfo {
	if m.locks == nil {
		return nil
	}
	return m.locks.rows
}

// choose takes the lock in a row, or the one that is next to there.
func (m *topModel) choose(row int) {
	rows := m.list()
	m.row, m.selected = max(0, min(row, len(rows)-1)), ""
	if len(rows) > 0 {
		m.selected = rows[m.row].Name
	}
}

// press takes a key.
func (m *topModel) press(key screen.Key) {
	switch {
	case m.help:
		m.help = false
		m.quit = key == "q"
	case m.typing:
		m.typed(key)
	case m.open != "":
		m.pressInside(key)
	default:
		m.pressOutside(key)
	}
}

// typed changes the filter.
func (m *topModel) typed(key screen.Key) {
	switch key {
	case screen.Enter:
		m.typing = false
	case screen.Escape:
		m.typing, m.filter = false, m.before
	case screen.Backspace:
		if runes := []rune(m.filter); len(runes) > 0 {
			m.filter = string(runes[:len(runes)-1])
		}
	default:
		if _, ok := key.Char(); ok && len(m.filter) < mostFilter {
			m.filter += string(key)
		}
	}
}

// mostFilter is as long as a name may be.
const mostFilter = 256

// pressInside is for the page of one lock.
func (m *topModel) pressInside(key screen.Key) {
	switch key {
	case "q":
		m.quit = true
	case "?":
		m.help = true
	case screen.Escape, screen.Left, screen.Backspace, screen.Enter:
		m.open, m.opened = "", topLock{}
	case screen.Up, "k":
		m.step(-1)
	case screen.Down, "j":
		m.step(1)
	}
}

// step opens the lock before or behind the one that is open.
func (m *topModel) step(by int) {
	if row := m.row + by; row >= 0 && row < len(m.list()) {
		m.choose(row)
		m.look()
	}
}

// look opens the lock that is chosen.
func (m *topModel) look() {
	if m.selected == "" {
		m.choose(m.row)
	}
	m.open, m.opened = m.selected, topLock{}
}

// pressOutside is for the list.
func (m *topModel) pressOutside(key screen.Key) {
	page := max(1, m.rows-1)
	switch key {
	case "q":
		m.quit = true
	case "?":
		m.help = true
	case "/":
		m.typing, m.before = true, m.filter
	case "s":
		m.order = m.order.next()
		m.choose(0)
	case screen.Escape:
		m.filter = ""
	case screen.Enter, screen.Right:
		m.look()
	case screen.Up, "k":
		m.choose(m.row - 1)
	case screen.Down, "j":
		m.choose(m.row + 1)
	case screen.PageUp:
		m.choose(m.row - page)
	case screen.PageDown, " ":
		m.choose(m.row + page)
	case screen.Home, "g":
		m.choose(0)
	case screen.End, "G":
		m.choose(len(m.list()) - 1)
	}
}
