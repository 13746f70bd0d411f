package doors

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheAuditLogCanBeMovedAway: what was written stays there, and what comes goes
// into a new file, which nobody else may read.
func TestTheAuditLogCanBeMovedAway(t *testing.T) {
	var said bytes.Buffer
	name := filepath.Join(t.TempDir(), "audit")
	if err := os.WriteFile(name, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := OpenAudit(name, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	a.Write([]byte("one\n"))
	if err := os.Rename(name, name+".1"); err != nil {
		t.Fatal(err)
	}
	a.Write([]byte("two\n"))
	a.Reopen()
	a.Write([]byte("three\n"))
	for file, want := range map[string]string{name + ".1": "before\none\ntwo\n", name: "three\n"} {
		if text, err := os.ReadFile(file); err != nil || string(text) != want {
			t.Errorf("%s has %q, %v", file, text, err)
		}
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := os.Rename(name, name+".2"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(name, 0o700); err != nil {
		t.Fatal(err)
	}
	a.Reopen()
	a.Write([]byte("four\n"))
	if text, _ := os.ReadFile(name + ".2"); string(text) != "three\nfour\n" || !strings.Contains(said.String(), "it goes on where it was") {
		t.Errorf("it has %q, said %s", text, &said)
	}
}

// TestAnAuditLogThatFailsIsSpokenOf once, until it works again.
func TestAnAuditLogThatFailsIsSpokenOf(t *testing.T) {
	var said bytes.Buffer
	a, err := OpenAudit(filepath.Join(t.TempDir(), "audit"), slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	a.file.Close()
	for range 3 {
		a.Write([]byte("x\n"))
	}
	if strings.Count(said.String(), "cannot be written") != 1 {
		t.Errorf("said %s", &said)
	}
	a.file, _ = a.open()
	a.Write([]byte("x\n"))
	a.file.Close()
	a.Write([]byte("x\n"))
	if strings.Count(said.String(), "cannot be written") != 2 {
		t.Errorf("said %s", &said)
	}
}
