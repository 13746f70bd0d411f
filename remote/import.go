package remote

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"lockstep/actors"
	"lockstep/journal"
	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
	"lockstep/replica/quorum"
)

// importLeap is how far a cluster leaves the views of the pair that it was behind:
// the pair's other node may have gone higher than its copy tells. It is at least where
// a cluster would begin that knows nothing.
const importLeap = 1000

// Imported says what a cluster has taken over.
type Imported struct {
	Dir   string     // of the pair's node whose copy it is
	View  lock.View  // of that copy
	Index lock.Index // its last entry
}

// ErrMayLose says that the other node of the pair may have gone on after the only
// copy that was given.
var ErrMayLose = errors.New("the other node may have gone on alone since")

// ImportPair makes the state directory of a cluster's first node out of those of a
// pair whose nodes were durable and have both stopped. With both directories the
// better copy is taken; with one, that, if its node was alone when it stopped or
// the caller accepts a loss. Everything is kept: locks, sessions, remembered
// answers; and tokens go on rising. The other nodes are added to it. The pair's
// logs are only read, and its nodes are marked, so that they do not start again.
func ImportPair(from []string, to, name string, address replica.NodeID, acceptLoss bool) (Imported, error) {
	best, highest, err := bestOf(from)
	if err != nil {
		return Imported{}, fmt.Errorf("remote: %w", err)
	}
	if len(from) == 1 && best.Role != replica.Solo && !acceptLoss {
		return Imported{}, fmt.Errorf("remote: the node of %s was the %s of view %d when it stopped: %w", best.dir, best.Role, best.View, ErrMayLose)
	}
	view := max(highest+importLeap, quorum.Floor(time.Now().Unix()))
	if view > lock.MaxView {
		return Imported{}, fmt.Errorf("remote: view %d is past the last one, %d", view, lock.MaxView)
	}
	table, err := restorePair(best.PairCopy)
	if err != nil {
		return Imported{}, fmt.Errorf("remote: the copy in %s: %w", best.dir, err)
	}
	member := replica.Member{ID: replica.MemberID(draw()), Name: name, Address: address}
	cluster := replica.ClusterID(draw())
	begins := quorum.Begin(quorum.Legacy{
		Member: member, Cluster: cluster, View: view,
		Index: table.Index(), Digest: table.Digest(), Table: messages.EncodeSnapshot(table.Snapshot()),
	})
	identity := actors.Identity{Cluster: cluster, Node: address, View: view, Quorum: true}
	if err := beginDir(to, identity, journal.Header{Cluster: cluster, Member: member.ID, Node: name}, begins); err != nil {
		return Imported{}, fmt.Errorf("remote: %w", err)
	}
	for _, dir := range from {
		if err := markImported(dir, cluster); err != nil {
			return Imported{}, fmt.Errorf("remote: %s has everything, but %s could not be marked, and the pair must not be started again: %w", to, dir, err)
		}
	}
	return Imported{Dir: best.dir, View: best.View, Index: table.Index()}, nil
}

// foundCopy is a copy, and where it was found.
type foundCopy struct {
	replica.PairCopy
	dir string
}

// bestOf returns the copy of the highest view, in it the longest, and the highest
// view that any of the nodes has seen. What cannot be read may be the better one,
// so nothing is taken then.
func bestOf(dirs []string) (best foundCopy, highest lock.View, err error) {
	var none []error
	seen := map[replica.NodeID]string{}
	for _, dir := range dirs {
		identity, known, err := actors.LoadIdentity(dir)
		switch {
		case err != nil:
			return foundCopy{}, 0, err
		case !known:
			return foundCopy{}, 0, fmt.Errorf("no copy of a pair was found in %s: it is not the state directory of a node", dir)
		}
		if err := identity.CheckPast(dir); err != nil {
			return foundCopy{}, 0, err
		}
		if other := seen[identity.Node]; other != "" {
			return foundCopy{}, 0, fmt.Errorf("%s and %s are both of %s: one directory of each node of the pair is wanted", other, dir, identity.Node)
		}
		seen[identity.Node] = dir
		c, err := readPairDir(dir)
		highest = max(highest, identity.View, c.View)
		if errors.Is(err, replica.ErrNoCopy) {
			none = append(none, fmt.Errorf("%s: %w", dir, err))
			continue
		}
		if err != nil {
			return foundCopy{}, 0, fmt.Errorf("the copy in %s cannot be read, and it may be the newer one: %w", dir, err)
		}
		if best.dir == "" || c.View > best.View || c.View == best.View && c.Last > best.Last {
			best = foundCopy{c, dir}
		}
	}
	if best.dir == "" {
		return foundCopy{}, 0, fmt.Errorf("no copy of a pair was found: %w", errors.Join(none...))
	}
	if highest > best.View {
		return foundCopy{}, 0, fmt.Errorf("the newest copy, in %s, is of view %d, and the pair has been in view %d: start its nodes again, the only one left with -found, wait until one serves, and stop them", best.dir, best.View, highest)
	}
	return best, highest, nil
}

func readPairDir(dir string) (replica.PairCopy, error) {
	if _, err := os.Stat(filepath.Join(dir, logDir)); err != nil {
		return replica.PairCopy{}, err
	}
	recovered, owner, err := journal.Read(journal.Dir(filepath.Join(dir, logDir)))
	switch {
	case err != nil:
		return replica.PairCopy{}, err
	case owner == (journal.Header{}):
		return replica.PairCopy{}, errors.New("its log is empty")
	case owner.Member != 0:
		return replica.PairCopy{}, errors.New("the log is that of a cluster's node already")
	}
	return replica.ReadPair(recovered, new(messages.Codec))
}

// markImported keeps a node of the pair from serving beside the cluster.
func markImported(dir string, cluster replica.ClusterID) error {
	identity, _, err := actors.LoadIdentity(dir)
	if err != nil {
		return err
	}
	identity.Imported = cluster
	return actors.SaveIdentity(dir, identity)
}

// restorePair runs what the copy has behind its snapshot.
func restorePair(c replica.PairCopy) (*lock.Table, error) {
	table := lock.NewTable()
	if len(c.Snapshot) > 0 {
		snapshot, err := messages.DecodeSnapshot(c.Snapshot)
		if err != nil {
			return nil, err
		}
		if table, err = lock.Restore(snapshot); err != nil {
			return nil, err
		}
	}
	for _, e := range c.Entries {
		if e.Index != table.Index()+1 {
			return nil, fmt.Errorf("entry %d stands behind entry %d", e.Index, table.Index())
		}
		table.Apply(e)
	}
	return table, nil
}

// beginDir writes a state directory that was empty.
func beginDir(dir string, identity actors.Identity, owner journal.Header, begins replica.Store) error {
	if files, err := os.ReadDir(dir); err == nil && len(files) > 0 {
		return fmt.Errorf("%s is not empty: the cluster's node needs a directory of its own", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	path := filepath.Join(dir, logDir)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	log, _, _, err := journal.Open(journal.Dir(path))
	if err != nil {
		return err
	}
	return inTurn(
		func() error { return log.Begin(owner) },
		func() error { return log.Append(begins) },
		log.Sync,
		log.Close,
		func() error { return actors.SaveIdentity(dir, identity) },
	)
}
