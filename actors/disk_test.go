package actors

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
