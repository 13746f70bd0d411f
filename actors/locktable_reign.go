package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"lockstep/lock"
	"lockstep/replica"
)

// began counts the time-outs of every session and grant anew (T3).
func (t *LockTable) began(m replica.Began) {
	t.leases.Begin(m.View, t.table)
	t.numbers.reigns = true
}

// ended stops the counting. Whoever waits for events has to ask the node that
// reigns now.
func (t *LockTable) ended() {
	t.leases.End()
	t.numbers.reigns = false
	var out outbox
	t.polls.refuse(&out)
	out.send(t.mail)
}

// tick counts for the sessions (T2) and for the questions that wait.
func (t *LockTable) tick(ctx actor.Context, m *Tick) {
	t.pulse.take(ctx, m) // a gap counts as one tick
	t.expire(ctx)
	t.losses.tick()
	var out outbox
	t.polls.tick(&out, t.table.Index())
	out.send(t.mail)
}

// expire proposes what has run out, for this reign alone. It takes effect when
// it comes back as an entry, if it does.
func (t *LockTable) expire(ctx actor.Context) {
	commands := t.leases.Tick()
	if len(commands) == 0 {
		return
	}
	at := now()
	for i := range commands {
		commands[i].At = at
	}
	ctx.Send(t.replicator, replica.Submit{Commands: commands, View: lock.View(commands[0].Number)})
}
