package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep"
	"lockstep/words"
)

// few is how many of a kind an explanation shows: it has to fit on a screen.
const few = 5

// explainText is an explanation for people.
func explainText(e explanation, now time.Time, paint bool) string {
	if e.Free {
		return fmt.Sprintf("%q is free: lockc run takes it\n", e.Name)
	}
	var b strings.Builder
	fmt.Fprintln(&b, painted(paint, strong, state(e.Lock)))
	for _, h := range e.Lock.Holders[:min(few, len(e.Lock.Holders))] {
		writeHolder(&b, h, e.Lock.Of, now)
		if e.Session != "" && h.Session == e.Session {
			b.WriteString("     (that is you)\n")
		}
	}
	writeMore(&b, len(e.Lock.Holders))
	e.writeAhead(&b, now, paint)
	e.writeMine(&b)
	e.writeWays(&b)
	for _, cycle := range e.Deadlocks {
		fmt.Fprintln(&b, painted(paint, bad, verdict(cycle)))
		b.WriteString(cycleText(cycle))
	}
	if len(e.Lock.Holders) > 0 && !e.Lock.Ownerless {
		fmt.Fprintf(&b, "By force: lockc release --force --reason WHY -- %s\n", shellWord(e.Name))
	}
	return b.String()
}

func writeMore(b *strings.Builder, n int) {
	if n > few {
		fmt.Fprintf(b, "  … and %d more: lockc show lists all\n", n-few)
	}
}

// writeAhead shows the queue up to the one who asks.
func (e *explanation) writeAhead(b *strings.Builder, now time.Time, paint bool) {
	n := len(e.Ahead)
	switch {
	case e.Place == 1:
		b.WriteString("You are the next.\n")
	case e.Place > 1:
		fmt.Fprintf(b, "You are number %d in the queue, behind:\n", e.Place)
	case n == 0 && e.FreeShared:
		b.WriteString("Nobody waits for it: whoever shares it can have it at once.\n")
	case n == 0 && e.FreePermits > 0:
		fmt.Fprintf(b, "Nobody waits for it: %s can be had at once.\n", count(e.FreePermits, "permit", "permits"))
	case n == 0:
		b.WriteString("Nobody waits for it: whoever asks now is the next.\n")
	default:
		fmt.Fprintf(b, "%s already; whoever asks now is served after:\n", waits(n))
	}
	b.WriteString(queueText(e.Ahead[:min(few, n)], e.Lock.Of, now, paint))
	writeMore(b, n)
}

// writeMine shows whom the one who asks keeps waiting.
func (e *explanation) writeMine(b *strings.Builder) {
	if len(e.Mine) == 0 {
		return
	}
	b.WriteString("You hold what others wait for:\n")
	for _, l := range e.Mine[:min(few, len(e.Mine))] {
		fmt.Fprintf(b, "  %.60q: %s", l.Name, waits(l.Waiters))
		if len(l.Queue) > 0 {
			fmt.Fprintf(b, ", first %s", waiter(l.Queue[0]))
		}
		b.WriteByte('\n')
	}
	writeMore(b, len(e.Mine))
}

// writeWays shows what will free the lock.
func (e *explanation) writeWays(b *strings.Builder) {
	switch {
	case e.FreeShared:
		b.WriteString("For one who wants it alone it is freed\n")
	case e.FreePermits > 0:
		b.WriteString("The rest is freed\n")
	default:
		b.WriteString("It is freed\n")
	}
	for _, w := range e.Frees[:min(2*few, len(e.Frees))] {
		fmt.Fprintf(b, "  %s\n", w.text(len(e.Lock.Holders) > 1))
	}
}

func (w way) text(several bool) string {
	who := "the holder"
	if several {
		who = "session " + w.Session
	}
	switch w.By {
	case byRelease:
		return "when " + who + " releases it"
	case byExpiry:
		return fmt.Sprintf("within %s if %s is not heard of any more", words.Length(w.Within.Duration), who)
	case byMaxHold:
		return fmt.Sprintf("within %s in any case: %s may hold it for no longer", words.Length(w.Within.Duration), who)
	case byLockDelay:
		return "by itself, when its lock-delay is over"
	case byUnlock:
		return "by lockc unlock, which anybody may do; it never expires"
	default:
		return "when those ahead have had it"
	}
}

// possible reports whether a cycle may be none: somebody in it has not said that
// it keeps what it holds.
func possible(cycle lockstep.Cycle) bool {
	return slices.ContainsFunc(cycle, func(s lockstep.CycleStep) bool { return s.Possible })
}

func verdict(cycle lockstep.Cycle) string {
	if possible(cycle) {
		return "Perhaps never: this is a deadlock if nobody lets go while it waits."
	}
	return "Never by itself: this is a deadlock."
}

// cycleText spells a deadlock out, a line for each who waits. What a step keeps
// busy it need not hold itself: its wait may be one of a run inside the run that
// does, or stand ahead of others in the queue.
func cycleText(cycle lockstep.Cycle) string {
	var b strings.Builder
	for i, step := range cycle {
		behind := "session " + cycle[(i+1)%len(cycle)].Session
		if len(cycle) == 1 {
			behind = "itself"
		}
		fmt.Fprintf(&b, "  session %s (%s) waits for %.60q behind %s, and keeps %.60q busy\n",
			step.Session, person(step.Info, nil), step.Waits, behind, step.Holds)
	}
	return b.String()
}

// shellWord is text as it can be typed into a shell.
func shellWord(text string) string {
	harmless := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/._:@%+-", r)
	}
	if strings.IndexFunc(text, func(r rune) bool { return !harmless(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
