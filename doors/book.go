package doors

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"lockstep/doors/access"
)

// Book has the policy, mostly in a file. Whoever has opened it has it look whether that
// has changed, again and again, so that a rule that was added and a token that was removed
// need no restart. Who comes never waits for a disk.
type Book struct {
	file    string
	log     *slog.Logger
	journal *Journal // of changes; nil: of none
	current atomic.Pointer[access.Policy]

	mu   sync.Mutex
	seen stamp  // of the file that was read last, well or not
	said string // what was wrong the last time
}

type stamp struct {
	size, changed int64
}

// OpenBook reads a file.
func OpenBook(file string, log *slog.Logger) (*Book, error) {
	b := &Book{file: file, log: log, seen: stampOf(file)}
	policy, err := read(file)
	if err != nil {
		return nil, err
	}
	b.current.Store(policy)
	if info, err := os.Stat(file); err == nil && info.Mode()&0o002 != 0 {
		log.Warn("every user of this machine can change who may do what: chmod 640 it", "file", file)
	}
	return b, nil
}

// KeepIn has changes of the file written down as what they are: what administrators
// do. It is called before anybody comes.
func (b *Book) KeepIn(j *Journal) { b.journal = j }

// BookOf is a book of one policy, which stays.
func BookOf(policy *access.Policy) *Book {
	b := new(Book)
	b.current.Store(policy)
	return b
}

// Policy is the newest that could be read.
func (b *Book) Policy() *access.Policy { return b.current.Load() }

// Look reads the file if it is not the one that was read last. One that cannot be used
// changes nothing, and is spoken of once. What could not be read at all is tried again the
// next time: it may be whole by then, and look the same.
func (b *Book) Look() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.file == "" {
		return
	}
	now := stampOf(b.file)
	if now == b.seen {
		b.said = ""
		return
	}
	text, err := slurp(b.file)
	var policy *access.Policy
	if err == nil {
		b.seen = now
		policy, err = access.Parse(b.file, text)
	}
	if err == nil && b.Policy().Ruled() && !policy.Ruled() {
		// A file without any rule allows everything, and one that is half written
		// may have none yet.
		err = fmt.Errorf("%s has no line with allow any more: that would allow everything to everybody who is known, and takes a restart", b.file)
	}
	if err != nil {
		if reason := err.Error(); reason != b.said {
			b.said = reason
			b.log.Error("the new rules cannot be used: those of before go on to count", "reason", reason)
			b.write("new rules refused", reason)
		}
		return
	}
	b.current.Store(policy)
	b.said = ""
	b.log.Info("new rules: they count from now on", "file", b.file)
	b.write("new rules", "")
}

func (b *Book) write(what, reason string) {
	if b.journal != nil {
		b.journal.changed(b.file, what, reason)
	}
}

func stampOf(file string) (s stamp) {
	if info, err := os.Stat(file); err == nil {
		s = stamp{info.Size(), info.ModTime().UnixNano()}
	}
	return s
}

func read(file string) (*access.Policy, error) {
	text, err := slurp(file)
	if err != nil {
		return nil, err
	}
	return access.Parse(file, text)
}

// slurp reads a file that is as small as it should be.
func slurp(file string) ([]byte, error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file", file)
	case info.Size() > access.MaxFileBytes:
		return nil, fmt.Errorf("%s: longer than %d bytes", file, access.MaxFileBytes)
	}
	return os.ReadFile(file)
}
