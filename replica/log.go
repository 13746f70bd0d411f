package replica

import "lockstep/lock"

// LogEntry is an entry as the disk keeps it. What it holds is its core's
// business.
type LogEntry struct {
	Index uint64 // rises; an entry replaces those at its index and behind it
	Term  uint64 // of the engine; of a pair, the view
	Kind  uint8
	Data  []byte
}

// LogSnapshot stands for all entries up to Index.
type LogSnapshot struct {
	Index uint64
	Term  uint64
	Data  []byte
}

// Recovered is what the disk has kept of a node's former lives: the newest
// snapshot, the newest state, and the entries behind the snapshot.
type Recovered struct {
	Snapshot *LogSnapshot
	State    []byte
	Entries  []LogEntry
}

// Empty reports whether there is no log.
func (r *Recovered) Empty() bool {
	return r.Snapshot == nil && r.State == nil && len(r.Entries) == 0
}

// Codec turns commands into what a log entry holds, and back. Package messages
// has it.
type Codec interface {
	EncodeCommands([]lock.Command) []byte
	DecodeCommands([]byte) ([]lock.Command, error)
}
