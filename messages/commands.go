package messages

import (
	"bytes"
	"errors"
	"fmt"

	"lockstep/lock"
	"lockstep/replica"
)

// commandsFormat stands in front of every batch of commands. A log outlives the
// program that wrote it: what an older program must not skip gets a new one.
const commandsFormat = 1

var errNoCommands = errors.New("messages: Commands: at byte 0: there is no format")

// Codec turns batches of commands into what an entry of a log holds, and back.
// One actor owns it.
type Codec struct{ scratch []byte }

var _ replica.Codec = (*Codec)(nil)

// EncodeCommands returns a batch as bytes that share nothing with anybody. A log
// keeps many of them for long, so they take no more memory than they need.
func (c *Codec) EncodeCommands(commands []lock.Command) []byte {
	b := append(c.scratch[:0], commandsFormat)
	for i := range commands {
		b = appendCommand(b, 1, &commands[i])
	}
	c.scratch = b
	return bytes.Clone(b)
}

// DecodeCommands reads what EncodeCommands wrote. All lock names are pieces of
// one string; nothing else is shared with the bytes.
func (c *Codec) DecodeCommands(b []byte) ([]lock.Command, error) {
	if len(b) == 0 {
		return nil, errNoCommands
	}
	if b[0] != commandsFormat {
		return nil, fmt.Errorf("messages: Commands: at byte 0: the format is %d, and this program reads %d only", b[0], commandsFormat)
	}
	r := newReader(b)
	r.pos = 1
	var commands []lock.Command
	for r.next("Commands") {
		switch r.num {
		case 1:
			r.command("Commands.commands", more(r, &commands))
		default:
			r.skip("Commands")
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return commands, nil
}
