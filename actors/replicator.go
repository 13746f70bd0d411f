package actors

import (
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/messages"
	"lockstep/observe/metrics"
	"lockstep/replica"
)

// Replicator owns a replica core: it steps it and carries out the effects.
type Replicator struct {
	core      replica.Core
	lockTable *actor.PID
	disk      *actor.PID
	diskBytes *atomic.Uint64 // that the Disk's log takes; nil without one
	mail      Mail
	period    time.Duration // of a tick
	exit      func(cause error)
	log       *slog.Logger
	pulse     pulse
	dies      ackFault
	leaving   []chan<- struct{} // closed when the core has left
	gone      bool              // it has
	reigns    reigns
	giving    giving // the order that the core is stepped with
	deeds     orderDeeds
	numbering *Numbering // nil: nobody wants to know
}

// giving is one of the orders of a client.
type giving struct {
	by    *OrdersFromClients
	order messages.Order
}

// tellStatus asks a Replicator of this process where it stands; to has room for
// one.
type tellStatus struct{ to chan<- replica.Status }

// tellStanding asks for that and for what was counted; to has room for one.
type tellStanding struct{ to chan<- metrics.Standing }

// leave asks a Replicator to give up its role; done is closed when its farewell
// is on its way.
type leave struct{ done chan<- struct{} }

// Receive dispatches.
func (r *Replicator) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *FromPeer:
		r.fromPeer(ctx, m)
	case replica.Submit:
		r.step(ctx, m)
	case replica.Barrier:
		r.step(ctx, m)
	case *Tick:
		r.step(ctx, replica.Tick{Gap: r.pulse.take(ctx, m)})
		r.reigns.look(r.core.Status())
		r.deeds.tick()
	case *LinkUp:
		r.step(ctx, replica.LinkUp{Node: m.Node})
	case *LinkDown:
		r.step(ctx, replica.LinkDown{Node: m.Node})
	case *DialRefused:
		r.reigns.dialRefused(m.Node)
		r.step(ctx, replica.DialRefused{Node: m.Node})
	case *StreamEnded:
		r.step(ctx, replica.StreamEnded{Node: m.From, Incarnation: m.Incarnation})
	case replica.Synced:
		r.step(ctx, m)
	case replica.Stored:
		r.step(ctx, m)
	case replica.SnapshotTaken:
		r.step(ctx, m)
	case replica.Installed:
		r.step(ctx, m)
	case replica.Fingerprinted:
		r.step(ctx, m)
	case *OrdersFromClients:
		r.orders(ctx, m)
	case *MembersAsked:
		r.membersAsked(m)
	case *StatusAsked:
		r.statusAsked(m)
	case tellStatus:
		m.to <- r.status()
	case tellStanding:
		m.to <- metrics.Standing{Status: r.status(), Reigns: r.reigns.Reigns}
	case toBeNumbered:
		r.numbering.follow(m)
	case leave:
		r.leave(ctx, m)
	case DieBeforeAck:
		r.dies = ackFault{m.Died}
	default:
		unknown(ctx)
	}
}

func (r *Replicator) fromPeer(ctx actor.Context, m *FromPeer) {
	r.reigns.heard(m.From)
	fresh := m.NewConnection
	for _, message := range m.Messages {
		switch message.(type) {
		case replica.Forward:
			r.dies.strike()
		case replica.Bye:
			r.reigns.saidGoodbye(m.From)
		}
		r.step(ctx, replica.Received{
			From: m.From, Incarnation: m.Incarnation, Cluster: m.Cluster,
			NewConnection: fresh, Message: message,
		})
		fresh = false
	}
}

// orders puts operators' orders to the core, which answers each in its step.
func (r *Replicator) orders(ctx actor.Context, m *OrdersFromClients) {
	for i := range m.Orders {
		r.giving = giving{m, m.Orders[i]}
		r.step(ctx, replica.Instruct{ID: m.Orders[i].ID, Order: m.Orders[i].Order})
	}
}

func (r *Replicator) instructed(e replica.Instructed) {
	by, order := r.giving.by, r.giving.order
	r.deeds.answered(by, order, e.Ordered)
	r.mail.Send(by.From, messages.Parcel{Ordered: []messages.Ordered{{Client: order.Client, Ordered: e.Ordered}}})
}

func (r *Replicator) statusAsked(m *StatusAsked) {
	report := messages.StatusReport{Client: m.Client, Status: r.status(), Reigns: slices.Clone(r.reigns.seen)}
	r.mail.Send(m.From, messages.Parcel{StatusReports: []messages.StatusReport{report}})
}

// membersAsked tells a client who the nodes are, as far as this one knows.
func (r *Replicator) membersAsked(m *MembersAsked) {
	status := r.core.Status()
	told := replica.Told{View: status.View, Members: make([]replica.Member, 0, len(status.Members))}
	for i := range status.Members {
		told.Members = append(told.Members, status.Members[i].Member)
	}
	r.mail.Send(m.From, messages.Parcel{Told: []messages.Told{{Client: m.Client, Told: told}}})
}

func (r *Replicator) leave(ctx actor.Context, m leave) {
	r.leaving = append(r.leaving, m.done)
	r.step(ctx, replica.Leave{})
	if r.gone {
		r.left()
	}
}

// left lets go of those who wait for the end of the core's part in the cluster.
func (r *Replicator) left() {
	r.gone = true
	for _, done := range r.leaving {
		close(done)
	}
	r.leaving = nil
}

// step runs the core and carries out what it wants, in order.
func (r *Replicator) step(ctx actor.Context, event replica.Event) {
	for _, effect := range r.core.Step(event) {
		if r.numbering != nil {
			r.numbering.observe(ctx, r.lockTable, effect)
		}
		switch e := effect.(type) {
		case replica.Send:
			r.mail.Send(e.To, messages.Parcel{Pair: []replica.Message{e.Message}})
		case replica.Apply, replica.Refuse, replica.Abandon, replica.TakeSnapshot, replica.Install, replica.Reset,
			replica.Confirmed, replica.Barred, replica.Fingerprint:
			ctx.Send(r.lockTable, e)
		case replica.Began:
			r.reigns.began(r.core.Status())
			ctx.Send(r.lockTable, e)
		case replica.Ended:
			r.reigns.ended()
			ctx.Send(r.lockTable, e)
		case replica.Persist:
			r.mail.SetCluster(e.Cluster)
			ctx.Request(r.disk, e)
		case replica.Store:
			ctx.Request(r.disk, e)
		case replica.Instructed:
			r.instructed(e)
		case replica.Befriend:
			r.mail.Befriend(e.Nodes)
		case replica.ResetLink:
			r.mail.Reset(e.To)
		case replica.Left:
			r.left()
		case replica.Say:
			r.say(e)
		case replica.Exit:
			r.exit(errors.New(e.Reason))
			r.left()
		default:
			panic("an effect that the Replicator does not know")
		}
	}
}

func (r *Replicator) say(s replica.Say) {
	if s.Warn {
		r.log.Warn(s.Text)
		return
	}
	r.log.Info(s.Text)
}

func (r *Replicator) status() replica.Status {
	status := r.core.Status()
	status.TickMS = uint64(r.period / time.Millisecond)
	if r.diskBytes != nil {
		status.DiskBytes = r.diskBytes.Load()
	}
	return status
}
