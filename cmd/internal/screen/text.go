package screen

import (
	"strings"
	"unicode/utf8"
)

// reset ends all colours.
const reset = "\x1b[0m"

// Clip cuts a line to a number of columns. Colours take none, and end with it.
func Clip(line string, columns int) string {
	if utf8.RuneCountInString(line) <= columns {
		return line
	}
	used, coloured := 0, false
	for i := 0; i < len(line); {
		if n := colour(line[i:]); n > 0 {
			coloured = line[i:i+n] != reset
			i += n
			continue
		}
		if used == columns {
			if coloured {
				return line[:i] + reset
			}
			return line[:i]
		}
		_, size := utf8.DecodeRuneInString(line[i:])
		used++
		i += size
	}
	return line
}

// Bare is a line without its colours.
func Bare(line string) string {
	var b strings.Builder
	for len(line) > 0 {
		n := colour(line)
		if n == 0 {
			_, n = utf8.DecodeRuneInString(line)
			b.WriteString(line[:n])
		}
		line = line[n:]
	}
	return b.String()
}

// colour is how many bytes at the beginning of a text set a colour.
func colour(text string) int {
	rest, ok := strings.CutPrefix(text, "\x1b[")
	if !ok {
		return 0
	}
	end := strings.IndexByte(rest, 'm')
	if end < 0 || strings.Trim(rest[:end], "0123456789;") != "" {
		return 0
	}
	return len("\x1b[") + end + 1
}

// Columns is how wide a line is.
func Columns(line string) int { return utf8.RuneCountInString(Bare(line)) }

// Wrap breaks a text without colours between its words, so that no line has more
// columns. All lines but the first begin with a margin.
func Wrap(text string, columns int, margin string) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case Columns(line)+1+Columns(word) <= columns:
			line += " " + word
		default:
			lines = append(lines, line)
			line = margin + word
		}
	}
	return append(lines, line)
}
