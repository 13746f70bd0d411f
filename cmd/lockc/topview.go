package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
	"lockstep/cmd/internal/screen"
	"lockstep/words"
)

// How top looks. A page is lines with colours in them; what is too long or too many
// is cut off here as far as it matters what, and by the screen else.

// canvas is what a page is drawn for.
type canvas struct {
	columns, rows int // rows count for what has pages
	paint         bool
	now           time.Time
}

func (c canvas) painted(s style, text string) string { return painted(c.paint, s, text) }

// page is what is shown now.
func (m *topModel) page(c canvas) []string {
	switch {
	case m.help:
		return fit(c.rows, []string{m.headline(c)}, helpLines(c), c.painted(faint, "any key goes back"))
	case m.open != "":
		return fit(c.rows, []string{m.headline(c)}, m.lockLines(c), c.painted(faint, "q quit   esc back   ↑↓ the next lock   ? help"))
	default:
		return m.overview(c)
	}
}

// fit leaves lines out of the body, so that head and foot are seen.
func fit(rows int, head, body []string, foot string) []string {
	room := max(0, rows-len(head)-1)
	if len(body) > room {
		body = body[:room]
	}
	for len(body) < room {
		body = append(body, "")
	}
	return append(append(slices.Clone(head), body...), foot)
}

// overview is the page with everything. The locks get what the others leave of it:
// those have half of it at most, and the events a third of the rest.
func (m *topModel) overview(c canvas) []string {
	head := append([]string{m.headline(c)}, m.nodeLines(c)...)
	if most := max(2, c.rows/2); len(head) > most {
		head = append(head[:most-1], c.painted(faint, "…"))
	}
	head = append(head, "")
	room := max(0, c.rows-len(head)-1)
	events := m.eventLines(c, room/3)
	room -= len(events)
	locks := m.lockList(c, room)
	for len(locks) < room {
		locks = append(locks, "")
	}
	lines := append(append(head, locks...), events...)
	return append(lines[:min(len(lines), max(0, c.rows-1))], m.foot(c))
}

// once is all of it without a page around it, for a file or a pipe.
func (m *topModel) once(c canvas) []string {
	m.selected = "" // nobody chooses here
	lines := append([]string{m.headline(c)}, m.nodeLines(c)...)
	lines = append(lines, "")
	if m.locks == nil {
		return append(lines, c.painted(bad, "the locks: "+cli.OneLine(m.trouble)))
	}
	return append(lines, m.lockList(c, onceRows+2)...)
}

// onceRows is how many locks a picture has that nobody can move in.
const onceRows = 20

// headline says in a line how things are.
func (m *topModel) headline(c canvas) string {
	var facts []string
	say := func(s style, format string, args ...any) {
		facts = append(facts, c.painted(s, cli.OneLine(fmt.Sprintf(format, args...))))
	}
	switch {
	case m.nodes == nil:
		say(plain, "asking the nodes")
	case !slices.ContainsFunc(m.nodes.nodes, answered):
		say(bad, "no node answers")
	case m.nodes.primary == nil:
		say(bad, "no primary")
	default:
		say(plain, "%s is the primary, in view %d", m.nodes.name(*m.nodes.primary), m.nodes.primary.View)
		switch {
		case !m.nodes.safe(m.warnings):
			say(bad, "not safe")
		case m.nodes.pair():
			say(plain, "either node may fail, but not the network between them")
		default:
			say(plain, "safe: any one node may fail")
		}
	}
	if m.trouble != "" {
		say(bad, "%s", m.trouble)
	} else if m.watching {
		say(plain, "%.1f grants a second", m.pace.perSecond(c.now))
	}
	return c.painted(strong, "lockstep") + "  " + c.now.Format("15:04:05") + "  " + strings.Join(facts, ", ")
}

// nodeLines are the nodes, what is not safe, who reigned, and who waits for ever.
func (m *topModel) nodeLines(c canvas) []string {
	if m.nodes == nil {
		return nil
	}
	t := &table{paint: c.paint}
	if m.nodes.pair() {
		pairRows(t, m.nodes, m.why)
	} else {
		clusterRows(t, m.nodes, m.why)
	}
	lines := splitLines(t.String())
	for _, w := range m.warnings {
		for i, text := range screen.Wrap("warning: "+cli.OneLine(w.Text), c.columns, "  ") {
			if rest, ok := strings.CutPrefix(text, "warning:"); ok && i == 0 {
				text = c.painted(bad, "warning:") + rest
			}
			lines = append(lines, text)
		}
	}
	if reigns := m.reignLine(c); reigns != "" {
		lines = append(lines, reigns)
	}
	return append(lines, m.cycleLines(c)...)
}

