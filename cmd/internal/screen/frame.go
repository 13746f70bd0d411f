package screen

import "strings"

// The words of terminals. Those that do not know one ignore it.
const (
	enter = "\x1b[?1049h" + // another page, with the old one behind it
		"\x1b[?7l" + // what is too long is cut off and does not go on in the next line
		"\x1b[?25l" // no cursor
	leave = "\x1b[?25h\x1b[?7h\x1b[?1049l"

	beginFrame = "\x1b[?2026h\x1b[H" // shown as a whole when it is there
	endLine    = "\x1b[K\r\n"        // what was there before is gone
	endFrame   = "\x1b[K\x1b[J\x1b[?2026l"
)

// frame is a page as it is written: no larger than the terminal, and over what was
// there before, so that nothing flickers.
func frame(lines []string, columns, rows int) string {
	lines = lines[:min(len(lines), rows)]
	var b strings.Builder
	b.WriteString(beginFrame)
	for i, line := range lines {
		if i > 0 {
			b.WriteString(endLine)
		}
		b.WriteString(Clip(line, columns))
	}
	b.WriteString(endFrame)
	return b.String()
}
