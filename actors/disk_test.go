package actors

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/testkit"

	"lockstep/journal"
	"lockstep/journal/journaltest"
	"lockstep/replica"
)

func TestDiskSyncsBeforeItSaysSo(t *testing.T) {
	dir := t.TempDir()
	onStand(t, func(t *testing.T, s *stand) {
		identity, known, err := BeginLife(dir, "node", time.UnixMilli(1000))
		if err != nil || known || identity.Incarnation != 1000 {
			t.Fatalf("%+v, %v, %v", identity, known, err)
		}
		disk := s.spawn(NewDisk(DiskConfig{Dir: dir, Identity: identity}))
		probe, pid := s.probe()
		s.Root().RequestWithCustomSender(disk, replica.Persist{View: 5, Cluster: 8}, pid)
		if got := next[replica.Synced](t, probe); got.View != 5 {
			t.Fatalf("synced %+v", got)
		}
		kept, _, err := LoadIdentity(dir)
		if err != nil || kept.View != 5 || kept.Cluster != 8 {
			t.Fatalf("kept %+v, %v", kept, err)
		}
	})
}

// Every life has a higher incarnation, even when the clock goes back.
func TestIncarnationsRise(t *testing.T) {
	dir := t.TempDir()
	var last replica.Incarnation
	for _, now := range []int64{5000, 5000, 4000, 9000} {
		id, _, err := BeginLife(dir, "node", time.UnixMilli(now))
		if err != nil || id.Incarnation <= last {
			t.Fatalf("at %d: %+v after %d, %v", now, id, last, err)
		}
		last = id.Incarnation
	}
	if last != 9000 {
		t.Fatalf("a clock that is ahead counts: %d", last)
	}
}

func TestBeginLifeRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := BeginLife(dir, "node", time.UnixMilli(1)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := BeginLife(dir, "other", time.UnixMilli(2)); err == nil || !strings.Contains(err.Error(), "-data") {
		t.Fatalf("another node's directory: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, identityFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := BeginLife(dir, "node", time.UnixMilli(3)); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Fatalf("a damaged identity: %v", err)
	}
}

// diskStand is a Disk with a log on a disk that fails, and who gets its answers.
type diskStand struct {
	*stand
	fs    *journaltest.Disk
	pid   *actor.PID
	probe *testkit.TestProbe
	asker *actor.PID
	bytes atomic.Uint64
	cause error
}

// slowDisk takes its time for every sync.
type slowDisk struct{ *journaltest.Disk }

type slowFile struct{ journal.File }

const syncTime = time.Millisecond

func (d slowDisk) Create(name string) (journal.File, error) {
	f, err := d.Disk.Create(name)
	return slowFile{f}, err
}

func (f slowFile) Sync() error {
	time.Sleep(syncTime)
	return f.File.Sync()
}

func diskOnStand(t *testing.T, s *stand) *diskStand {
	t.Helper()
	d := &diskStand{stand: s, fs: journaltest.New(rand.New(rand.NewPCG(1, 1)))}
	log, _, _, err := journal.Open(slowDisk{d.fs})
	if err != nil {
		t.Fatal(err)
	}
	d.probe, d.asker = s.probe()
	d.pid = s.spawn(NewDisk(DiskConfig{
		Identity: Identity{Cluster: 8}, Journal: log, Header: journal.Header{Node: "a", Member: 9},
		Bytes: &d.bytes, Exit: func(cause error) { d.cause = cause },
	}))
	return d
}

func (d *diskStand) tell(m any) { d.Root().RequestWithCustomSender(d.pid, m, d.asker) }

// found is what a life after a loss of power would find.
func (d *diskStand) found(t *testing.T) (replica.Recovered, journal.Header) {
	t.Helper()
	synctest.Wait()
	_, log, owner, err := journal.Open(d.fs.Crash())
	if err != nil {
		t.Fatal(err)
	}
	return log, owner
}

func storeOf(seq uint64) replica.Store {
	return replica.Store{Seq: seq, Entries: []replica.LogEntry{{Index: seq, Term: 1, Data: []byte("entry")}}}
}

// Stored means that it survives (R1), under the name of the cluster that the
// identity knows by then.
func TestStoredIsOnDisk(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		d := diskOnStand(t, s)
		d.tell(replica.Persist{View: 1, Cluster: 77})
		next[replica.Synced](t, d.probe)
		d.tell(storeOf(1))
		if got := next[replica.Stored](t, d.probe); got.Seq != 1 {
			t.Fatalf("stored %+v", got)
		}
		if d.bytes.Load() == 0 {
			t.Error("the log takes no room")
		}
		if log, owner := d.found(t); len(log.Entries) != 1 || owner != (journal.Header{Cluster: 77, Member: 9, Node: "a"}) {
			t.Fatalf("found %+v of %+v", log, owner)
		}
	})
}

