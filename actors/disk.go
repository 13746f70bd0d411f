package actors

import (
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/journal"
	"lockstep/observe/metrics"
	"lockstep/replica"
)

// Disk owns the state directory: the identity file and, if the node has one, the
// log. It answers Persist with Synced when the identity is safe, and Store with
// Stored. Each write ends before the next message is looked at, so nothing
// overtakes what was to be on disk before it.
//
// Stores share syncs (group commit): all that have queued while a sync was under
// way are written and synced together.
type Disk struct {
	cfg      DiskConfig
	identity Identity

	asked   *actor.PID // who gets Stored
	last    uint64     // the highest Seq that was appended
	pending bool       // something was appended that is not lazy
	failed  bool       // nobody knows what is on disk
}

// DiskConfig is what a Disk is started with.
type DiskConfig struct {
	Dir      string   // the state directory; empty keeps no identity (tests)
	Identity Identity // what is in Dir

	// Journal is the log. Without it there is no Store.
	Journal *journal.Journal
	Header  journal.Header // of a log that begins in this life; its cluster is the identity's
	Bytes   *atomic.Uint64 // gets what the log takes
	Syncs   *metrics.Syncs // counts the syncs of the log; nil if nobody does

	// Exit ends the node with a *DiskError: after a failed write or sync nobody knows
	// what the disk holds, and trying again proves nothing (R3).
	Exit func(cause error)
}

// DiskError is why a node ends whose state cannot be written any more.
type DiskError struct{ Err error }

func (e *DiskError) Error() string { return e.Err.Error() }

// Unwrap returns what the system has said.
func (e *DiskError) Unwrap() error { return e.Err }

// syncNow comes behind all the Stores that had queued when it was sent.
type syncNow struct{}

// NewDisk returns the actor for a state directory.
func NewDisk(cfg DiskConfig) *Disk {
	d := &Disk{cfg: cfg, identity: cfg.Identity}
	d.measure()
	return d
}

// Receive dispatches.
func (d *Disk) Receive(ctx actor.Context) {
	if d.failed {
		return // the node ends, and nobody is answered any more
	}
	switch m := ctx.Message().(type) {
	case replica.Persist:
		d.persist(ctx, m)
	case replica.Store:
		d.store(ctx, m)
	case syncNow:
		d.sync(ctx)
	case *actor.Stopped:
		d.close()
	default:
		unknown(ctx)
	}
}

// persist writes the identity, behind what was to be stored before it.
func (d *Disk) persist(ctx actor.Context, m replica.Persist) {
	if d.pending {
		d.sync(ctx)
	}
	if d.failed {
		return
	}
	d.identity.View = max(d.identity.View, m.View)
	d.identity.joins(m.Cluster)
	if b := m.Became; b != nil {
		d.identity.becomes(b)
		d.cfg.Header.Node, d.cfg.Header.Member = b.Name(), b.Self
	}
	if d.cfg.Dir != "" {
		if err := SaveIdentity(d.cfg.Dir, d.identity); err != nil {
			d.fail(err)
			return
		}
	}
	if j := d.cfg.Journal; j != nil && j.Owner() != (journal.Header{}) && j.Owner().Cluster != m.Cluster {
		// The log goes on in another cluster, from the next Store on.
		d.begin()
	}
	if !d.failed {
		ctx.Respond(replica.Synced{View: m.View})
	}
}

// begin names this node the owner of what is stored from now on.
func (d *Disk) begin() {
	header := d.cfg.Header
	header.Cluster = d.identity.Cluster
	if err := d.cfg.Journal.Begin(header); err != nil {
		d.fail(err)
	}
}

// store writes, and syncs when what has queued behind it is written too.
func (d *Disk) store(ctx actor.Context, m replica.Store) {
	if d.cfg.Journal.Owner() == (journal.Header{}) {
		d.begin()
	}
	if d.failed {
		return
	}
	if err := d.cfg.Journal.Append(m); err != nil {
		d.fail(err)
		return
	}
	d.asked, d.last = ctx.Sender(), m.Seq
	if !m.Lazy && !d.pending {
		d.pending = true
		ctx.Send(ctx.Self(), syncNow{})
	}
}

func (d *Disk) sync(ctx actor.Context) {
	if !d.pending {
		return // a Persist was between
	}
	d.pending = false
	began := time.Now()
	if err := d.cfg.Journal.Sync(); err != nil {
		d.fail(err)
		return
	}
	if d.cfg.Syncs != nil {
		d.cfg.Syncs.Took(time.Since(began))
	}
	d.measure()
	ctx.Send(d.asked, replica.Stored{Seq: d.last})
}

func (d *Disk) measure() {
	if d.cfg.Bytes != nil {
		d.cfg.Bytes.Store(d.cfg.Journal.Bytes())
	}
}

// fail ends the node.
func (d *Disk) fail(err error) {
	d.failed = true
	d.cfg.Exit(&DiskError{err})
}

// close keeps what was lazy, if it can. What had to be kept was synced.
func (d *Disk) close() {
	if d.cfg.Journal != nil {
		_ = d.cfg.Journal.Sync()
		_ = d.cfg.Journal.Close()
	}
}
