package journal_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lockstep/journal"
	"lockstep/journal/journaltest"
	"lockstep/replica"
)

func newDisk() *journaltest.Disk { return journaltest.New(rand.New(rand.NewPCG(1, 2))) }

// begun returns a log with some groups in it, and the disk that it is on.
func begun(t testing.TB) (*journal.Journal, *journaltest.Disk) {
	t.Helper()
	disk := newDisk()
	j, log, _, err := journal.Open(disk)
	if err != nil || !log.Empty() || j.Owner() != (journal.Header{}) {
		t.Fatalf("an empty directory gives %+v, %v", log, err)
	}
	if err := j.Begin(owner); err != nil {
		t.Fatal(err)
	}
	for i := range uint64(4) {
		must(t, j.Append(replica.Store{State: []byte{byte(i)}, Entries: entries(i+1, 1, 100)}))
		must(t, j.Sync())
	}
	return j, disk
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t *testing.T, fs journal.FS, want ...string) {
	t.Helper()
	_, log, _, err := journal.Open(fs)
	if err == nil {
		t.Fatalf("want a refusal, got %v", model(log))
	}
	for _, part := range want {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the refusal %q does not say %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the refusal %q has more than a line", err)
	}
}

// A real directory: readable for its owner alone, and the log is there again.
func TestDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	j, _, _, err := journal.Open(journal.Dir(dir))
	must(t, err)
	must(t, j.Begin(owner))
	store := replica.Store{
		Snapshot: &replica.LogSnapshot{Index: 7, Term: 2, Data: []byte("all")},
		State:    []byte("state"), Entries: entries(8, 2, 10, 1000, 0),
	}
	must(t, j.Append(store))
	must(t, j.Sync())
	must(t, j.Close())
	for _, path := range append([]string{dir}, glob(t, dir)...) {
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
	}
	must(t, os.Mkdir(filepath.Join(dir, "lost+found"), 0o700))
	again, log, header, err := journal.Open(journal.Dir(dir))
	must(t, err)
	must(t, os.Remove(filepath.Join(dir, "lost+found")))
	if want := (model{}).after(store); !want.equal(model(log)) || header != owner || again.Owner() != owner || again.Cut() != "" {
		t.Fatalf("found %v of %+v, cut %q", model(log), header, again.Cut())
	}
	size := uint64(0)
	for _, path := range glob(t, dir) {
		info, err := os.Stat(path)
		must(t, err)
		size += uint64(info.Size())
	}
	if again.Bytes() != size {
		t.Errorf("the log takes %d bytes, and says %d", size, again.Bytes())
	}
}

func glob(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	return paths
}

// A log that a snapshot replaces gives its space back, and so does every restart.
func TestSpaceIsGivenBack(t *testing.T) {
	j, disk := begun(t)
	j.SetSizes(3000, 1000)
	for i := uint64(5); i < 60; i++ {
		must(t, j.Append(replica.Store{Entries: entries(i, 1, 900)}))
		must(t, j.Sync())
		if i%10 == 0 {
			must(t, j.Append(replica.Store{Snapshot: &replica.LogSnapshot{Index: i - 2, Term: 1, Data: []byte("state")}}))
			must(t, j.Sync())
		}
		if files := disk.Files(); len(files) > 7 {
			t.Fatalf("%d files at entry %d", len(files), i)
		}
	}
	for range 5 {
		must(t, j.Close())
		var err error
		j, _, _, err = journal.Open(disk)
		must(t, err)
	}
	size := uint64(0)
	for name, content := range disk.Files() {
		size += uint64(len(content))
		if strings.HasSuffix(name, ".new") {
			t.Errorf("%s was left", name)
		}
	}
	// An old segment may have a torn or repeated end which does not count.
	if j.Bytes() > size || size > j.Bytes()+2000 || size > 20000 {
		t.Errorf("%d bytes on disk, %d said", size, j.Bytes())
	}
}

func TestTornEndIsCutAndSaid(t *testing.T) {
	j, disk := begun(t)
	whole := disk.Files()["0000000001.log"]
	must(t, j.Append(replica.Store{Entries: entries(5, 1, 3000)}))
	must(t, j.Sync())
	more := disk.Files()["0000000001.log"]
	for _, end := range []int{len(whole) + 1, len(whole) + 40, len(more) - 1} {
		cut := newDisk()
		cut.Put(map[string][]byte{"0000000001.log": more[:end]})
		j, log, _, err := journal.Open(cut)
		must(t, err)
		if len(log.Entries) != 4 || !strings.Contains(j.Cut(), "0000000001.log") {
			t.Errorf("cut at %d: %v, said %q", end, model(log), j.Cut())
		}
	}
	zeros := newDisk()
	zeros.Put(map[string][]byte{"0000000001.log": append(slices.Clone(whole), make([]byte, 4096)...)})
	if _, log, _, err := journal.Open(zeros); err != nil || len(log.Entries) != 4 {
		t.Errorf("zeros at the end: %v, %v", model(log), err)
	}
}

