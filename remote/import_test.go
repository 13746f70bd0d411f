package remote

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/actors"
	"lockstep/journal"
	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
	"lockstep/replica/quorum"
)

// host runs a core with a log in a directory, and a lock table.
type host struct {
	t     *testing.T
	core  replica.Core
	log   *journal.Journal
	owner journal.Header
	table *lock.Table
	last  lock.Entry
}

func (h *host) step(ev replica.Event) {
	h.t.Helper()
	for _, e := range append([]replica.Effect{}, h.core.Step(ev)...) {
		switch e := e.(type) {
		case replica.Persist:
			h.step(replica.Synced{View: e.View})
		case replica.Store:
			h.store(e)
		case replica.Reset:
			h.table = lock.NewTable()
		case replica.Install:
			table, err := restorePair(replica.PairCopy{Snapshot: e.Bytes})
			if err != nil {
				h.t.Fatal(err)
			}
			h.table = table
			h.step(replica.Installed{Index: table.Index(), Digest: table.Digest(), OK: true})
		case replica.TakeSnapshot:
			h.step(replica.SnapshotTaken{Index: h.table.Index(), Digest: h.table.Digest(), Bytes: messages.EncodeSnapshot(h.table.Snapshot())})
		case replica.Fingerprint:
			h.step(replica.Fingerprinted{Index: h.table.Index(), Digest: h.table.Digest()})
		case replica.Apply:
			for _, entry := range e.Entries {
				h.table.Apply(entry)
				h.last = entry
			}
		case replica.Exit:
			h.t.Fatal(e.Reason)
		}
	}
}

func (h *host) store(s replica.Store) {
	if h.log.Owner() == (journal.Header{}) {
		if err := h.log.Begin(h.owner); err != nil {
			h.t.Fatal(err)
		}
	}
	if err := h.log.Append(s); err != nil {
		h.t.Fatal(err)
	}
	if err := h.log.Sync(); err != nil {
		h.t.Fatal(err)
	}
	h.step(replica.Stored{Seq: s.Seq})
}

func (h *host) ask(commands ...lock.Command) {
	h.t.Helper()
	h.step(replica.Submit{Commands: commands})
}