// What queues while the disk is busy shares one sync, and one answer.
func TestStoresShareSyncs(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		d := diskOnStand(t, s)
		d.tell(storeOf(1))
		next[replica.Stored](t, d.probe)
		ops := d.fs.Ops()
		for seq := uint64(2); seq <= 40; seq++ {
			d.tell(storeOf(seq))
			synctest.Wait() // the first is being synced, and takes its time
		}
		nothing(t, d.probe)
		for _, want := range []uint64{2, 40} {
			time.Sleep(syncTime)
			if got := next[replica.Stored](t, d.probe); got.Seq != want {
				t.Fatalf("stored %+v, want %d", got, want)
			}
			nothing(t, d.probe)
		}
		if n := d.fs.Ops() - ops; n != 4 {
			t.Errorf("two groups took %d operations, not a write and a sync each", n)
		}
	})
}

// What is lazy waits for company, and is no reason for a sync; an identity that
// is written later is on disk later.
func TestLazyStoresWait(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		d := diskOnStand(t, s)
		d.tell(storeOf(1))
		next[replica.Stored](t, d.probe)
		ops := d.fs.Ops()
		d.tell(replica.Store{Seq: 2, State: []byte("lazy"), Lazy: true})
		time.Sleep(10 * syncTime)
		nothing(t, d.probe)
		if d.fs.Ops() != ops {
			t.Error("the disk was bothered")
		}
		d.tell(replica.Store{Seq: 3, Entries: []replica.LogEntry{{Index: 2, Term: 1}}})
		if got := next[replica.Stored](t, d.probe); got.Seq != 3 {
			t.Fatalf("stored %+v", got)
		}
		if log, _ := d.found(t); string(log.State) != "lazy" || len(log.Entries) != 2 {
			t.Fatalf("found %+v", log)
		}
	})
}

// Whatever fails, the node ends with a reason, and nothing is said to be stored
// any more (R3).
func TestAFailedDiskEndsTheNode(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"full":    {syscall.ENOSPC, "no room left"},
		"damaged": {syscall.EIO, "input/output error"},
	} {
		for after := 1; after <= 3; after++ { // a write, a sync, a sync of the directory
			t.Run(fmt.Sprintf("%s %d", name, after), func(t *testing.T) {
				onStand(t, func(t *testing.T, s *stand) {
					d := diskOnStand(t, s)
					d.fs.FailAt(1+after, c.err)
					d.tell(storeOf(1))
					d.tell(storeOf(2))
					d.tell(replica.Persist{View: 5})
					time.Sleep(10 * syncTime)
					nothing(t, d.probe)
					if !errors.As(d.cause, new(*DiskError)) || !strings.Contains(d.cause.Error(), c.want) || strings.Contains(d.cause.Error(), "\n") {
						t.Errorf("the cause is %v", d.cause)
					}
				})
			})
		}
	}
}

// A node that begins a new cluster with its log says so in the log, and a life
// that ends in between still knows it.
func TestALogGoesOnInAnotherCluster(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		d := diskOnStand(t, s)
		d.tell(storeOf(1))
		next[replica.Stored](t, d.probe)
		d.tell(replica.Persist{View: 1001, Cluster: 80})
		next[replica.Synced](t, d.probe)
		d.tell(storeOf(2))
		next[replica.Stored](t, d.probe)
		if log, owner := d.found(t); owner.Cluster != 80 || len(log.Entries) != 2 {
			t.Fatalf("found %+v of %+v", log, owner)
		}
	})
	id := Identity{Cluster: 8}
	id.joins(8)
	id.joins(80)
	if !id.Knows(8) || !id.Knows(80) || id.Knows(9) {
		t.Errorf("%+v knows the wrong clusters", id)
	}
}

// The identity never overtakes what was to be stored before it.
func TestTheIdentityWaitsForTheLog(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		d := diskOnStand(t, s)
		d.tell(storeOf(1))
		d.tell(storeOf(2)) // while the first is being synced
		d.tell(replica.Persist{View: 5, Cluster: 8})
		time.Sleep(10 * syncTime)
		for _, want := range []uint64{1, 2} {
			if got := next[replica.Stored](t, d.probe); got.Seq != want {
				t.Fatalf("stored %+v, want %d", got, want)
			}
		}
		next[replica.Synced](t, d.probe)
		nothing(t, d.probe)
	})
}
