package sim

import (
	"lockstep/journal"
	"lockstep/lock"
	"lockstep/replica"
)

// writer is the disk actor: one write at a time, each taking a while. Stores
// share syncs: all that have queued while one was under way are appended and
// synced together.
type writer struct {
	p       *process
	waiting []write
	log     *journal.Journal // nil: the node keeps none
	header  journal.Header   // of a log that begins in this life
	last    lock.Index       // of a pair: where the order stands that was appended
}

// write is a Persist or a Store.
type write struct {
	view    lock.View
	cluster replica.ClusterID
	became  *replica.Became
	store   *replica.Store
}

func (d *writer) write(one write) {
	d.waiting = append(d.waiting, one)
	if len(d.waiting) == 1 {
		d.begin()
	}
}

func (d *writer) begin() {
	if d.waiting[0].store != nil {
		d.beginStores()
		return
	}
	w := d.p.w
	w.after(10+w.upTo(w.plan.disk), func() {
		if d.p.dead {
			return
		}
		view, became := d.waiting[0].view, d.waiting[0].became
		d.save()
		if became != nil {
			d.header = headerOf(became)
		}
		if d.log != nil && d.log.Owner() != (journal.Header{}) && d.log.Owner().Cluster != d.p.node.disk.cluster {
			// The log goes on in another cluster, from the next Store on.
			if err := d.begins(); err != nil {
				d.failed(err)
				return
			}
		}
		d.p.tell(replica.Synced{View: view})
		d.next()
	})
}

func (d *writer) next() {
	if len(d.waiting) > 0 {
		d.begin()
	}
}

// beginStores appends all Stores up to the next Persist, and syncs them.
func (d *writer) beginStores() {
	n, lazy := 0, true
	var last uint64
	for n < len(d.waiting) && d.waiting[n].store != nil {
		if !d.append(d.waiting[n].store) {
			return
		}
		last, lazy = d.waiting[n].store.Seq, lazy && d.waiting[n].store.Lazy
		n++
	}
	if lazy {
		d.waiting = d.waiting[n:]
		d.next()
		return
	}
	w := d.p.w
	w.after(10+w.upTo(w.plan.disk), func() {
		if d.p.dead {
			return
		}
		d.waiting = d.waiting[n:]
		if err := d.log.Sync(); err != nil {
			d.failed(err)
			return
		}
		d.p.node.log, d.p.node.safe = d.log.Owner().Member, d.last
		d.p.tell(replica.Stored{Seq: last})
		d.next()
	})
}

func (d *writer) append(s *replica.Store) bool {
	var err error
	if d.log.Owner() == (journal.Header{}) {
		err = d.begins()
	}
	if err == nil {
		err = d.log.Append(*s)
	}
	if err != nil {
		d.failed(err)
	}
	if !d.p.node.inQuorum() {
		d.count(s)
	}
	return err == nil
}

// count follows the order that a pair's node stores.
func (d *writer) count(s *replica.Store) {
	if s.Whole {
		d.last = 0
		if s.Snapshot != nil {
			d.last = lock.Index(s.Snapshot.Term)
		}
	}
	for _, e := range s.Entries {
		commands, err := d.p.w.codec.DecodeCommands(e.Data)
		if err != nil {
			panic(err)
		}
		d.last += lock.Index(len(commands))
	}
}

// begins names the owner of what is stored from now on.
func (d *writer) begins() error {
	d.header.Cluster = d.p.node.disk.cluster
	return d.log.Begin(d.header)
}

// failed ends the process: nobody knows what is on disk (R3).
func (d *writer) failed(err error) {
	w := d.p.w
	w.stats.DiskErrors++
	w.trace(string(d.p.node.name), "disk", err.Error())
	n := d.p.node
	n.crash(false)
	w.after(w.upTo(second), func() { w.faults.revive(n) })
}

// save puts the first write on disk. The disk of a paused process goes on.
func (d *writer) save() {
	file := &d.p.node.disk
	file.view, file.cluster = d.waiting[0].view, d.waiting[0].cluster
	if b := d.waiting[0].became; b != nil {
		file.became = b
	}
	d.waiting = d.waiting[1:]
}

// crash comes at any moment of a write: before it, or between it and Synced.
func (d *writer) crash() {
	if len(d.waiting) > 0 && d.waiting[0].store == nil && d.p.w.happens(0.5) {
		d.save()
	}
}