func open(t *testing.T, dir string) (*journal.Journal, replica.Recovered, journal.Header) {
	t.Helper()
	path := filepath.Join(dir, logDir)
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	log, recovered, owner, err := journal.Open(journal.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	return log, recovered, owner
}

// pairDir is the state directory of a pair's node that was alone, with so many
// locks held.
func pairDir(t *testing.T, view lock.View, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	log, _, _ := open(t, dir)
	core, err := replica.OpenPair(replica.PairConfig{
		Pair: [2]replica.NodeID{nodeA, nodeB}, AsPrimary: true, Incarnation: 1, NewCluster: 9, View: view - 1,
		SuspectTicks: replica.MinSuspectTicks, Durable: true, Codec: new(messages.Codec), RetainBytes: 300,
	})
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, core: core, log: log, owner: journal.Header{Cluster: 9, Node: string(nodeA)}, table: lock.NewTable()}
	for range replica.MinSuspectTicks {
		h.step(replica.Tick{})
	}
	h.ask(lock.Command{Verb: lock.OpenSession, Number: 77})
	session := lock.SessionID(h.table.Snapshot().Last)
	for i, name := range names {
		h.ask(lock.Command{Session: session, Slot: lock.Slot(i), Number: 1, Verb: lock.Lock, Name: name})
	}
	if got := len(h.table.Snapshot().Locks); got != len(names) {
		t.Fatalf("%d locks are held", got)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := actors.SaveIdentity(dir, actors.Identity{Cluster: 9, Node: nodeA, View: view}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// ofTheOther makes a directory that of the pair's other node.
func ofTheOther(t *testing.T, dir string) string {
	t.Helper()
	identity, _, err := actors.LoadIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	identity.Node = nodeB
	if err := actors.SaveIdentity(dir, identity); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Two directories of one node are an old one and a newer: what the pair's other
// node has is in neither.
func TestTwoDirectoriesOfOneNodeAreNoPair(t *testing.T) {
	to := filepath.Join(t.TempDir(), "a")
	_, err := ImportPair([]string{pairDir(t, 3, "old"), pairDir(t, 5, "new")}, to, "a", nodeC, false)
	if err == nil || !strings.Contains(err.Error(), "are both of "+string(nodeA)+": one directory of each node of the pair is wanted") {
		t.Error(err)
	}
	if _, err := os.Stat(to); err == nil {
		t.Error("something was made")
	}
}

// A cluster goes on with all that a pair has held, and its tokens are higher.
func TestAClusterTakesAPairOver(t *testing.T) {
	var many []string
	for i := range 40 { // more than the log keeps: there is a snapshot
		many = append(many, strings.Repeat("x", i+1))
	}
	stale, newest := ofTheOther(t, pairDir(t, 3, "old")), pairDir(t, 5, many...)
	to := filepath.Join(t.TempDir(), "a")
	got, err := ImportPair([]string{stale, newest}, to, "a", nodeC, false)
	if err != nil {
		t.Fatal(err)
	}
	if got != (Imported{Dir: newest, View: 5, Index: 41}) {
		t.Fatalf("%+v", got)
	}
	log, recovered, owner := open(t, to)
	identity, known, err := actors.LoadIdentity(to)
	if err != nil || !known || identity.Cluster != owner.Cluster || identity.Node != nodeC || owner.Node != "a" || owner.Member == 0 {
		t.Fatalf("%+v, %+v, %v", identity, owner, err)
	}
	core, err := quorum.New(quorum.Config{
		Name: "a", Address: nodeC, Peers: []replica.Peer{{Name: "a", Address: nodeC}}, Incarnation: 1, Member: owner.Member,
		HasIdentity: true, View: identity.View, Cluster: identity.Cluster, NewCluster: 4, Durable: true, Codec: new(messages.Codec),
	}, recovered)
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, core: core, log: log, table: lock.NewTable()}
	for range 50 {
		h.step(replica.Tick{})
	}
	if s := core.Status(); s.Role != replica.Primary {
		t.Fatalf("%+v", s)
	}
	state := h.table.Snapshot()
	if len(state.Locks) != 40 || len(state.Sessions) != 1 {
		t.Fatalf("%d locks and %d sessions", len(state.Locks), len(state.Sessions))
	}
	h.ask(lock.Command{Verb: lock.OpenSession, Number: 78})
	if h.last.View <= max(1005, quorum.Floor(time.Now().Add(-time.Hour).Unix())) || h.last.Index != 42 || h.table.Snapshot().Last <= state.Last {
		t.Fatalf("%+v", h.last)
	}
}

func TestWhatIsNoPairIsNotTakenOver(t *testing.T) {
	pair, taken := pairDir(t, 1, "x"), pairDir(t, 1, "x")
	cluster := filepath.Join(t.TempDir(), "a")
	if _, err := ImportPair([]string{taken}, cluster, "a", nodeC, false); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		from []string
		to   string
		want string
	}{
		"nothing":             {[]string{t.TempDir()}, filepath.Join(t.TempDir(), "a"), "no copy of a pair was found"},
		"a cluster":           {[]string{cluster}, filepath.Join(t.TempDir(), "a"), "cluster's node already"},
		"a second time":       {[]string{taken}, filepath.Join(t.TempDir(), "a"), "has taken over"},
		"into a cluster":      {[]string{pair}, cluster, "is not empty"},
		"into the pair's own": {[]string{pair}, pair, "is not empty"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ImportPair(c.from, c.to, "a", nodeC, false); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatal(err)
			}
		})
	}
}

