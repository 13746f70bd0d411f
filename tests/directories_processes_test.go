package tests

import (
	wire "encoding/binary"
	"encoding/json"
	"hash/crc32"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/tests/cluster"
)

// contents are the files of a state directory, but for what says that it is in use.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "lock" {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path) // it is below
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("nothing is in %s", dir)
	}
	return files
}

// withoutLives leaves out of an identity which life of the node this is: a life
// that ends at once has had its number.
func withoutLives(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	files = maps.Clone(files)
	identity := map[string]any{}
	if err := json.Unmarshal([]byte(files["identity.json"]), &identity); err != nil {
		t.Fatal(err)
	}
	delete(identity, "incarnation")
	text, err := json.Marshal(identity)
	if err != nil {
		t.Fatal(err)
	}
	files["identity.json"] = string(text)
	return files
}

// refuses starts a lockd that cannot go on, and wants one clear line and a
// non-zero exit code soon.
func refuses(t *testing.T, says string, args ...string) {
	t.Helper()
	lockd := exec.Command(binary(t, "lockd"), args...)
	var said strings.Builder
	lockd.Stderr = &said
	if err := lockd.Start(); err != nil {
		t.Fatal(err)
	}
	over := time.AfterFunc(20*time.Second, func() { _ = lockd.Process.Kill() })
	defer over.Stop()
	err := lockd.Wait()
	code := lockd.ProcessState.ExitCode()
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	last := lines[len(lines)-1]
	t.Logf("exit code %d: %s", code, last)
	if code <= 0 || !strings.Contains(last, says) {
		t.Errorf("exit code %d (%v); want another than 0, and a last line with %q:\n%s", code, err, says, said.String())
	}
	complaints := 0
	for _, line := range lines {
		if !strings.Contains(line, " INFO ") && !strings.Contains(line, " WARN ") {
			complaints++
		}
	}
	if complaints != 1 {
		t.Errorf("%d lines complain, not one:\n%s", complaints, said.String())
	}
}

// used starts three nodes, lets them work a little, and stops them all.
func used(t *testing.T) *trio {
	t.Helper()
	w := startTrio(t, "-durability", "fsync")
	client := w.dial()
	if yes, err := client.Clerk().Lock(t.Context(), "x"); !yes || err != nil {
		t.Fatal(yes, err)
	}
	for _, n := range w.Nodes {
		n.Kill()
	}
	return w
}

// again are the arguments of a node, with some of them changed.
func again(n *cluster.Node, change ...string) []string {
	args := strings.Fields(n.Command())[1:]
	for i := 0; i+1 < len(change); i += 2 {
		for k, arg := range args {
			if arg == change[i] {
				args[k+1] = change[i+1]
			}
		}
	}
	return args
}

// What cannot go on says so, and leaves the data as it was.
func TestBadDirectoriesAreLeftAlone(t *testing.T) {
	t.Parallel()
	t.Run("of another node", func(t *testing.T) {
		w := used(t)
		a, b := w.Nodes[0], w.Nodes[1]
		before := contents(t, a.Dir)
		refuses(t, "", again(b, "-data", a.Dir)...)
		wantSame(t, before, contents(t, a.Dir))
	})
	t.Run("in use", func(t *testing.T) {
		w := startTrio(t)
		n := w.Nodes[0]
		refuses(t, "runs already", again(n)...)
		w.awaitWhole()
	})
	t.Run("of another cluster", func(t *testing.T) {
		old := used(t)
		// Somebody founds a cluster at the same addresses, with the same names.
		w := start(t, cluster.New(cluster.Config{
			Lockd: binary(t, "lockd"), Dir: t.TempDir(), Addresses: old.addresses, Flags: []string{"-durability", "fsync"},
		}))
		n := w.Nodes[0]
		n.Kill()
		dir := old.Nodes[0].Dir
		before := contents(t, dir)
		refuses(t, "cluster", again(n, "-data", dir)...)
		wantKept(t, withoutLives(t, before), withoutLives(t, contents(t, dir)))
		w.begin(n)
		w.awaitWhole()

		// And the old cluster still lives from what it has.
		w.Stop()
		for _, n := range old.Nodes {
			old.begin(n)
		}
		old.awaitWhole()
		if again, err := old.dial().Clerk().Lock(t.Context(), "x"); again || err != nil {
			t.Errorf("what was locked before: %v, %v", again, err)
		}
	})
	t.Run("of a name that another has", func(t *testing.T) {
		w := startTrio(t)
		a := w.Nodes[0]
		elsewhere := freeAddress(t)
		refuses(t, "cannot be a member beside", again(a, "-data", t.TempDir(), "-listen", elsewhere, "-peers",
			"a="+elsewhere+",b="+w.Nodes[1].Address+",c="+w.Nodes[2].Address)...)
		w.awaitWhole()
	})
	t.Run("from a newer version", func(t *testing.T) {
		w := used(t)
		n := w.Nodes[0]
		newer(t, n.Dir)
		before := contents(t, n.Dir)
		refuses(t, "newer", again(n)...)
		wantSame(t, before, contents(t, n.Dir))
	})
	t.Run("damaged", func(t *testing.T) {
		w := used(t)
		n := w.Nodes[0]
		flip(t, n.Dir)
		before := contents(t, n.Dir)
		refuses(t, n.Dir, again(n)...)
		wantSame(t, before, contents(t, n.Dir))
	})
}

func wantSame(t *testing.T, before, after map[string]string) {
	t.Helper()
	wantKept(t, before, after)
	for name := range after {
		if _, was := before[name]; !was {
			t.Errorf("%s is new", name)
		}
	}
}

// wantKept allows new files: a life that lasted until others had spoken has begun
// one in the log.
func wantKept(t *testing.T, before, after map[string]string) {
	t.Helper()
	for name, content := range before {
		if after[name] != content {
			t.Errorf("%s has changed from %d bytes to %d:\n%q\n%q", name, len(content), len(after[name]), content, after[name])
		}
	}
}

// logFile is the newest file of a node's log.
func logFile(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "log", "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no log in %s: %v", dir, err)
	}
	return files[len(files)-1]
}

// newer makes a log one of a version that does not exist yet. A file begins with
// a word of 8 bytes, the version in 4, and a checksum of both in 4.
func newer(t *testing.T, dir string) {
	t.Helper()
	edit(t, logFile(t, dir), func(content []byte) {
		wire.LittleEndian.PutUint32(content[8:], 1000)
		wire.LittleEndian.PutUint32(content[12:], crc32.Checksum(content[:12], crc32.MakeTable(crc32.Castagnoli)))
	})
}

// flip changes a bit in the middle of a log, where something complete follows.
func flip(t *testing.T, dir string) {
	t.Helper()
	edit(t, logFile(t, dir), func(content []byte) { content[len(content)/2] ^= 4 })
}

func edit(t *testing.T, path string, change func([]byte)) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	change(content)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
