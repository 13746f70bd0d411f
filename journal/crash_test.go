package journal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"lockstep/journal"
	"lockstep/journal/journaltest"
	"lockstep/replica"
)

func entries(first uint64, term uint64, sizes ...int) (list []replica.LogEntry) {
	a := author{rng: rand.New(rand.NewPCG(first, term))}
	for i, size := range sizes {
		list = append(list, replica.LogEntry{Index: first + uint64(i), Term: term, Kind: 1, Data: a.bytes(size)})
	}
	return list
}

// script is a short life of a log with everything in it. A sync follows where
// nil stands.
func script() []*replica.Store {
	snapshot := func(index uint64, size int) *replica.LogSnapshot {
		return &replica.LogSnapshot{Index: index, Term: 2, Data: entries(index, 2, size)[0].Data}
	}
	return []*replica.Store{
		{Snapshot: snapshot(1, 900), State: []byte("first")}, nil,
		{Entries: entries(2, 2, 10, 700)},
		{State: []byte("second"), Entries: entries(4, 2, 3)}, nil,
		{Entries: entries(3, 3, 1500, 5)}, nil,
		{Entries: entries(5, 3, 40)},
		{Snapshot: snapshot(3, 2000), Entries: entries(6, 3, 8)}, nil,
		{State: []byte("third")}, nil,
		{Snapshot: snapshot(20, 300), Whole: true}, nil,
		{Entries: entries(21, 4, 1, 2, 3)}, nil,
	}
}

// strict fails a test in which a journal goes on writing after an error.
type strict struct {
	*journaltest.Disk
	t      *testing.T
	failed error
}

func (s *strict) note(err error) error {
	s.t.Helper()
	if s.failed != nil {
		s.t.Fatalf("the journal goes on after %v", s.failed)
	}
	s.failed = err
	return err
}

func (s *strict) Create(name string) (journal.File, error) {
	f, err := s.Disk.Create(name)
	if s.note(err) != nil {
		return nil, err
	}
	return strictFile{s, f}, nil
}
func (s *strict) Rename(from, to string) error { return s.note(s.Disk.Rename(from, to)) }
func (s *strict) SyncDir() error               { return s.note(s.Disk.SyncDir()) }

type strictFile struct {
	s *strict
	journal.File
}

func (f strictFile) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	return n, f.s.note(err)
}
func (f strictFile) Sync() error { return f.s.note(f.File.Sync()) }

// play plays a script, and returns all that may be found after it ended, and
// whether it came to the end.
func play(fs journal.FS, steps []*replica.Store) (past []model, done bool) {
	past = []model{{}}
	j, _, _, err := journal.Open(fs)
	if err != nil {
		return past, false
	}
	j.SetSizes(2000, 600)
	if err := j.Begin(owner); err != nil {
		return past, false
	}
	for _, s := range steps {
		if s == nil {
			if err := j.Sync(); err != nil {
				return past, false
			}
			past = past[len(past)-1:]
			continue
		}
		past = append(past, past[len(past)-1].after(*s))
		if err := j.Append(*s); err != nil {
			return past, false
		}
	}
	return past, j.Close() == nil
}

// one fails unless the log is one of those that may be found.
func one(t *testing.T, past []model, log replica.Recovered) model {
	t.Helper()
	for _, m := range past {
		if m.equal(model(log)) {
			return m
		}
	}
	t.Fatalf("found %v\nwhich is none of %v", model(log), past)
	return model{}
}

// The disk fails at every single operation of a log's life, and the power during
// or after it; then again at every operation of the life that finds it.
func TestEveryOperationMayFail(t *testing.T) {
	for _, failure := range []error{journaltest.ErrPower, syscall.EIO, syscall.ENOSPC} {
		for n, done := 1, false; !done; n++ {
			for seed := range uint64(6) {
				disk := journaltest.New(rand.New(rand.NewPCG(seed, uint64(n))))
				disk.FailAt(n, failure)
				var past []model
				past, done = play(&strict{Disk: disk, t: t}, script())
				if disk.Off() || seed%2 == 0 {
					disk = disk.Crash()
				}
				disk.ClearFaults()
				failAgain(t, disk, past, fmt.Sprintf("%v at %d, seed %d", failure, n, seed))
			}
			if n > 1000 {
				t.Fatal("the script never ends")
			}
		}
	}
}

// failAgain opens a log while the disk fails at each operation, and then whole.
func failAgain(t *testing.T, disk *journaltest.Disk, past []model, what string) {
	t.Helper()
	for m := 1; ; m++ {
		failure := []error{journaltest.ErrPower, syscall.EIO, syscall.ENOSPC}[m%3]
		disk.FailAt(m, failure)
		j, log, _, err := journal.Open(disk)
		if err == nil {
			past = []model{one(t, past, log)}
			_ = j.Close()
		} else if !errors.Is(err, failure) {
			t.Fatalf("%s, then %v at %d: %v", what, failure, m, err)
		}
		reached := disk.Ops() >= m
		if disk.Off() || m%2 == 0 {
			disk = disk.Crash()
		}
		disk.ClearFaults()
		j, log, header, err := journal.Open(disk)
		if err != nil {
			t.Fatalf("%s, then %v at %d: %v", what, failure, m, err)
		}
		found := one(t, past, log)
		if !log.Empty() && header != owner {
			t.Fatalf("the owner is %+v", header)
		}
		_ = j.Close()
		past = []model{found}
		if !reached || m > 30 {
			return
		}
	}
}

// A sector that has lost what was in it is found, unless the last group ends in
// it: nothing tells that from one that has not arrived. Then the log may be what
// it was before.
func TestALostSectorIsFound(t *testing.T) {
	found, passed := 0, 0
	for seed := range uint64(3000) {
		w := newWriter(t, seed)
		w.author.zeros = seed%2 == 0
		var before []model
		for range 20 {
			w.step(w.author.rng.IntN(8))
			before = append(before, w.now())
		}
		w.sync()
		files := w.disk.Files()
		for before = append(before, w.now()); sameFiles(files, w.disk.Files()); { // a Store may be empty
			w.append()
			w.sync()
		}
		name, at, _ := w.disk.Anywhere()
		w.disk.Lose(name, at)
		_, log, _, err := journal.Open(w.disk)
		lastGroup := at/512*512+512 > len(files[name])
		switch {
		case err != nil:
			found++
		case w.now().equal(model(log)):
		case lastGroup && slices.ContainsFunc(before, model(log).equal):
			passed++
		default:
			t.Fatalf("seed %d, byte %d of %s: recovered %v\ninstead of %v", seed, at, name, model(log), w.now())
		}
	}
	if t.Logf("%d found, %d taken for torn", found, passed); found == 0 {
		t.Error("none was found: the test is blind")
	}
}
