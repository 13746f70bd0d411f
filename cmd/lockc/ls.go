package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"lockstep"
)

// ls lists locks like a directory.
func (p *program) ls(prefix string) error {
	if err := checkPrefix(prefix); err != nil {
		return err
	}
	return p.look(func(ctx context.Context) error {
		if p.watch {
			return p.lsForEver(ctx, prefix)
		}
		found, err := p.fetch(ctx, prefix)
		if err != nil {
			return p.silence(ctx, err)
		}
		return p.show(found, lsText(found, time.Now(), p.waiters, p.colourful()))
	})
}

// fetch asks for all that is below the prefix.
func (p *program) fetch(ctx context.Context, prefix string) (*listing, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	found := newListing(prefix)
	var opts []lockstep.ListOption
	if p.waiters {
		opts = append(opts, lockstep.Queues())
	}
	for lock, err := range p.client.List(ctx, prefix, opts...) {
		if err != nil {
			return nil, err
		}
		found.add(lock)
	}
	return found, nil
}

// pause is the least time between two pictures.
const pause = 200 * time.Millisecond

// lsForEver draws the listing again whenever something has changed, until it is
// interrupted.
func (p *program) lsForEver(ctx context.Context, prefix string) error {
	changed := make(chan struct{}, 1)
	failed := make(chan error, 1)
	go func() {
		failed <- p.follow(ctx, prefix, func(lockstep.Event) error {
			note(changed)
			return nil
		})
	}()
	for {
		select {
		case err := <-failed:
			return err
		case <-changed:
		}
		switch found, err := p.fetch(ctx, prefix); {
		case outage(ctx, err):
			note(changed) // once more
		case err != nil:
			return p.silence(ctx, err)
		default:
			if err := p.redraw(found); err != nil {
				return err
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// note leaves a note, unless one is there already.
func note(changed chan<- struct{}) {
	select {
	case changed <- struct{}{}:
	default:
	}
}

// redraw clears a terminal first; elsewhere one picture follows the other.
func (p *program) redraw(found *listing) error {
	text := lsText(found, time.Now(), p.waiters, p.colourful())
	if p.colourful() {
		text = "\x1b[H\x1b[2J" + text
	} else {
		text += "\n"
	}
	return p.show(found, text)
}

// lsText is a listing for people: folders first, then locks.
func lsText(l *listing, now time.Time, queues, paint bool) string {
	if len(l.Folders) == 0 && len(l.Locks) == 0 {
		return nothingBelow(l.Prefix)
	}
	t := &table{paint: paint}
	t.add(strong, "NAME", "HOW", "HELD BY", "FOR", "WAITING")
	for _, f := range l.Folders {
		t.add(plain, f.Name, "-", count(f.Locks, "lock", "locks"), "-", strconv.Itoa(f.Waiters)).styled(0, folded)
	}
	for _, lock := range l.Locks {
		addLock(t, lock, now)
		if queues {
			addQueue(t, lock, now)
		}
	}
	return t.String()
}

func nothingBelow(prefix string) string {
	if prefix == "" {
		return "no locks are held\n"
	}
	return fmt.Sprintf("no locks are held whose names begin with %q\n", prefix)
}

// addLock adds a row for each holder.
func addLock(t *table, l lockstep.LockInfo, now time.Time) {
	waiting := strconv.Itoa(l.Waiters)
	if len(l.Holders) == 0 {
		how, why := "-", "nobody"
		if l.Delayed {
			how, why = "closed", "nobody: its holder was lost"
		}
		t.add(plain, l.Name, how, why, "-", waiting)
		return
	}
	for i, h := range l.Holders {
		name := l.Name
		if i > 0 {
			name, waiting = "", ""
		}
		t.add(plain, name, manner(h.Mode, h.Permits, l.Of), holder(h), since(h.Since, now), waiting)
	}
}

func addQueue(t *table, l lockstep.LockInfo, now time.Time) {
	for i, w := range l.Queue {
		t.add(faint, fmt.Sprintf("  %d.", i+1), manner(w.Mode, w.Permits, l.Of), waiter(w), since(w.Since, now), "")
	}
}
