package actors

import (
	"testing"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/observe/traces/tracestest"
	"lockstep/replica"
)

// A Replicator tells its LockTable when a request that is followed gets its place,
// whatever shows it, once, and before it comes back; and of one that is sent away it
// remembers nothing.
func TestWhatIsFollowedIsToldOfWhenItIsNumbered(t *testing.T) {
	followed, other := lockCommand(5, 1, "a"), lockCommand(6, 1, "b")
	both := []lock.Command{other, followed}
	entries := []lock.Entry{entry(1, other), entry(2, followed)}
	for name, c := range map[string]struct {
		effects []replica.Effect
		encodes bool
		told    bool
	}{
		"a quorum proposes it":     {effects: []replica.Effect{replica.Store{Seq: 1}}, encodes: true, told: true},
		"a pair forwards it":       {effects: []replica.Effect{replica.Send{To: "peer", Message: replica.Forward{View: 1, Entries: entries}}}, told: true},
		"and once more":            {effects: []replica.Effect{replica.Send{To: "peer", Message: replica.Forward{View: 1, Entries: entries}}, replica.Send{To: "peer", Message: replica.Forward{View: 1, Entries: entries}}}, told: true},
		"a backup relays it":       {effects: []replica.Effect{replica.Send{To: "peer", Message: replica.Relay{View: 1, Commands: both}}}, told: true},
		"a node orders it alone":   {effects: []replica.Effect{replica.Apply{Entries: entries}}, told: true},
		"it is refused":            {effects: []replica.Effect{replica.Refuse{Requests: []lock.RequestID{followed.ID()}}}},
		"the role has gone":        {effects: []replica.Effect{replica.Abandon{}}},
		"another has its place":    {effects: []replica.Effect{replica.Apply{Entries: entries[:1]}}},
		"something else is stored": {effects: []replica.Effect{replica.Store{Seq: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			onStand(t, func(t *testing.T, s *stand) {
				n := NewNumbering(new(tracestest.Book))
				table, tablePID := s.probe()
				disk, diskPID := s.probe()
				core := &encodingCore{effects: c.effects}
				if c.encodes {
					core.codec, core.commands = n.Codec(new(messages.Codec)), both
				}
				pid := s.spawn(&Replicator{core: core, lockTable: tablePID, disk: diskPID, mail: s, period: nodeTick, numbering: n})
				s.Root().Send(pid, toBeNumbered{[]lock.RequestID{followed.ID()}})
				s.Root().Send(pid, replica.Submit{Commands: both})
				if c.told {
					if got := next[numbered](t, table); len(got.requests) != 1 || got.requests[0] != followed.ID() {
						t.Errorf("told %+v", got)
					}
				}
				for _, e := range c.effects {
					switch e.(type) {
					case replica.Apply:
						next[replica.Apply](t, table)
					case replica.Refuse:
						next[replica.Refuse](t, table)
					case replica.Abandon:
						next[replica.Abandon](t, table)
					case replica.Store:
						next[replica.Store](t, disk)
					}
				}
				nothing(t, table)
				left := 0
				if name == "another has its place" || name == "something else is stored" {
					left = 1
				}
				if len(n.waiting) != left || len(n.numbered) > 0 {
					t.Errorf("left are %v and %v", n.waiting, n.numbered)
				}
			})
		})
	}
}

// encodingCore encodes something in its step, as a core does that proposes.
type encodingCore struct {
	effects  []replica.Effect
	codec    replica.Codec
	commands []lock.Command
}

func (c *encodingCore) Step(replica.Event) []replica.Effect {
	if c.codec != nil {
		c.codec.EncodeCommands(c.commands)
	}
	return c.effects
}

func (c *encodingCore) Status() replica.Status { return replica.Status{} }

// Without a tracer there is nothing between a core and its codec.
func TestNumberingIsForTracersOnly(t *testing.T) {
	codec, n := new(messages.Codec), NewNumbering(nil)
	if n != nil || n.Codec(codec) != replica.Codec(codec) {
		t.Error("a node that tells of nothing looks at what is encoded")
	}
	n.follow(toBeNumbered{[]lock.RequestID{{Number: 1}}})
}
