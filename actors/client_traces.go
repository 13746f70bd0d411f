package actors

import (
	"context"
	"strings"
	"unsafe"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/observe/traces"
	"lockstep/replica"
)

// WithTraces has the nodes told to which traces calls belong, by their contexts.
// Without it no context is looked at.
func WithTraces() ClientOption { return func(c *Caller) { c.traced = true } }

// mark is on a call whose trace somebody keeps.
type mark struct {
	parent string         // the call's own span, as the nodes are told
	told   replica.NodeID // the node that was told last
}

// markOf returns the mark for a call with a context, or nil.
func (c *Caller) markOf(ctx context.Context) *mark {
	if !c.traced {
		return nil
	}
	in := traces.Of(ctx)
	if !in.Sampled() {
		return nil
	}
	return &mark{parent: in.String()}
}

// follow marks a call, if its trace is kept.
func (c *Caller) follow(ctx context.Context, one *call) {
	if one.mark = c.markOf(ctx); one.mark != nil {
		one.Name = strings.Clone(one.Name)
	}
}

// marks are the calls under way that have one. The core gives a call its slot and
// its number, and does not say which; but the name in a command is the very string
// of its call, and that of a call with a mark is a copy of its own. What is carried
// has its number from the beginning.
type marks struct {
	named   map[*byte]*mark
	carried map[lock.RequestID]*mark
}

func (m *marks) add(one *call) {
	if one.carry != nil {
		if m.carried == nil {
			m.carried = map[lock.RequestID]*mark{}
		}
		m.carried[one.carry.carry.Command.ID()] = one.mark
		return
	}
	if m.named == nil {
		m.named = map[*byte]*mark{}
	}
	m.named[unsafe.StringData(one.Name)] = one.mark
}

// remove takes out the mark of a call that has ended. One that was carried for
// several has the mark of the last of them.
func (m *marks) remove(one *call) {
	if one.carry == nil {
		delete(m.named, unsafe.StringData(one.Name))
		return
	}
	if id := one.carry.carry.Command.ID(); m.carried[id] == one.mark {
		delete(m.carried, id)
	}
}

// tell returns what a node is to be told of the traces of some commands: once, as
// long as it is the one that is asked. A request that waits is asked again and
// again.
func (m *marks) tell(node replica.NodeID, commands []lock.Command) (told []messages.Trace) {
	if len(m.named)+len(m.carried) == 0 {
		return nil
	}
	for i := range commands {
		id := commands[i].ID()
		one := m.carried[id]
		if one == nil && commands[i].Name != "" {
			one = m.named[unsafe.StringData(commands[i].Name)]
		}
		if one != nil && one.told != node {
			one.told = node
			told = append(told, messages.Trace{Request: id, Parent: one.parent})
		}
	}
	return told
}
