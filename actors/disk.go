package actors

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/replica"
)

// Disk owns the state directory. It answers Persist with Synced when the
// identity is safe. Each write ends before the next message is looked at, so
// the file never goes back.
type Disk struct {
	dir      string // empty: the node keeps no identity (tests)
	identity Identity
}

// NewDisk returns the actor for a state directory with the identity in it.
func NewDisk(dir string, identity Identity) *Disk {
	return &Disk{dir: dir, identity: identity}
}

// Receive dispatches.
func (d *Disk) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case replica.Persist:
		d.persist(ctx, m)
	default:
		unknown(ctx)
	}
}

// persist panics when the disk fails, which ends the node: after a failed sync
// nobody knows what the disk holds, and trying again proves nothing.
func (d *Disk) persist(ctx actor.Context, m replica.Persist) {
	d.identity.View = max(d.identity.View, m.View)
	d.identity.Cluster = m.Cluster
	if d.dir != "" {
		if err := SaveIdentity(d.dir, d.identity); err != nil {
			panic(fmt.Sprintf("the identity cannot be kept: %v", err))
		}
	}
	ctx.Respond(replica.Synced{View: m.View})
}
