package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"lockstep"
	"lockstep/cmd/internal/cli"
	"lockstep/words"
)

// How things are said to people. What comes from other machines is made safe for
// the terminal here.

// known are the keys of an info that person knows.
var known = []string{"user", "host", "pid", "command"}

// person tells who somebody is: "alice@web1, pid 7: make deploy".
func person(session, grant map[string]string) string {
	who := words.Person(session, grant)
	if who == "" {
		who = "somebody"
	}
	return shorten(cli.OneLine(who), 100)
}

// nobodysOwn is who holds an ownerless lock.
const nobodysOwn = "nobody's own (lockc lock)"

func holder(h lockstep.HolderInfo) string {
	if h.Session == "" {
		return nobodysOwn
	}
	return person(h.Owner.Info, h.Info)
}

func waiter(w lockstep.WaiterInfo) string { return person(w.Owner.Info, w.Info) }

// extras are the rest of an info: "ticket=OPS-7".
func extras(info map[string]string) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(info)) {
		if !slices.Contains(known, key) {
			all = append(all, key+"="+info[key])
		}
	}
	return cli.OneLine(strings.Join(all, " "))
}

// mostWords is how much of a command's words others are told.
const mostWords = 200

// shorten cuts text that is longer than most characters.
func shorten(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

// since is a moment as a length of time before now. The clocks of two machines may
// differ, so that it can lie ahead.
func since(moment, now time.Time) string {
	if moment.IsZero() {
		return "-"
	}
	return words.Length(now.Sub(moment))
}

// manner is how a lock is held or wanted: "2/3 permits".
func manner(mode lockstep.Mode, permits, of int) string {
	if mode != lockstep.ModePermits {
		return string(mode)
	}
	if of == 0 {
		return fmt.Sprintf("%d permits", permits)
	}
	return fmt.Sprintf("%d/%d permits", permits, of)
}

func quoted(names []string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = fmt.Sprintf("%.60q", name)
	}
	return strings.Join(all, ", ")
}

func count(n int, one, many string) string { return words.Count(n, one, many) }

// occupied says in a line why a lock cannot be had.
func occupied(l lockstep.LockInfo, now time.Time) string {
	why := words.Occupied{Name: fmt.Sprintf("%.60q", l.Name), Delayed: l.Delayed, Waiters: l.Waiters, Else: "was held just now"}
	if l.Ownerless {
		why.Ownerless = "lockc unlock"
	}
	if len(l.Holders) > 0 {
		first := l.Holders[0]
		why.Holder, why.Since, why.Others = holder(first), first.Since, len(l.Holders)-1
	}
	return why.Say(now)
}
