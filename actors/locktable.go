package actors

import (
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// LockTable owns a lock.Table. Its code is the same on every node: it hands
// requests to the Replicator and applies what comes back in order. Whoever
// asked for an entry here is answered here.
type LockTable struct {
	table      *lock.Table
	asked      map[lock.RequestID]asker // requests that wait for their entry
	mail       Mail
	replicator *actor.PID
	log        *slog.Logger
	fault      replyFault
}

// asker is the client actor to be answered. A repeated request comes from the
// latest address of its client, so the latest asker counts.
type asker struct {
	node   replica.NodeID
	client messages.ClientID
}

// attach tells a LockTable its Replicator.
type attach struct{ replicator *actor.PID }

// NewLockTable returns an actor with an empty table.
func NewLockTable(mail Mail, log *slog.Logger) *LockTable {
	return &LockTable{table: lock.NewTable(), asked: map[lock.RequestID]asker{}, mail: mail, log: log}
}

// Receive dispatches.
func (t *LockTable) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *FromClients:
		t.requests(ctx, m)
	case replica.Apply:
		t.apply(m)
	case replica.Refuse:
		t.refuse(m)
	case replica.Abandon:
		t.abandon(m)
	case replica.TakeSnapshot:
		t.takeSnapshot(ctx)
	case replica.Install:
		t.install(ctx, m)
	case replica.Reset:
		t.table = lock.NewTable()
	case replica.Confirmed, replica.Barred, replica.Began, replica.Ended: // nobody counts time here yet
	case attach:
		t.replicator = m.replicator
	case DieBeforeReply:
		t.fault.arm(m)
	default:
		unknown(ctx)
	}
}

// requests submits what is well-formed and not on its way already: a repeat
// only changes who is to be answered.
func (t *LockTable) requests(ctx actor.Context, m *FromClients) {
	commands := make([]lock.Command, 0, len(m.Requests))
	var out outbox
	for _, r := range m.Requests {
		id, who := r.Command.ID(), asker{m.From, r.Client}
		if limit := r.Command.Check(); limit != lock.NoLimit {
			out.add(who, replica.Answer{Request: id, Kind: replica.Executed,
				Result: lock.Result{Outcome: lock.Invalid, Limit: limit}})
			continue
		}
		if !t.fault.admits(r.Command) {
			continue
		}
		_, waits := t.asked[id]
		t.asked[id] = who
		if !waits {
			commands = append(commands, r.Command)
		}
	}
	out.send(t.mail)
	if len(commands) > 0 {
		ctx.Send(t.replicator, replica.Submit{Commands: commands})
	}
}

func (t *LockTable) apply(m replica.Apply) {
	out := outbox{expects: len(m.Entries)}
	for _, e := range m.Entries {
		result := t.table.Apply(e)
		id := e.Command.ID()
		who, waits := t.asked[id]
		if !waits {
			continue
		}
		delete(t.asked, id)
		if t.fault.strikes(id) {
			continue
		}
		out.add(who, replica.Answer{Request: id, Kind: replica.Executed, Result: result})
	}
	out.send(t.mail)
}

func (t *LockTable) refuse(m replica.Refuse) {
	var out outbox
	for _, id := range m.Requests {
		if who, waits := t.asked[id]; waits {
			delete(t.asked, id)
			out.add(who, replica.Answer{Request: id, Kind: m.Kind, Hint: m.Hint})
		}
	}
	out.send(t.mail)
}

// abandon tells everybody who still waits that the outcome is unknown here.
func (t *LockTable) abandon(m replica.Abandon) {
	var out outbox
	for id, who := range t.asked {
		out.add(who, replica.Answer{Request: id, Kind: replica.Moved, Hint: m.Hint})
	}
	clear(t.asked)
	out.send(t.mail)
}

func (t *LockTable) takeSnapshot(ctx actor.Context) {
	ctx.Send(t.replicator, replica.SnapshotTaken{
		Index:  t.table.Index(),
		Digest: t.table.Digest(),
		Bytes:  messages.EncodeSnapshot(t.table.Snapshot()),
	})
}

// install replaces the table whole or not at all.
func (t *LockTable) install(ctx actor.Context, m replica.Install) {
	table, err := decodeTable(m.Bytes)
	if err != nil {
		t.log.Warn("a snapshot cannot be installed", "error", err)
		ctx.Send(t.replicator, replica.Installed{})
		return
	}
	t.table = table
	ctx.Send(t.replicator, replica.Installed{Index: table.Index(), Digest: table.Digest(), OK: true})
}

func decodeTable(bytes []byte) (*lock.Table, error) {
	snapshot, err := messages.DecodeSnapshot(bytes)
	if err != nil {
		return nil, err
	}
	return lock.Restore(snapshot)
}
