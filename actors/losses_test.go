package actors

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"lockstep/lock"
)

// logLines returns a log and what is in it.
func logLines(level slog.Level) (*slog.Logger, *bytes.Buffer) {
	var text bytes.Buffer
	return slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: level})), &text
}

func TestLossesAreLogged(t *testing.T) {
	log, text := logLines(slog.LevelInfo)
	l := newLosses(log, 50*time.Millisecond)
	l.happened([]lock.Event{
		{Kind: lock.LockExpired, Session: 0xab, Name: "a", Token: 5}, {Kind: lock.LockExpired, Session: 0xab, Name: "b", Token: 6},
		{Kind: lock.SessionEnded, Session: 0xab},
	})
	l.happened([]lock.Event{{Kind: lock.LockRevoked, Session: 0xcd, Name: "c", Token: 7, Reason: "it hangs"}})
	l.happened([]lock.Event{{Kind: lock.LockOverheld, Session: 0xef, Name: "d", Token: 8}})
	l.happened([]lock.Event{{Kind: lock.LockReleased, Session: 0xef, Name: "e", Token: 9}, {Kind: lock.SessionClosed, Session: 0xef}})
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	for i, want := range []string{
		"session=00000000000000ab locks=2",
		`session=00000000000000cd lock=c token=7 reason="it hangs"`,
		"session=00000000000000ef lock=d token=8",
	} {
		if i >= len(lines) || !strings.HasSuffix(lines[i], want) {
			t.Errorf("line %d is not about %s:\n%s", i, want, text)
		}
	}
	if len(lines) != 3 {
		t.Errorf("logged %s", text)
	}
}

// Ten thousand sessions may expire in one instant, and the log stays readable.
func TestFewLossesASecondAreLogged(t *testing.T) {
	log, text := logLines(slog.LevelInfo)
	l := newLosses(log, 50*time.Millisecond)
	for range maxLosses + 30 {
		l.happened([]lock.Event{{Kind: lock.SessionEnded, Session: 1}})
	}
	if n := strings.Count(text.String(), "\n"); n != maxLosses {
		t.Fatalf("%d lines, not %d", n, maxLosses)
	}
	for range 19 {
		l.tick()
	}
	if n := strings.Count(text.String(), "\n"); n != maxLosses {
		t.Fatalf("%d lines before the second was over", n)
	}
	l.tick()
	if !strings.HasSuffix(text.String(), " more=30\n") {
		t.Fatalf("the rest was not told:\n%s", text)
	}
	text.Reset()
	l.happened([]lock.Event{{Kind: lock.SessionEnded, Session: 1}})
	for range 20 {
		l.tick()
	}
	if strings.Count(text.String(), "\n") != 1 {
		t.Fatalf("in the next second:\n%s", text)
	}
}
