package main

import (
	"fmt"
	"time"
)

// progress is the line that is shown once a second.
func (l *load) progress() string {
	fresh := l.recorder.collect(&l.total)
	all := fresh.all()
	at := l.now() - time.Duration(l.recorder.open.Load())
	return fmt.Sprintf("%4.0fs  %9s ops/s  p99 %8s  errors %d  longest wait now %s",
		at.Seconds(), thousands(float64(all.yes+all.no)), span(micros(all.took.ValueAtQuantile(99))),
		all.failures, span(micros(int64(l.longestWaitNow()))))
}

// micros turns nanoseconds into microseconds.
func micros(ns int64) float64 { return float64(ns) / 1000 }

// span writes microseconds in the unit in which people would say it.
func span(us float64) string {
	switch {
	case us < 1000:
		return fmt.Sprintf("%.1f µs", us)
	case us < 1e6:
		return fmt.Sprintf("%.2f ms", us/1000)
	default:
		return fmt.Sprintf("%.2f s", us/1e6)
	}
}

// thousands writes a number with a comma between groups of three digits.
func thousands(f float64) string {
	digits := fmt.Sprintf("%.0f", f)
	out := ""
	for len(digits) > 3 {
		out = "," + digits[len(digits)-3:] + out
		digits = digits[:len(digits)-3]
	}
	return digits + out
}