// reignLine is the timeline of failovers, as far back as there is room.
func (m *topModel) reignLine(c canvas) string {
	const title = "reigns  "
	line, room := "", c.columns-len(title)
	for i := len(m.reigns) - 1; i >= 0; i-- {
		one := reignText(m.reigns[i], c)
		if line != "" {
			one += "  →  " + line
		}
		more := ""
		if i > 0 {
			more = "…  →  "
		}
		if line != "" && screen.Columns(more+one) > room {
			return title + "…  →  " + line
		}
		line = one
	}
	if line == "" {
		return ""
	}
	return title + line
}

// reignText is one reign: who, since when, and why it began.
func reignText(r lockstep.Reign, c canvas) string {
	began := r.Began.In(c.now.Location())
	at := began.Format("15:04:05")
	if c.now.Sub(began) > 18*time.Hour {
		at = began.Format("2006-01-02 15:04")
	}
	text := cli.OneLine(r.Node) + " " + at
	without := ""
	if r.Idle.Duration > 0 {
		without = ", nobody served for " + words.Length(r.Idle.Duration)
	}
	switch r.Why {
	case lockstep.WhyStarted:
		return text + " (began)"
	case lockstep.WhyHandedOver:
		return text + " (handed over" + without + ")"
	case lockstep.WhySuspected:
		return text + c.painted(bad, " (the one before fell silent"+without+")")
	case lockstep.WhyWentOn:
		return text + " (went on" + without + ")"
	default:
		return text + " or before"
	}
}

// fewCycles is how many deadlocks the page has room for.
const fewCycles = 3

// cycleLines are the deadlocks.
func (m *topModel) cycleLines(c canvas) (lines []string) {
	for i, cycle := range m.cycles {
		if i == fewCycles {
			return append(lines, c.painted(bad, fmt.Sprintf("… and %d more: lockc deadlocks", len(m.cycles)-i)))
		}
		what := "deadlock: "
		if possible(cycle) {
			what = "possible deadlock: "
		}
		var steps []string
		for _, step := range cycle {
			steps = append(steps, fmt.Sprintf("%s keeps %.60q busy and waits for %.60q", person(step.Info, nil), step.Holds, step.Waits))
		}
		for _, line := range screen.Wrap(what+strings.Join(steps, "; "), c.columns, "  ") {
			lines = append(lines, c.painted(bad, line))
		}
	}
	return lines
}

// stuck are the locks of deadlocks.
func (m *topModel) stuck() map[string]bool {
	names := map[string]bool{}
	for _, cycle := range m.cycles {
		for _, step := range cycle {
			names[step.Holds], names[step.Waits] = true, true
		}
	}
	return names
}

// lockList is the list of locks with its title, in so many lines at most.
func (m *topModel) lockList(c canvas, most int) []string {
	if m.locks == nil || most < 3 {
		m.rows = 0
		return nil
	}
	m.rows = most - 2
	rows := m.locks.rows
	from := max(0, min(m.row-m.rows/2, len(rows)-m.rows))
	shown := rows[from:min(len(rows), from+m.rows)]
	t, stuck := &table{paint: c.paint}, m.stuck()
	t.add(strong, "  NAME", "HOW", "HELD BY", "FOR", "WAITING")
	for _, l := range shown {
		mark := "  "
		if l.Name == m.selected {
			mark = "▸ "
		}
		row := t.add(plain, mark+shorten(cli.OneLine(l.Name), c.nameColumns()), manners(l), holders(l), since(heldSince(l), c.now), strconv.Itoa(l.Waiters))
		if stuck[l.Name] {
			row.styled(0, bad)
		}
	}
	lines := append([]string{m.lockTitle(c)}, splitLines(t.String())...)
	if chosen := m.row - from; c.paint && len(shown) > 0 && chosen >= 0 && chosen < len(shown) && shown[chosen].Name == m.selected {
		lines[2+chosen] = c.painted(chosenStyle, screen.Bare(lines[2+chosen]))
	}
	return lines
}

// chosenStyle is that of the lock that is chosen.
const chosenStyle style = "7"

// nameColumns is how much of a name is shown: what there is to say of a lock has to
// have room beside it.
func (c canvas) nameColumns() int { return max(12, c.columns*2/5) }

// lockTitle says what the list is of.
func (m *topModel) lockTitle(c canvas) string {
	l := m.locks
	text := fmt.Sprintf("%s held, %s, %s", count(l.held, "lock", "locks"), waits(l.waits), orders[l.order])
	if l.closed > 0 {
		text += fmt.Sprintf(", %d closed for a while", l.closed)
	}
	if m.prefix != "" {
		text += fmt.Sprintf(", below %.60q", m.prefix)
	}
	if l.filter != "" {
		text += fmt.Sprintf(", %d with %.60q in it", l.matching, l.filter)
	}
	if len(l.rows) < l.matching {
		text += fmt.Sprintf(", the first %d", len(l.rows))
	}
	return c.painted(strong, text)
}