// rewrite changes what a pair's directory says in one file of its log.
func rewrite(t *testing.T, dir string, change func([]byte)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, logDir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		change(raw)
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// says gives a pair's log another last role.
func says(t *testing.T, dir string, role replica.Role, view lock.View) {
	t.Helper()
	log, _, _ := open(t, dir)
	if err := log.Append(replica.Store{State: []byte{1, byte(role), byte(view >> 16), byte(view >> 8), byte(view)}}); err != nil {
		t.Fatal(err)
	}
	if err := log.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// Of two copies the one that cannot be read may be the newer one.
func TestACopyThatCannotBeReadIsNotPassedOver(t *testing.T) {
	for name, spoil := range map[string]func(dir string){
		"a bit has flipped": func(dir string) { rewrite(t, dir, func(raw []byte) { raw[len(raw)/2] ^= 1 }) },
		"no log":            func(dir string) { _ = os.RemoveAll(filepath.Join(dir, logDir)) },
		"an empty log": func(dir string) {
			_ = os.RemoveAll(filepath.Join(dir, logDir))
			_ = os.Mkdir(filepath.Join(dir, logDir), 0o700)
		},
		"no identity":  func(dir string) { _ = os.Remove(filepath.Join(dir, "identity.json")) },
		"a later view": func(dir string) { _ = actors.SaveIdentity(dir, actors.Identity{Cluster: 9, Node: nodeA, View: 6}) },
	} {
		t.Run(name, func(t *testing.T) {
			stale, newest := pairDir(t, 3, "old"), pairDir(t, 5, "new")
			spoil(newest)
			to := filepath.Join(t.TempDir(), "a")
			if got, err := ImportPair([]string{stale, newest}, to, "a", nodeC, true); err == nil {
				t.Fatalf("%+v", got)
			}
			if _, err := os.Stat(to); err == nil {
				t.Fatal("a directory was made")
			}
		})
	}
}

// A copy that says itself that it is none is nothing to wait for.
func TestACopyThatWasGivenUpIsPassedOver(t *testing.T) {
	stale, newest := ofTheOther(t, pairDir(t, 3, "old")), pairDir(t, 5, "new")
	says(t, stale, replica.Demoted, 5)
	got, err := ImportPair([]string{stale, newest}, filepath.Join(t.TempDir(), "a"), "a", nodeC, false)
	if err != nil || got.Dir != newest {
		t.Fatal(got, err)
	}
}

// Who was not alone when it stopped may have been left behind.
func TestHalfOfAPairIsTakenOverOnlyByItsWord(t *testing.T) {
	for _, role := range []replica.Role{replica.Primary, replica.Backup} {
		half := pairDir(t, 5, "x")
		says(t, half, role, 5)
		to := filepath.Join(t.TempDir(), "a")
		if _, err := ImportPair([]string{half}, to, "a", nodeC, false); !errors.Is(err, ErrMayLose) {
			t.Fatalf("a %s: %v", role, err)
		}
		if _, err := ImportPair([]string{half}, to, "a", nodeC, true); err != nil {
			t.Fatal(err)
		}
	}
}

// A copy that is the only one is not written to.
func TestAnImportOnlyReadsTheLog(t *testing.T) {
	pair := pairDir(t, 5, "x")
	before := content(t, pair)
	if _, err := ImportPair([]string{pair}, filepath.Join(t.TempDir(), "a"), "a", nodeC, false); err != nil {
		t.Fatal(err)
	}
	if after := content(t, pair); !maps.Equal(before, after) {
		t.Fatalf("%d files before, %d after", len(before), len(after))
	}
}

// content is what the files of a log hold.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, logDir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	all := map[string]string{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[file] = string(raw)
	}
	return all
}

// A pair beside the cluster would grant what the cluster grants.
func TestANodeThatWasTakenOverDoesNotStart(t *testing.T) {
	pair, other := pairDir(t, 5, "x"), ofTheOther(t, pairDir(t, 3, "y"))
	if _, err := ImportPair([]string{other, pair}, filepath.Join(t.TempDir(), "a"), "a", nodeC, false); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{pair, other} {
		for _, durable := range []bool{true, false} {
			_, err := StartNode(NodeConfig{Pair: [2]replica.NodeID{nodeA, nodeB}, AsPrimary: true, Dir: dir, Durable: durable}, NewNetwork().Start)
			if err == nil || !strings.Contains(err.Error(), "has taken over") || !strings.Contains(err.Error(), `"imported"`) || strings.Contains(err.Error(), "\n") {
				t.Fatal(err)
			}
		}
	}
	identity, _, err := actors.LoadIdentity(pair)
	if err != nil {
		t.Fatal(err)
	}
	identity.Imported = 0 // as the line says
	if err := actors.SaveIdentity(pair, identity); err != nil {
		t.Fatal(err)
	}
	node, err := StartNode(NodeConfig{Pair: [2]replica.NodeID{nodeA, nodeB}, AsPrimary: true, Dir: pair, Durable: true}, NewNetwork().Start)
	if err != nil {
		t.Fatal(err)
	}
	node.Kill()
}
