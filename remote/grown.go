package remote

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"lockstep/actors"
	"lockstep/journal"
	"lockstep/messages"
	"lockstep/replica"
	"lockstep/replica/quorum"
)

// Became tells what the node of a state directory has become, if it was one of a
// pair and is one of a quorum by now.
func Became(dir string) (*replica.Became, error) {
	identity, _, err := actors.LoadIdentity(dir)
	return identity.Became, err
}

// member is what a node of a pair goes on as, whatever it is started with.
func (cfg *NodeConfig) member(self replica.NodeID, b *replica.Became) QuorumConfig {
	return QuorumConfig{
		Name: b.Name(), Address: self, Listen: cfg.Listen, Peers: b.Peers(),
		Durable: cfg.Durable, Insecure: cfg.Insecure, TLS: cfg.TLS, Admit: cfg.Admit, Dir: cfg.Dir, Tick: cfg.Tick,
		Exit: cfg.Exit, Deeds: cfg.Deeds, Tracer: cfg.Tracer, Log: cfg.Log,
	}
}

// takeOver begins the log of a node that has ended between its identity, which says
// that it is one of a quorum, and the first word of its log. What lies there is the
// pair's, and whole: nothing was ordered by it any more.
func takeOver(dir string) error {
	identity, _, err := actors.LoadIdentity(dir)
	if err != nil || identity.Became == nil {
		return err
	}
	path, b := filepath.Join(dir, logDir), identity.Became
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil // it was lost with what was in it
	}
	recovered, owner, err := journal.Read(journal.Dir(path))
	if err != nil || owner == (journal.Header{}) || owner.Member != 0 {
		return err
	}
	c, err := replica.ReadPair(recovered, new(messages.Codec))
	if err != nil {
		return err
	}
	table, err := restorePair(c)
	switch {
	case err != nil:
		return err
	case table.Index() != b.Index:
		return fmt.Errorf("the log in %s ends with entry %d of the pair, and the quorum began with entry %d: start this node with an empty state directory", path, table.Index(), b.Index)
	}
	log, _, _, err := journal.Open(journal.Dir(path))
	if err != nil {
		return err
	}
	return inTurn(
		func() error { return log.Begin(journal.Header{Cluster: b.Cluster, Member: b.Self, Node: b.Name()}) },
		func() error {
			return log.Append(quorum.BeginGrown(b, table.Digest(), messages.EncodeSnapshot(table.Snapshot())))
		},
		log.Sync,
		log.Close,
	)
}

// inTurn does one after the other, up to the first error.
func inTurn(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
