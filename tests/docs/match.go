package docs

import (
	"regexp"
	"strings"
)

// anything stands for what differs from one time to the next.
const anything = "…"

// Match reports whether a page describes what was printed. If it does not, missing
// is the first of its lines that was not found where it should be, from 0, or how
// many there are if more was printed.
func Match(page, printed []string) (missing int, ok bool) {
	page, printed = trimEnd(page), trimEnd(printed)
	// reached has a true for each number of printed lines that the page's lines up
	// to here may stand for.
	reached := make([]bool, len(printed)+1)
	reached[0] = true
	for i, line := range page {
		next := make([]bool, len(printed)+1)
		any := false
		for n := range reached {
			switch {
			case line == anything:
				next[n] = reached[n] || n > 0 && next[n-1]
			case n > 0:
				next[n] = reached[n-1] && matchLine(line, printed[n-1])
			}
			any = any || next[n]
		}
		if !any {
			return i, false
		}
		reached = next
	}
	return len(page), reached[len(printed)]
}

// Begins reports whether a page describes how something begins.
func Begins(page, printed []string) (missing int, ok bool) {
	return Match(append(page[:len(page):len(page)], anything), printed)
}

var (
	blanks = regexp.MustCompile(`[ \t]+`)
	commas = regexp.MustCompile(`, (["{\[])`)
)

// squeeze makes several blanks one: a table's columns are as wide as what is in them.
// Behind the commas of JSON there are none: protobuf's has some in one build and none
// in the next, so that nobody relies on it.
func squeeze(line string) string {
	line = blanks.ReplaceAllString(strings.TrimRight(line, " \t\r"), " ")
	return commas.ReplaceAllString(line, ",$1")
}

func matchLine(page, printed string) bool {
	parts := strings.Split(squeeze(page), anything)
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	whole := regexp.MustCompile(`\A` + strings.Join(parts, ".*") + `\z`)
	return whole.MatchString(squeeze(printed))
}