// manners is how a lock is held, as a whole.
func manners(l lockstep.LockInfo) string {
	switch {
	case l.Delayed && len(l.Holders) == 0:
		return "closed"
	case len(l.Holders) == 0:
		return "-"
	case l.Of > 0:
		return fmt.Sprintf("%d/%d permits", permitsOut(l), l.Of)
	default:
		return string(l.Holders[0].Mode)
	}
}

// holders is who holds a lock, in a line.
func holders(l lockstep.LockInfo) string {
	switch {
	case l.Delayed && len(l.Holders) == 0:
		return "nobody: its holder was lost"
	case len(l.Holders) == 0:
		return "nobody"
	}
	who := holder(l.Holders[0])
	if n := len(l.Holders) - 1; n > 0 {
		who += ", and " + count(n, "other", "others")
	}
	return who
}

// eventLines are the last events, under a line of their own.
func (m *topModel) eventLines(c canvas, most int) []string {
	if most < 2 {
		return nil
	}
	last := m.events[max(0, len(m.events)-(most-1)):]
	lines := []string{c.painted(strong, "what happens")}
	for _, e := range last {
		lines = append(lines, m.eventLine(e, c))
	}
	for len(lines) < most {
		lines = append(lines, "")
	}
	return lines
}

func (m *topModel) eventLine(e lockstep.Event, c canvas) string {
	if e.Kind == lockstep.EventMissed {
		return c.painted(faint, "more has happened than can be told")
	}
	at := "--------"
	if !e.At.IsZero() {
		at = e.At.In(c.now.Location()).Format("15:04:05")
	}
	who := e.Session
	if m.locks != nil && m.locks.people[who] != "" {
		who = m.locks.people[who]
	}
	facts := []string{at, fmt.Sprintf("%-14s", strings.ReplaceAll(string(e.Kind), "_", " "))}
	for _, text := range []string{shorten(cli.OneLine(e.Name), c.nameColumns()), who, cli.OneLine(e.Reason)} {
		if text != "" {
			facts = append(facts, text)
		}
	}
	line := strings.Join(facts, "  ")
	switch e.Kind {
	case lockstep.EventExpired, lockstep.EventRevoked, lockstep.EventOverheld, lockstep.EventSessionEnded:
		return c.painted(bad, line)
	default:
		return line
	}
}

// foot says what can be done, or what is being typed.
func (m *topModel) foot(c canvas) string {
	if m.typing {
		return "filter: " + cli.OneLine(m.filter) + "_"
	}
	return c.painted(faint, "q quit   ↑↓ choose   enter look   / filter   s sort   ? help")
}

// lockLines are the page of one lock: what is known of it, and who had it.
func (m *topModel) lockLines(c canvas) []string {
	switch one := m.opened; {
	case one.trouble != "":
		return []string{"", c.painted(bad, cli.OneLine(one.trouble))}
	case !one.known:
		return []string{"", fmt.Sprintf("asking for %.60q", m.open)}
	default:
		lock := splitLines(showText(one.lock, c.now, c.paint))
		history := splitLines(historyText(one.history, c.now, c.paint))
		room := max(4, c.rows-2)
		// The last who had it stand at the end, and are what most ask for.
		if most := max(room/2, room-len(history)-2); len(lock) > most {
			lock = append(lock[:most-1], c.painted(faint, "…"))
		}
		if most := max(2, room-len(lock)-2); len(history) > most {
			history = append(history[:1:1], history[len(history)-most+1:]...)
		}
		return slices.Concat([]string{""}, lock, []string{""}, history)
	}
}

// helpLines say what the keys do, and what is seen.
func helpLines(c canvas) []string {
	t := &table{paint: c.paint}
	for _, line := range [][2]string{
		{"↑ ↓, k j", "choose a lock"}, {"page up, page down, home, end", "the same, faster"},
		{"enter", "look at the lock that is chosen: holders, queue, history"}, {"esc", "go back; in the list, show all again"},
		{"/", "show only those with a text in their name, or in that of who holds them"},
		{"s", "sort: most awaited first, longest held first, by name"}, {"q", "quit"},
	} {
		t.add(plain, line[0], line[1]).styled(0, strong)
	}
	lines := append([]string{""}, splitLines(t.String())...)
	for _, text := range []string{
		"", "The nodes are those of lockc status, with what is not safe below them; the reigns say who was the primary since when, and for how long nobody served before. Locks in red are part of a deadlock.",
		"", "Nothing can be changed here: lockc release --force takes a lock away, lockc switchover makes another node the primary.",
	} {
		lines = append(lines, screen.Wrap(text, c.columns, "")...)
	}
	return lines
}

// splitLines is text as lines, without the end of the last one.
func splitLines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }
