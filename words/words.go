// Package words is how things are said to people, wherever that is: in a
// terminal, in an answer of the API, in a warning.
package words

import (
	"fmt"
	"time"
)

// Length is a length of time, in two units at most.
func Length(d time.Duration) string {
	switch d = max(0, d); {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	}
}

// Ago is a length of time before now; a negative one is that there was nothing.
func Ago(d time.Duration) string {
	if d < 0 {
		return "never"
	}
	return Length(d) + " ago"
}