// What was there is there after a refusal, to the byte.
func TestRefusals(t *testing.T) {
	_, disk := begun(t)
	first := disk.Files()["0000000001.log"]
	newer := slices.Clone(first)
	newer[8] = 3
	journal.Seal(newer[:40], 1)
	damaged := slices.Clone(first)
	damaged[70] ^= 4 // in the data of the header
	for name, c := range map[string]struct {
		files map[string][]byte
		want  []string
	}{
		"newer":           {map[string][]byte{"0000000001.log": newer}, []string{"written by a newer lockd (format 3; this one reads up to 1)"}},
		"damaged":         {map[string][]byte{"0000000001.log": damaged}, []string{"disk/0000000001.log is damaged at byte ", "new member"}},
		"a strange file":  {map[string][]byte{"0000000001.log": first, "notes.txt": nil}, []string{"notes.txt", "move it away"}},
		"a strange name":  {map[string][]byte{"1.log": first}, []string{"1.log"}},
		"in another name": {map[string][]byte{"0000000002.log": first}, []string{"0000000002.log is damaged"}},
		"lost segments":   {map[string][]byte{"0000000004.snapshot": first}, []string{"has lost the segments"}},
		"not ours":        {map[string][]byte{"0000000001.log": []byte(strings.Repeat("hello", 500))}, []string{"damaged at byte 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			disk := newDisk()
			disk.Put(c.files)
			refused(t, disk, c.want...)
			if !sameFiles(disk.Files(), c.files) {
				t.Error("the refusal has changed something")
			}
		})
	}
}

func TestMissingFiles(t *testing.T) {
	j, disk := begun(t)
	j.SetSizes(500, 500)
	must(t, j.Append(replica.Store{Snapshot: &replica.LogSnapshot{Index: 2, Term: 1}}))
	for i := range uint64(3) {
		must(t, j.Append(replica.Store{Entries: entries(5+i, 1, 800)}))
		must(t, j.Sync())
	}
	files := disk.Files()
	for name := range files {
		if name == slices.Max(names(disk)) {
			continue // the others do not know of it
		}
		lost := newDisk()
		lost.Put(files)
		must(t, lost.Remove(name))
		refused(t, lost, name+" is missing")
	}
}

func names(disk *journaltest.Disk) []string {
	list, _ := disk.List()
	return list
}

// A check refuses before anything is written.
func TestChecksComeFirst(t *testing.T) {
	_, disk := begun(t)
	ops := disk.Ops()
	no := errors.New("no")
	_, _, _, err := journal.Open(disk, func(h journal.Header) error {
		if h != owner {
			t.Errorf("asked about %+v", h)
		}
		return no
	})
	if !errors.Is(err, no) || disk.Ops() != ops {
		t.Errorf("got %v after %d operations", err, disk.Ops()-ops)
	}
}

func TestADiskThatCannotBeWritten(t *testing.T) {
	_, disk := begun(t)
	disk.SetReadOnly(true)
	refused(t, disk, "cannot be written", "-data")
	disk.SetReadOnly(false)
	disk.FailAt(1, syscall.ENOSPC)
	refused(t, disk, "no room left", "make room")
	if _, log, _, err := journal.Open(disk); err != nil || len(log.Entries) != 4 {
		t.Errorf("with room again: %v, %v", model(log), err)
	}
}

// After an error of any kind a journal is dead (R3).
func TestNothingIsWrittenAfterAnError(t *testing.T) {
	j, disk := begun(t)
	disk.FailAt(2, syscall.EIO) // the sync
	must(t, j.Append(replica.Store{Entries: entries(5, 1, 10)}))
	if err := j.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("got %v", err)
	}
	ops := disk.Ops()
	for _, err := range []error{j.Append(replica.Store{Entries: entries(6, 1, 5000)}), j.Sync(), j.Begin(owner)} {
		if !errors.Is(err, syscall.EIO) || disk.Ops() != ops {
			t.Fatalf("got %v after %d operations", err, disk.Ops()-ops)
		}
	}
}

