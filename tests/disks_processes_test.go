//go:build linux

package tests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lockstep/tests/cluster"
	"lockstep/tests/machines"
)

// alone starts a cluster of one node, which founds it alone, lets it work a
// little, and stops it.
func alone(t *testing.T, dir string) *cluster.Node {
	t.Helper()
	w := start(t, cluster.New(cluster.Config{
		Lockd: binary(t, "lockd"), Dir: dir, Addresses: []string{freeAddress(t)}, Flags: []string{"-durability", "fsync", "-found"},
	}))
	if yes, err := w.dial().Clerk().Lock(t.Context(), "x"); !yes || err != nil {
		t.Fatal(yes, err)
	}
	w.Nodes[0].Kill()
	return w.Nodes[0]
}

const smallDisk = 1 << 20

// disk is a small one of this test's own.
func disk(t *testing.T) string {
	t.Helper()
	if _, err := machines.New(); err != nil { // its namespaces
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "disk")
	if err := machines.Disk(dir, smallDisk); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// A disk that can only be read: the node says so and ends.
func TestAReadOnlyDiskIsLeftAlone(t *testing.T) {
	if !indoors(t) {
		return
	}
	dir := disk(t)
	n := alone(t, dir)
	before := contents(t, n.Dir)
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	refuses(t, "read-only", again(n)...)
	wantSame(t, before, contents(t, n.Dir))
}

// A disk without room: the node says so and ends, whether it is full before it
// starts or becomes so. What it had is there when there is room again.
func TestAFullDiskIsLeftAlone(t *testing.T) {
	if !indoors(t) {
		return
	}
	dir := disk(t)
	n := alone(t, dir)
	before := contents(t, n.Dir)
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	refuses(t, "no space left", again(n)...)
	wantSame(t, withoutLives(t, before), withoutLives(t, contents(t, n.Dir)))

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	w := &trio{processes: &processes{t: t, addresses: []string{n.Address}}, Cluster: &cluster.Cluster{Nodes: []*cluster.Node{n}}}
	w.awaitWhole()
	if again, err := w.dial().Clerk().Lock(t.Context(), "x"); again || err != nil {
		t.Errorf("what was locked before: %v, %v", again, err)
	}
	fill(t, filler)
	ctx := t.Context()
	go func() {
		for clerk := w.dial().Clerk(); ctx.Err() == nil; {
			_, _ = clerk.Lock(ctx, "y") // until the node has ended
		}
	}()
	select {
	case <-n.Exited():
	case <-time.After(20 * time.Second):
		t.Fatal("the node goes on although nothing more can be written")
	}
	if code := n.ExitCode(); code == 0 || !strings.Contains(n.Said(), "no space left") {
		t.Errorf("exit code %d", code)
	}
}

// fill leaves no room on a disk.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}
