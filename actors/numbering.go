package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"lockstep/lock"
	"lockstep/observe/traces"
	"lockstep/replica"
)

// Numbering finds out when requests whose traces somebody keeps get their place in
// the order: until then they wait for the batches before theirs. A core does not
// say so, but what it numbers it encodes or forwards at that moment. It belongs to a
// Replicator, and nil finds out nothing.
type Numbering struct {
	waiting  map[lock.RequestID]struct{} // those that have no place yet
	numbered []lock.RequestID            // those that got it in this step
}

// NewNumbering is for a node that tells of traces, and nil for any other.
func NewNumbering(tracer traces.Tracer) *Numbering {
	if tracer == nil {
		return nil
	}
	return &Numbering{waiting: map[lock.RequestID]struct{}{}}
}

// Codec is a codec for a core that is looked at while it encodes.
func (n *Numbering) Codec(of replica.Codec) replica.Codec {
	if n == nil {
		return of
	}
	return numberingCodec{of, n}
}

type numberingCodec struct {
	replica.Codec
	numbering *Numbering
}

// EncodeCommands implements replica.Codec.
func (c numberingCodec) EncodeCommands(commands []lock.Command) []byte {
	if len(c.numbering.waiting) > 0 {
		for i := range commands {
			c.numbering.gets(commands[i].ID())
		}
	}
	return c.Codec.EncodeCommands(commands)
}

// What a LockTable and its Replicator tell each other of requests that are followed.
type (
	toBeNumbered struct{ requests []lock.RequestID }
	numbered     struct{ requests []lock.RequestID }
)

func (n *Numbering) follow(m toBeNumbered) {
	if n == nil {
		return
	}
	for _, id := range m.requests {
		if len(n.waiting) < maxFollowed {
			n.waiting[id] = struct{}{}
		}
	}
}

// gets notes that a request, if it is followed, has its place.
func (n *Numbering) gets(id lock.RequestID) {
	if _, waits := n.waiting[id]; waits {
		delete(n.waiting, id)
		n.numbered = append(n.numbered, id)
	}
}

// observe looks at an effect, before it is carried out, and tells the LockTable what
// has been numbered.
func (n *Numbering) observe(ctx actor.Context, lockTable *actor.PID, effect replica.Effect) {
	if len(n.waiting)+len(n.numbered) == 0 {
		return
	}
	switch e := effect.(type) {
	case replica.Send:
		n.sent(e.Message)
	case replica.Apply: // of a node that orders alone, and of what had its place already
		for i := range e.Entries {
			n.gets(e.Entries[i].Command.ID())
		}
	case replica.Refuse:
		for _, id := range e.Requests {
			delete(n.waiting, id)
		}
	case replica.Abandon:
		clear(n.waiting)
	}
	if len(n.numbered) > 0 {
		ctx.Send(lockTable, numbered{n.numbered})
		n.numbered = nil
	}
}

// sent looks at a message of a pair. What a backup relays gets its place elsewhere.
func (n *Numbering) sent(message replica.Message) {
	switch m := message.(type) {
	case replica.Forward:
		for i := range m.Entries {
			n.gets(m.Entries[i].Command.ID())
		}
	case replica.Relay:
		for i := range m.Commands {
			n.gets(m.Commands[i].ID())
		}
	}
}