// A cluster that is begun anew with the log of another has another owner from
// then on.
func TestTheOwnerMayChange(t *testing.T) {
	j, disk := begun(t)
	other := journal.Header{Cluster: 70, Member: 9, Node: "a"}
	must(t, j.Begin(other))
	must(t, j.Append(replica.Store{State: []byte("new")}))
	must(t, j.Sync())
	if _, log, header, err := journal.Open(disk.Crash()); err != nil || header != other || len(log.Entries) != 4 {
		t.Fatalf("found %v of %+v, %v", model(log), header, err)
	}
}

// A gap is a broken core, and no fault of the world.
func TestGapsPanic(t *testing.T) {
	for name, s := range map[string]replica.Store{
		"gap":                 {Entries: entries(6, 1, 1)},
		"gap inside":          {Entries: append(entries(5, 1, 1), entries(7, 1, 1)...)},
		"before the snapshot": {Snapshot: &replica.LogSnapshot{Index: 3}, Entries: entries(3, 1, 1)},
		"behind the snapshot": {Snapshot: &replica.LogSnapshot{Index: 3}, Whole: true, Entries: entries(5, 1, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			j, _ := begun(t)
			defer func() {
				if recover() == nil {
					t.Error("it was taken")
				}
			}()
			_ = j.Append(s)
		})
	}
}

// Whatever is in a directory, opening it does no harm, and what is taken from it
// is there again the next time.
func FuzzOpen(f *testing.F) {
	_, disk := begun(f)
	first := disk.Files()["0000000001.log"]
	f.Add(first, []byte{}, []byte{}, false)
	f.Add(first, first[:200], first, true)
	f.Fuzz(func(t *testing.T, one, two, snapshot []byte, seal bool) {
		files := map[string][]byte{"0000000001.log": one, "0000000002.log": two, "0000000001.snapshot": snapshot}
		for name, content := range files {
			if len(content) == 0 {
				delete(files, name)
			} else if seal {
				journal.Seal(content, uint64(name[9]-'0'))
			}
		}
		disk := newDisk()
		disk.Put(files)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, log, header, err := journal.Open(disk)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > uint64(1<<20+64*(len(one)+len(two)+len(snapshot))) {
			t.Fatalf("%d bytes of memory for files of %d, %d and %d", took, len(one), len(two), len(snapshot))
		}
		if err != nil {
			if !sameFiles(files, disk.Files()) {
				t.Fatalf("the error %q has changed something", err)
			}
			return
		}
		if log.Empty() && header == (journal.Header{}) {
			return
		}
		j, again, _, err := journal.Open(disk.Crash())
		if err != nil || !model(again).equal(model(log)) {
			t.Fatalf("found %v, %v\nafter %v", model(again), err, model(log))
		}
		must(t, j.Append(replica.Store{State: []byte("more")}))
		must(t, j.Sync())
	})
}

// A hundred entries and a state, and the sync that they share.
func BenchmarkGroups(b *testing.B) {
	j, _, _, err := journal.Open(journal.Dir(filepath.Join(b.TempDir(), "log")))
	if err != nil {
		b.Fatal(err)
	}
	if err := j.Begin(owner); err != nil {
		b.Fatal(err)
	}
	group := replica.Store{State: make([]byte, 20), Entries: entries(1, 1, slices.Repeat([]int{100}, 100)...)}
	b.ReportAllocs()
	for b.Loop() {
		if err := errors.Join(j.Append(group), j.Sync()); err != nil {
			b.Fatal(err)
		}
		for i := range group.Entries {
			group.Entries[i].Index += 100
		}
	}
}

// TestALogOfNothing: a snapshot of nothing, at no entry, takes the place of all
// that was there.
func TestALogOfNothing(t *testing.T) {
	disk := newDisk()
	j, _, _, err := journal.Open(disk)
	must(t, err)
	must(t, j.Begin(owner))
	must(t, j.Append(replica.Store{Snapshot: &replica.LogSnapshot{Index: 1, Term: 1, Data: []byte("founding")}, Whole: true, State: []byte("old")}))
	must(t, j.Append(replica.Store{Entries: entries(2, 1, 10, 10)}))
	must(t, j.Sync())
	must(t, j.Append(replica.Store{Snapshot: &replica.LogSnapshot{Data: []byte("nothing")}, Whole: true, State: []byte("new")}))
	must(t, j.Sync())
	_, log, _, err := journal.Open(disk)
	must(t, err)
	if s := log.Snapshot; s == nil || s.Index != 0 || string(s.Data) != "nothing" || string(log.State) != "new" || len(log.Entries) != 0 {
		t.Errorf("found %+v", log)
	}
}
