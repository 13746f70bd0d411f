package actors

import (
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// LockTable owns a lock.Table. Its code is the same on every node: it hands
// requests to the Replicator and applies what comes back in order. Whoever
// asked for an entry here is answered here.
//
//	locktable.go             requests, entries and snapshots
//	locktable_waits.go       grants that come later than their answer (S6)
//	locktable_barriers.go    what is answered without an entry: keep-alives and questions (T1)
//	locktable_queries.go     reports, and questions that wait for events
//	locktable_reign.go       the sessions' time-outs while this node reigns (T2, T3)
//	locktable_notices.go     telling clients what they lost
//	locktable_numbers.go     counting, for those who observe the node
//	locktable_traces.go      telling of requests whose traces somebody keeps
type LockTable struct {
	table      *lock.Table
	history    *lock.History
	leases     *lock.Leases
	asked      map[lock.RequestID]asker // requests that wait for their entry
	waits      waits
	barriers   barriers
	polls      polls
	presence   presence
	mail       Mail
	replicator *actor.PID
	log        *slog.Logger
	pulse      pulse
	fault      replyFault
	numbers    numbers
	losses     losses
	deeds      revokeDeeds
	followed   followed
}

// asker is the client actor to be answered. A repeated request comes from the
// latest address of its client, so the latest asker counts.
type asker struct {
	node   replica.NodeID
	client messages.ClientID
}

// attach tells a LockTable its Replicator.
type attach struct{ replicator *actor.PID }

// NewLockTable returns an actor with an empty table. The period is that of the
// ticks that it will get.
func NewLockTable(mail Mail, period time.Duration, log *slog.Logger) *LockTable {
	return &LockTable{
		table:    lock.NewTable(),
		history:  lock.NewHistory(lock.HistorySize, 0),
		leases:   lock.NewLeases(lock.Millis(period / time.Millisecond)),
		asked:    map[lock.RequestID]asker{},
		waits:    waits{},
		polls:    polls{patience: int(pollTime / period)},
		presence: presence{},
		mail:     mail,
		log:      log,
		losses:   newLosses(log, period),
	}
}

// Receive dispatches.
func (t *LockTable) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *FromClients:
		t.requests(ctx, m)
	case *QueriesFromClients:
		t.queries(ctx, m)
	case replica.Apply:
		t.apply(m)
	case numbered:
		t.followed.numbered(m)
	case replica.Refuse:
		t.refuse(m)
	case replica.Abandon:
		t.abandon(m)
	case replica.Confirmed:
		t.confirmed(m)
	case replica.Barred:
		t.barred(m)
	case replica.Began:
		t.began(m)
	case replica.Ended:
		t.ended()
	case *Tick:
		t.tick(ctx, m)
	case replica.Fingerprint:
		ctx.Send(t.replicator, replica.Fingerprinted{Index: t.table.Index(), Digest: t.table.Digest()})
	case replica.TakeSnapshot:
		t.takeSnapshot(ctx)
	case replica.Install:
		t.install(ctx, m)
	case replica.Reset:
		t.replace(lock.NewTable())
	case tellTable:
		t.tellTable(m)
	case tellWaits:
		t.tellWaits(m)
	case attach:
		t.replicator = m.replicator
	case DieBeforeReply:
		t.fault.arm(m)
	default:
		unknown(ctx)
	}
}

// requests submits what is well-formed and not on its way already: a repeat
// only changes who is to be answered. Keep-alives are never ordered.
func (t *LockTable) requests(ctx actor.Context, m *FromClients) {
	commands := make([]lock.Command, 0, len(m.Requests))
	at := now()
	var out outbox
	traced := parents(m.Traces)
	for _, r := range m.Requests {
		id, who := r.Command.ID(), asker{m.From, r.Client}
		trace := traced.of(id)
		if limit := r.Command.Check(); limit != lock.NoLimit {
			t.numbers.Executed(r.Command.Verb, lock.Invalid)
			t.debug("a malformed request was refused", id, "limit", limit.String())
			out.answer(who, replica.Answer{Request: id, Kind: replica.Executed,
				Result: lock.Result{Outcome: lock.Invalid, Limit: limit}})
			continue
		}
		if r.Command.Verb == lock.KeepAlive {
			t.keepAlive(&out, who, id)
			continue
		}
		if !t.fault.admits(r.Command) {
			continue
		}
		_, waits := t.asked[id]
		t.asked[id] = who
		if !waits {
			r.Command.At = at
			commands = append(commands, r.Command)
			if trace != "" {
				t.followed.came(trace, &r.Command)
			}
			if r.Command.Verb == lock.Revoke {
				t.deeds.asked(m, r.Command)
			}
		}
	}
	out.send(t.mail)
	t.barriers.raise(ctx, t.replicator)
	if len(commands) > 0 {
		t.numbers.submitted(commands[0].ID())
		if ids := t.followed.coming(); len(ids) > 0 {
			ctx.Send(t.replicator, toBeNumbered{ids})
		}
		ctx.Send(t.replicator, replica.Submit{Commands: commands})
	}
}

