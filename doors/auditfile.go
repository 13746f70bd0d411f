package doors

import (
	"log/slog"
	"os"
	"sync"
)

// AuditFile is where a Journal writes to: lines are added at its end, and it can
// be moved away while it is written to.
type AuditFile struct {
	name string
	log  *slog.Logger

	mu     sync.Mutex
	file   *os.File
	failed bool // the last line could not be written
}

// OpenAudit opens a file, which it makes if need be, for its owner only. A log is
// told if it cannot be written any more: nobody is kept waiting for that.
func OpenAudit(name string, log *slog.Logger) (*AuditFile, error) {
	a := &AuditFile{name: name, log: log}
	var err error
	a.file, err = a.open()
	return a, err
}

func (a *AuditFile) open() (*os.File, error) {
	return os.OpenFile(a.name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}

// Reopen goes on in a new file if the old one was moved away.
func (a *AuditFile) Reopen() {
	file, err := a.open()
	if err != nil {
		a.log.Error("the audit log cannot be opened again: it goes on where it was", "reason", err.Error())
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = a.file.Close() // each line was written at once
	a.file = file
}

// Write adds a line.
func (a *AuditFile) Write(line []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, err := a.file.Write(line)
	if err != nil && !a.failed {
		a.log.Error("the audit log cannot be written", "reason", err.Error())
	}
	a.failed = err != nil
	return n, err
}
