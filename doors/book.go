package doors

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"lockstep/access"
)

// lookEvery is how often the file is looked at, if anybody comes at all.
const lookEvery = time.Second

// Book is the policy in a file. It looks whether that has changed when somebody
// comes, so that a rule that was added and a token that was removed need no
// restart.
type Book struct {
	file string
	log  *slog.Logger

	mu      sync.Mutex
	current *access.Policy
	seen    stamp // of the file that was read last, well or not
	looked  time.Time
}

type stamp struct {
	size, changed int64
}

// OpenBook reads a file.
func OpenBook(file string, log *slog.Logger) (*Book, error) {
	b := &Book{file: file, log: log, seen: stampOf(file), looked: time.Now()}
	policy, err := read(file)
	if err != nil {
		return nil, err
	}
	b.current = policy
	if info, err := os.Stat(file); err == nil && info.Mode()&0o002 != 0 {
		log.Warn("every user of this machine can change who may do what: chmod 640 it", "file", file)
	}
	return b, nil
}

// Policy is the newest that could be read.
func (b *Book) Policy() *access.Policy {
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.looked) >= lookEvery {
		b.lookLocked()
	}
	return b.current
}

// Look looks at the file now.
func (b *Book) Look() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lookLocked()
}

// lookLocked reads the file if it is not the one that was read last. One with a
// mistake is spoken of once, and changes nothing: neither does it open a door that
// was closed, nor the other way round.
func (b *Book) lookLocked() {
	b.looked = time.Now()
	now := stampOf(b.file)
	if now == b.seen {
		return
	}
	b.seen = now
	policy, err := read(b.file)
	if err != nil {
		b.log.Error("the new rules cannot be used: those of before go on to count", "reason", err.Error())
		return
	}
	b.current = policy
	b.log.Info("new rules: they count from now on", "file", b.file)
}

func stampOf(file string) (s stamp) {
	if info, err := os.Stat(file); err == nil {
		s = stamp{info.Size(), info.ModTime().UnixNano()}
	}
	return s
}

func read(file string) (*access.Policy, error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file", file)
	case info.Size() > access.MaxFileBytes:
		return nil, fmt.Errorf("%s: longer than %d bytes", file, access.MaxFileBytes)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return access.Parse(file, text)
}
