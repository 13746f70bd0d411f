package actors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"lockstep/lock"
	"lockstep/replica"
)

// Identity is what a node remembers of itself in every durability mode (P0): it
// keeps a restarted node from using a view twice.
type Identity struct {
	Cluster     replica.ClusterID   `json:"cluster"`
	Node        replica.NodeID      `json:"node"`
	Incarnation replica.Incarnation `json:"incarnation"`
	View        lock.View           `json:"view"` // the highest seen
	// Former is the cluster before this one: the log may be still that one's, if
	// the node ended in between.
	Former replica.ClusterID `json:"former,omitempty"`
	// Quorum says that it is a node of a cluster, and not one of a pair.
	Quorum bool `json:"quorum,omitempty"`
	// Became says as what the node of a pair goes on.
	Became *replica.Became `json:"became,omitempty"`
	// Imported is the cluster that goes on with what this node of a pair had.
	Imported replica.ClusterID `json:"imported,omitempty"`
}

// CheckPast refuses a node of a pair whose locks a cluster has taken over: both
// would grant them.
func (id *Identity) CheckPast(dir string) error {
	if id.Imported == 0 {
		return nil
	}
	return fmt.Errorf("cluster %x has taken over what the node of %s had, by lockd import, and both would grant the same locks; to undo that, stop the cluster for good and remove the field \"imported\" from %s in both directories of the pair",
		uint64(id.Imported), dir, filepath.Join(dir, identityFile))
}

// joins takes another cluster's id.
func (id *Identity) joins(cluster replica.ClusterID) {
	if cluster != id.Cluster {
		id.Former, id.Cluster = id.Cluster, cluster
	}
}

// becomes makes a node of a pair one of a quorum.
func (id *Identity) becomes(b *replica.Became) {
	id.Quorum, id.Became = true, b
}

// Knows reports whether a log of a cluster may be this node's.
func (id *Identity) Knows(cluster replica.ClusterID) bool {
	return id.Cluster == 0 || cluster == id.Cluster || cluster == id.Former
}

const identityFile = "identity.json"

// LoadIdentity reads the identity in a state directory. It returns false if
// there is none.
func LoadIdentity(dir string) (Identity, bool, error) {
	path := filepath.Join(dir, identityFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Identity{}, false, nil
	}
	if err != nil {
		return Identity{}, false, fmt.Errorf("read the node's identity: %w", err)
	}
	var id Identity
	if err := json.Unmarshal(raw, &id); err != nil {
		return Identity{}, false, fmt.Errorf("the node's identity %s is damaged (%w): restore it, or remove it if the peer is running", path, err)
	}
	return id, true, nil
}

// BeginLife loads the identity, gives the node a new incarnation, and syncs it
// before the node says its first word. known is false for a first start.
func BeginLife(dir string, node replica.NodeID, now time.Time) (id Identity, known bool, err error) {
	id, known, err = LoadIdentity(dir)
	if err != nil {
		return Identity{}, false, err
	}
	if known && id.Node != node {
		return Identity{}, false, fmt.Errorf("the state directory %s belongs to node %s, not to %s: give each node its own with -data", dir, id.Node, node)
	}
	id.Node = node
	id.Incarnation = max(id.Incarnation+1, replica.Incarnation(now.UnixMilli()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Identity{}, false, fmt.Errorf("make the state directory: %w", err)
	}
	if err := SaveIdentity(dir, id); err != nil {
		return Identity{}, false, err
	}
	syncParents(dir)
	return id, known, nil
}

// syncParents makes the directory itself survive a loss of power, whoever made
// it: without it a node with a past would look like a new one. A parent that
// cannot be opened was not made by us.
func syncParents(dir string) {
	dir, err := filepath.Abs(dir)
	for ; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		err = syncDir(filepath.Dir(dir))
	}
}

// SaveIdentity replaces the identity atomically, and returns when it would
// survive a loss of power.
func SaveIdentity(dir string, id Identity) error {
	raw, err := json.Marshal(id)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, identityFile)
	if err := writeSynced(path+".new", append(raw, '\n')); err != nil {
		return fmt.Errorf("write the node's identity: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("replace the node's identity: %w", err)
	}
	return syncDir(dir)
}

func writeSynced(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