// now is the time for people: nothing is decided by it.
func now() lock.Millis { return lock.Millis(time.Now().UnixMilli()) }

func (t *LockTable) apply(m replica.Apply) {
	out := outbox{expects: len(m.Entries)}
	t.followed.committed(m.Entries)
	for _, e := range m.Entries {
		result := t.table.Apply(e)
		id := e.Command.ID()
		who, waits := t.asked[id]
		if waits {
			delete(t.asked, id)
			t.numbers.executed(id, e.Command.Verb, result.Outcome)
			t.followed.executed(&e, result)
			t.executed(&out, who, id, result)
		}
		if events := t.table.Events(); len(events) > 0 {
			t.happened(&out, events)
		}
	}
	t.servePolls(&out)
	out.send(t.mail)
	t.followed.told()
}

// executed answers whoever asked for an entry, and remembers those who are to
// hear more.
func (t *LockTable) executed(out *outbox, who asker, id lock.RequestID, result lock.Result) {
	if t.fault.strikes(id) {
		return
	}
	switch result.Outcome {
	case lock.Waiting:
		t.waits[id] = who
	case lock.Opened:
		t.presence[result.Session] = who
	}
	t.deeds.executed(id, result)
	out.answer(who, replica.Answer{Request: id, Kind: replica.Executed, Result: result})
}

// happened passes on what an entry has changed, beyond its answer.
func (t *LockTable) happened(out *outbox, events []lock.Event) {
	t.history.Add(events)
	if t.numbers.happened(events) {
		t.losses.happened(events)
	}
	for i := range events {
		t.leases.Observe(events[i])
	}
	t.followed.happened(events)
	t.waits.observe(out, events)
	t.presence.observe(out, events)
}

func (t *LockTable) refuse(m replica.Refuse) {
	var out outbox
	for _, id := range m.Requests {
		if who, waits := t.asked[id]; waits {
			delete(t.asked, id)
			t.turnAway(id, m.Kind)
			t.deeds.turnedAway(id)
			out.answer(who, replica.Answer{Request: id, Kind: m.Kind, Hint: m.Hint})
		}
	}
	out.send(t.mail)
}

// abandon tells everybody who still waits that the outcome is unknown here.
func (t *LockTable) abandon(m replica.Abandon) {
	var out outbox
	if n := len(t.asked) + len(t.waits); n > 0 {
		t.log.Info("what becomes of the requests that wait here is not known here any more", "requests", n, "ask", string(m.Hint))
	}
	for _, waiting := range []map[lock.RequestID]asker{t.asked, t.waits} {
		for id, who := range waiting {
			t.turnAway(id, replica.Moved)
			t.deeds.over(id, "unknown")
			out.answer(who, replica.Answer{Request: id, Kind: replica.Moved, Hint: m.Hint})
		}
		clear(waiting)
	}
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
	t.replace(table)
	ctx.Send(t.replicator, replica.Installed{Index: table.Index(), Digest: table.Digest(), OK: true})
}

// replace begins with another table. What was kept about the sessions and the
// events of the former one is forgotten.
func (t *LockTable) replace(table *lock.Table) {
	t.table = table
	t.history = lock.NewHistory(lock.HistorySize, table.Index())
	clear(t.waits)
	clear(t.presence)
	t.followed.drop()
}

func decodeTable(bytes []byte) (*lock.Table, error) {
	snapshot, err := messages.DecodeSnapshot(bytes)
	if err != nil {
		return nil, err
	}
	return lock.Restore(snapshot)
}
