package remote

import (
	"fmt"
	"os"
	"path/filepath"

	"lockstep/actors"
	"lockstep/journal"
	"lockstep/replica"
)

// logDir is where a node keeps its log, in its state directory.
const logDir = "log"

// openLog opens the log in a state directory. If it cannot be this node's it is
// left as it was. Without durable there must not be a log: what happens now would
// be missing from it later, and a node that goes on where it ends would not know
// that.
func openLog(dir, name string, durable, quorum bool) (*journal.Journal, replica.Recovered, error) {
	none := replica.Recovered{}
	path := filepath.Join(dir, logDir)
	if !durable {
		if files, err := os.ReadDir(path); err == nil && len(files) > 0 {
			return nil, none, fmt.Errorf("there is a log in %s, which a node without durability would not keep up: start the node with -durability fsync, or remove the log to begin without it", path)
		}
		return nil, none, nil
	}
	identity, _, err := actors.LoadIdentity(dir)
	if err != nil {
		return nil, none, err
	}
	j, recovered, _, err := journal.Open(journal.Dir(path), func(owner journal.Header) error {
		return checkOwner(path, owner, name, identity, quorum)
	})
	if err != nil {
		return nil, none, err
	}
	return j, recovered, nil
}

// checkOwner refuses a log that another node has written, or this one for another
// cluster.
func checkOwner(path string, owner journal.Header, name string, identity actors.Identity, quorum bool) error {
	switch {
	case owner.Node != name:
		return fmt.Errorf("the log in %s belongs to node %s, not to %s: give each node its own directory with -data", path, owner.Node, name)
	case quorum != (owner.Member != 0):
		was := map[bool]string{true: "of a pair", false: "of a cluster of three or more"}[quorum]
		return fmt.Errorf("the log in %s belongs to a node %s: start it as what it was, or give this one another directory with -data", path, was)
	case !identity.Knows(owner.Cluster):
		return fmt.Errorf("the log in %s belongs to cluster %x, and this node to cluster %x: give each cluster its own directories with -data", path, uint64(owner.Cluster), uint64(identity.Cluster))
	default:
		return nil
	}
}
