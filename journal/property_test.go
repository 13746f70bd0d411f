package journal_test

import (
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"lockstep/journal"
	"lockstep/journal/journaltest"
	"lockstep/replica"
)

// writer writes a log on a disk that fails, and holds what is recovered against
// all that may be.
type writer struct {
	t       fataler
	disk    *journaltest.Disk
	journal *journal.Journal
	author  author
	// What the log held, the oldest that may still be first: all that followed
	// the last sync.
	past []model
	// mayRefuse says that the disk did what no journal can tell from damage.
	mayRefuse bool
	refused   bool
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func newWriter(t fataler, seed uint64) *writer {
	rng := rand.New(rand.NewPCG(seed, 0))
	w := &writer{t: t, disk: journaltest.New(rng), author: author{rng: rng, term: 1}, past: []model{{}}}
	w.open()
	return w
}

func (w *writer) now() model { return w.past[len(w.past)-1] }

// open opens the log and checks what it holds.
func (w *writer) open() {
	w.t.Helper()
	before := w.disk.Files()
	j, log, header, err := journal.Open(w.disk)
	if err != nil {
		if !w.mayRefuse {
			w.t.Fatalf("open: %v", err)
		}
		w.refused = true
		return
	}
	w.recovered(model(log))
	if !log.Empty() && header != owner {
		w.t.Fatalf("the owner is %+v", header)
	}
	if again, log, _, err := journal.Open(journaltestCopy(before)); err != nil || !w.now().equal(model(log)) || again == nil {
		w.t.Fatalf("opening the same twice gives %v, %v", model(log), err)
	}
	j.SetSizes(3000, 1000)
	w.journal = j
}

func journaltestCopy(files map[string][]byte) *journaltest.Disk {
	d := journaltest.New(rand.New(rand.NewPCG(1, 1)))
	d.Put(files)
	return d
}

// recovered takes what was found, which must be one of what may be.
func (w *writer) recovered(log model) {
	w.t.Helper()
	for _, m := range w.past {
		if m.equal(log) {
			w.past = []model{m}
			return
		}
	}
	w.t.Fatalf("recovered %v\nwhich is none of %v", log, w.past)
}

// append writes one Store. It returns false if the disk has failed.
func (w *writer) append() bool {
	if w.journal.Owner() == (journal.Header{}) {
		if err := w.journal.Begin(owner); err != nil {
			return false
		}
	}
	s := w.author.store(w.now())
	w.past = append(w.past, w.now().after(s))
	return w.journal.Append(s) == nil
}

func (w *writer) sync() bool {
	if w.journal.Sync() != nil {
		return false
	}
	w.past = w.past[len(w.past)-1:]
	return true
}

// restart ends the process, and begins another.
func (w *writer) restart(power bool) {
	w.t.Helper()
	w.journal = nil
	if power {
		w.disk = w.disk.Crash()
	}
	w.open()
}

// Whatever happens to the disk, what was synced is there again, and what was not
// is there up to some point in the order of writing, or not.
func TestWhatWasSyncedIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWriter(t, rapid.Uint64().Draw(t, "seed"))
		w.author.zeros = rapid.Bool().Draw(t, "zeros")
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if power := w.disk.Ops() % 2; rapid.IntRange(0, 9).Draw(t, "fault") == 0 {
				errs := []error{journaltest.ErrPower, syscall.EIO, syscall.ENOSPC}
				err := rapid.SampledFrom(errs).Draw(t, "which")
				w.disk.FailAt(rapid.IntRange(1, 12).Draw(t, "at")+power, err)
			}
			w.step(rapid.IntRange(0, 9).Draw(t, "step"))
		}
		w.settle()
		w.restart(true)
	})
}

func (w *writer) step(choice int) {
	w.t.Helper()
	ok := true
	switch {
	case choice < 5:
		ok = w.append()
	case choice < 8:
		ok = w.sync()
	case choice < 9:
		w.settle()
		w.restart(false)
	default:
		w.settle()
		w.restart(true)
	}
	if !ok {
		w.settle()
		w.restart(w.author.rng.IntN(2) == 0 || w.disk.Off())
	}
}

// settle forgets the faults to come.
func (w *writer) settle() { w.disk.ClearFaults() }

// Sectors that were not synced may even arrive damaged. Then the log may be
// refused, but it never holds anything else.
func TestGarbledSectorsAreNeverTaken(t *testing.T) {
	refused := 0
	rapid.Check(t, func(t *rapid.T) {
		w := newWriter(t, rapid.Uint64().Draw(t, "seed"))
		w.disk.SetGarbles(true)
		w.mayRefuse = true
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			w.step(rapid.IntRange(0, 9).Draw(t, "step"))
			if w.refused {
				refused++
				return
			}
		}
	})
	t.Logf("refused %d logs", refused)
}

// A bit that flips in what was synced is found, or changes nothing.
func TestRotIsFound(t *testing.T) {
	found, harmless := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := newWriter(t, rapid.Uint64().Draw(t, "seed"))
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			w.step(rapid.IntRange(0, 9).Draw(t, "step"))
		}
		w.sync()
		name, at, ok := w.disk.Rot()
		if !ok {
			return
		}
		before := w.disk.Files()
		_, log, _, err := journal.Open(w.disk)
		if err != nil {
			found++
			if !sameFiles(before, w.disk.Files()) {
				t.Fatalf("the error %q has changed the disk", err)
			}
			return
		}
		harmless++
		if !w.now().equal(model(log)) {
			t.Fatalf("a bit of %s flipped at %d: recovered %v\ninstead of %v", name, at, model(log), w.now())
		}
	})
	t.Logf("%d times found, %d times harmless", found, harmless)
	if found == 0 {
		t.Error("no rot was found: the test is blind")
	}
}

// A disk that is full, or cannot be written, is an error that changes nothing;
// with room again the log is there.
func TestAFullDiskLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWriter(t, rapid.Uint64().Draw(t, "seed"))
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			w.step(rapid.IntRange(0, 7).Draw(t, "step"))
		}
		w.disk.SetRoom(rapid.IntRange(0, 3000).Draw(t, "room"))
		var err error
		for err == nil {
			if !w.append() || !w.sync() {
				err = w.journal.Sync()
			}
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("a full disk says %v", err)
		}
		if err := w.journal.Append(replica.Store{State: []byte{1}}); err == nil {
			t.Fatal("a journal goes on after an error")
		}
		if rapid.Bool().Draw(t, "power") {
			w.disk = w.disk.Crash()
		}
		w.disk.SetRoom(0)
		before := w.disk.Files()
		if _, _, _, err := journal.Open(w.disk); err == nil && !(*replica.Recovered)(&w.past[0]).Empty() {
			t.Fatal("a log can be opened that cannot be written")
		} else if err != nil && !sameFiles(before, w.disk.Files()) {
			t.Fatalf("the error %q has changed the disk", err)
		}
		w.disk.SetRoom(-1)
		w.open()
	})
}
