package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lockstep"
	"lockstep/words"
)

// showLock prints all that is known of a lock.
func (p *program) showLock(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	return p.look(func(ctx context.Context) error {
		lock, err := answer(p, ctx, func(ctx context.Context) (lockstep.LockInfo, error) { return p.client.Show(ctx, name) })
		if err != nil {
			return err
		}
		return p.show(lock, showText(lock, time.Now(), p.colourful()))
	})
}

// showText is a lock for people.
func showText(l lockstep.LockInfo, now time.Time, paint bool) string {
	if l.Free() {
		return fmt.Sprintf("%q is free\n", l.Name)
	}
	var b strings.Builder
	fmt.Fprintln(&b, painted(paint, strong, state(l)))
	for _, h := range l.Holders {
		writeHolder(&b, h, l.Of, now)
	}
	if len(l.Queue) > 0 {
		fmt.Fprintf(&b, "%s, first come first served:\n", waits(l.Waiters))
		b.WriteString(queueText(l.Queue, l.Of, now, paint))
	}
	return b.String()
}

// state is the first line about a lock.
func state(l lockstep.LockInfo) string {
	name := fmt.Sprintf("%q", l.Name)
	switch {
	case l.Ownerless:
		return name + " is locked, and belongs to nobody"
	case l.Delayed && len(l.Holders) == 0:
		return name + " stays closed for a while, because its holder was lost"
	case len(l.Holders) == 0:
		return name + " is held by nobody, and waited for"
	case l.Of > 0:
		return fmt.Sprintf("%s has %s, of which %s held", name, count(l.Of, "permit", "permits"), count(permitsOut(l), "is", "are"))
	default:
		return fmt.Sprintf("%s is held, %s", name, l.Holders[0].Mode)
	}
}

func permitsOut(l lockstep.LockInfo) (out int) {
	for _, h := range l.Holders {
		out += h.Permits
	}
	return out
}

func waits(n int) string { return count(n, "waits", "wait") }

// writeHolder shows one grant.
func writeHolder(b *strings.Builder, h lockstep.HolderInfo, of int, now time.Time) {
	if h.Session != "" {
		fmt.Fprintf(b, "  by %s\n", holder(h))
	}
	line := []string{manner(h.Mode, h.Permits, of)}
	if !h.Since.IsZero() {
		line = append(line, "for "+since(h.Since, now))
	}
	line = append(line, "token "+h.Token.String())
	if h.Count > 1 {
		line = append(line, fmt.Sprintf("granted %d times", h.Count))
	}
	if h.MaxHold.Duration > 0 {
		line = append(line, "at most for "+words.Length(h.MaxHold.Duration))
	}
	if h.Session != "" {
		line = append(line, "session "+h.Session, "last heard of "+words.Length(h.Owner.Heard.Duration)+" ago")
	}
	fmt.Fprintf(b, "     %s\n", strings.Join(line, ", "))
	if more := extras(h.Info); more != "" {
		fmt.Fprintf(b, "     %s\n", more)
	}
}

// queueText is a queue with places.
func queueText(queue []lockstep.WaiterInfo, of int, now time.Time, paint bool) string {
	t := &table{paint: paint}
	for i, w := range queue {
		who := waiter(w)
		if len(w.Names) > 1 {
			who += fmt.Sprintf(" (waits for %s)", quoted(w.Names))
		}
		t.add(plain, fmt.Sprintf("  %d.", i+1), manner(w.Mode, w.Permits, of), since(w.Since, now), who)
	}
	return t.String()
}
