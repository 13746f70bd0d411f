package sim

import (
	"encoding/binary"
	"errors"

	"lockstep/lock"
)

// codec stands in for the one of package messages: it keeps the commands and
// gives out the number under which they are kept, padded to about the room that
// they would take. Runs are faster by it, and a command that comes back is the
// very one that was sent.
type codec struct{ kept [][]lock.Command }

// numbering is the codec of one process: what it encodes while it has a role has
// been numbered, and may be executed at any time.
type numbering struct {
	*codec
	p *process
}

func (n numbering) EncodeCommands(commands []lock.Command) []byte {
	if n.p.node.inQuorum() || hasRole(n.p.status.Role) {
		for i := range commands {
			n.p.spread.sent(commands[i].ID())
		}
	}
	return n.codec.EncodeCommands(commands)
}

// commandBytes is what a command takes on the wire, or about that.
const commandBytes = 24

func (c *codec) EncodeCommands(commands []lock.Command) []byte {
	c.kept = append(c.kept, append([]lock.Command(nil), commands...))
	b := make([]byte, 8+len(commands)*commandBytes)
	binary.BigEndian.PutUint64(b, uint64(len(c.kept)))
	return b
}

func (c *codec) DecodeCommands(b []byte) ([]lock.Command, error) {
	if len(b) < 8 {
		return nil, errors.New("too short")
	}
	n := binary.BigEndian.Uint64(b)
	if n == 0 || n > uint64(len(c.kept)) || len(b) != 8+len(c.kept[n-1])*commandBytes {
		return nil, errors.New("nobody has encoded this")
	}
	return c.kept[n-1], nil
}
