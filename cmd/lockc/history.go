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

// historyAt is what is known of one moment. Its JSON form is stable.
type historyAt struct {
	lockstep.History
	At   time.Time `json:"at"`
	Sure bool      `json:"sure"` // nobody else can have had the lock then
}

// history prints who had a lock, or who had it at the moment of --at.
func (p *program) history(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := checkPast(p.at, time.Now()); err != nil {
		return err
	}
	return p.look(func(ctx context.Context) error {
		h, err := answer(p, ctx, func(ctx context.Context) (lockstep.History, error) { return p.client.History(ctx, name) })
		if err != nil {
			return err
		}
		if p.at.IsZero() {
			return p.show(h, historyText(h, time.Now(), p.colourful()))
		}
		then := momentOf(h, p.at)
		return p.show(then, momentText(then, time.Now()))
	})
}

// momentOf leaves of a history what is of one moment.
func momentOf(h lockstep.History, at time.Time) historyAt {
	then := historyAt{History: h, At: at.UTC()}
	then.Tenures, then.Sure = h.At(at)
	if then.Tenures == nil {
		then.Tenures = []lockstep.Tenure{}
	}
	return then
}

// clock is a moment for people.
func clock(moment time.Time, now time.Time) string {
	if moment.IsZero() {
		return "-"
	}
	return moment.In(now.Location()).Format("2006-01-02 15:04:05")
}

// historyText is a history for people, the last tenure at the bottom.
func historyText(h lockstep.History, now time.Time, paint bool) string {
	begins := ""
	switch {
	case h.Complete && len(h.Tenures) == 0:
		return fmt.Sprintf("nobody has ever had %q\n", h.Name)
	case h.Complete:
	case h.Begins.IsZero():
		begins = "from when on this is complete is not known yet\n"
	default:
		begins = fmt.Sprintf("this is complete from %s on\n", clock(h.Begins, now))
	}
	t := &table{paint: paint}
	t.add(strong, "FROM", "FOR", "WAITED", "TOKEN", "ENDED", "WHO")
	for _, one := range h.Tenures {
		row := t.add(plain, clock(one.Granted, now), lasted(one, now), words.Length(one.Waited.Duration), one.Token.String(), how(one), tenant(one))
		switch {
		case one.Lasts():
			row.styled(4, strong)
		case one.How != lockstep.EndReleased && one.How != lockstep.EndClosed:
			row.styled(4, bad)
		}
	}
	if len(h.Tenures) == 0 {
		return fmt.Sprintf("nobody who is remembered had %q; %s", h.Name, begins)
	}
	return t.String() + begins
}

// lasted is how long a tenure was, or has been so far.
func lasted(t lockstep.Tenure, now time.Time) string {
	until := t.Ended
	if t.Lasts() {
		until = now
	}
	if t.Granted.IsZero() || until.IsZero() {
		return "-"
	}
	return words.Length(until.Sub(t.Granted))
}

// how is the end of a tenure in a word.
func how(t lockstep.Tenure) string {
	if t.Lasts() {
		return "has it"
	}
	return string(t.How)
}

// tenant tells who had a lock, how if not exclusively, and who took it away.
func tenant(t lockstep.Tenure) string {
	who := nobodysOwn
	if t.Session != "" {
		who = person(t.Owner, t.Info)
	}
	if t.Mode != lockstep.ModeExclusive {
		who += ", " + manner(t.Mode, t.Permits, t.Of)
	}
	switch {
	case t.How == lockstep.EndRevoked:
		who += fmt.Sprintf("; taken away by %s: %s", person(t.ByOwner, nil), shorten(cli.OneLine(t.Reason), 100))
	case t.By != "":
		who += "; unlocked by " + person(t.ByOwner, nil)
	}
	return who
}

// momentText says who had a lock at a moment, and what is not known of that.
func momentText(h historyAt, now time.Time) string {
	at, name := clock(h.At, now), fmt.Sprintf("%q", h.Name)
	var b strings.Builder
	switch {
	case len(h.Tenures) > 0:
		fmt.Fprintf(&b, "at %s %s was held\n", at, name)
	case h.Sure:
		fmt.Fprintf(&b, "at %s nobody had %s\n", at, name)
	default:
		fmt.Fprintf(&b, "who had %s at %s is not known\n", name, at)
	}
	for _, t := range h.Tenures {
		fmt.Fprintf(&b, "  by %s\n     %s\n", tenant(t), strings.Join(spell(t, now), ", "))
		if more := extras(t.Info); more != "" {
			fmt.Fprintf(&b, "     %s\n", more)
		}
	}
	if !h.Sure {
		b.WriteString(unsure(h, now))
	}
	return b.String()
}

// spell says when a tenure was.
func spell(t lockstep.Tenure, now time.Time) []string {
	facts := []string{"from " + clock(t.Granted, now)}
	if t.Lasts() {
		facts = append(facts, "and still: for "+lasted(t, now))
	} else {
		facts = append(facts, fmt.Sprintf("%s at %s, after %s", t.How, clock(t.Ended, now), lasted(t, now)))
	}
	facts = append(facts, "token "+t.Token.String())
	if t.Session != "" {
		facts = append(facts, "session "+t.Session)
	}
	return facts
}

func unsure(h historyAt, now time.Time) string {
	others := ""
	if len(h.Tenures) > 0 {
		others = "others may have had it too: "
	}
	if h.Begins.IsZero() {
		return others + "when the record of it begins is not known yet\n"
	}
	return fmt.Sprintf("%sthe record of it begins at %s\n", others, clock(h.Begins, now))
}

// The forms of --at: a time of day, and a moment.
var (
	daytimes = []string{"15:04", "15:04:05"}
	moments  = []string{
		"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05",
		"2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z07:00",
	}
)

// parseMoment reads a moment, which is zero if none is named. Without a day it is of
// now's, without a zone in now's.
func parseMoment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago <= 0 {
		return now.Add(ago), nil
	}
	for _, form := range daytimes {
		if t, err := time.Parse(form, text); err == nil {
			return time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), now.Location()), nil
		}
	}
	for _, form := range moments {
		if t, err := time.ParseInLocation(form, text, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("want a time of today such as 14:05, a moment such as 2026-11-22T14:05Z, or a time ago such as -10m")
}

// checkPast refuses a moment of which nobody can know anything.
func checkPast(at, now time.Time) error {
	if at.After(now) {
		return cli.Misuse("-at %s is still to come; another day is named like this: %s",
			clock(at, now), at.In(now.Location()).AddDate(0, 0, -1).Format("2006-01-02T15:04"))
	}
	return nil
}
