package cli

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"regexp"
	"sync"
	"testing"
)

func TestLogForPeople(t *testing.T) {
	var out bytes.Buffer
	log := NewLog(&out, false, slog.LevelInfo).With("node", "a:1")
	log.Debug("not this")
	log.Info("up", "view", 3, "why", "two words")
	log.WithGroup("peer").Warn("odd\n\x1b[31m", "time", "later")
	want := regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3} INFO  up  node=a:1 view=3 why="two words"
\d\d:\d\d:\d\d\.\d{3} WARN  odd  \[31m  node=a:1 peer\.time=later
$`)
	if !want.MatchString(out.String()) {
		t.Errorf("got:\n%s", &out)
	}
}

func TestLogForMachines(t *testing.T) {
	var out bytes.Buffer
	NewLog(&out, true, slog.LevelWarn).Info("not this")
	NewLog(&out, true, slog.LevelWarn).Warn("this", "view", 3)
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line["msg"] != "this" || line["level"] != "WARN" || line["view"] != 3.0 {
		t.Errorf("got %s: %v", &out, err)
	}
}

// TestLogLinesStayWhole: both nodes of a process log to one place.
func TestLogLinesStayWhole(t *testing.T) {
	var out bytes.Buffer
	log := NewLog(&out, false, slog.LevelInfo)
	var all sync.WaitGroup
	for i := range 8 {
		mine := log.With("node", i)
		all.Go(func() {
			for range 50 {
				mine.Info("line", "of", i)
			}
		})
	}
	all.Wait()
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	whole := regexp.MustCompile(`^\S+ INFO  line  node=(\d) of=(\d)$`)
	for _, line := range lines {
		if m := whole.FindSubmatch(line); m == nil || !bytes.Equal(m[1], m[2]) {
			t.Fatalf("a torn line: %q", line)
		}
	}
	if len(lines) != 400 {
		t.Errorf("%d lines, want 400", len(lines))
	}
}
