package quorum

import (
	"testing"

	"lockstep/replica"
)

// A large state takes ticks to write down: the snapshot is still there when the
// engine asks for it again.
func TestSnapshotThatTakesLong(t *testing.T) {
	eachMode(t, func(t *testing.T, durable bool) {
		w := startWorld(t, 1, "abc", durable)
		w.snapshot = 3*tickTime + tickTime/2
		w.awaitPrimary()
		w.open(1)
		for _, name := range []string{"a", "b", "c"} {
			node := w.node(name)
			node.crash()
			node.saved, node.id.written, node.id.view = replica.Recovered{}, false, 0 // the disk is lost
			node.start()
			w.until(name+" is back", func() bool {
				return w.primary() != nil && node.core.Status().Role == replica.Backup && node.installs == 1
			})
		}
		w.alike()
	})
}
