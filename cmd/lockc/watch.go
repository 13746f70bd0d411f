package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
	"lockstep/words"
)

// watchLocks prints what happens, a line each, until control-C.
func (p *program) watchLocks(prefix string) error {
	if err := checkPrefix(prefix); err != nil {
		return err
	}
	return p.look(func(ctx context.Context) error {
		return p.follow(ctx, prefix, func(e lockstep.Event) error { return p.show(e, eventText(e, time.Local)) })
	})
}

// eventText is an event for people.
func eventText(e lockstep.Event, zone *time.Location) string {
	at := strings.Repeat("-", 12)
	if !e.At.IsZero() {
		at = e.At.In(zone).Format("15:04:05.000")
	}
	line := []string{at, fmt.Sprintf("%-14s", strings.ReplaceAll(string(e.Kind), "_", " "))}
	add := func(what, text string) {
		if text != "" {
			line = append(line, what+text)
		}
	}
	if e.Name != "" {
		add("", shellWord(e.Name))
	}
	if e.Mode != lockstep.ModeExclusive {
		add("", string(e.Mode))
	}
	if e.Token != 0 {
		add("token ", e.Token.String())
	}
	add("session ", e.Session)
	if e.Span.Duration > 0 {
		add(spanWord(e.Kind), words.Length(e.Span.Duration))
	}
	add("reason: ", cli.OneLine(e.Reason))
	return strings.TrimRight(strings.Join(line, "  "), " ") + "\n"
}

func spanWord(kind lockstep.EventKind) string {
	switch kind {
	case lockstep.EventSessionOpened:
		return "TTL "
	case lockstep.EventAcquired:
		return "at most for "
	default:
		return "closed for "
	}
}
