package journal

import "lockstep/replica"

// FS is what a journal needs of a file system.
type FS interface {
	// Create makes a file that is not there yet, for appending.
	Create(name string) (File, error)
	// Read returns all of a file.
	Read(name string) ([]byte, error)
	// List returns the names of all files, sorted.
	List() ([]string, error)
	Rename(from, to string) error
	Remove(name string) error
	// SyncDir makes what was created, renamed or removed survive a loss of power.
	SyncDir() error
	// String says where this is, for people.
	String() string
}

// File is a file that is written to its end.
type File interface {
	Write([]byte) (int, error)
	Sync() error
	Close() error
}

// Header says whose log this is. It stands at the beginning of every file.
type Header struct {
	Cluster replica.ClusterID
	Member  replica.MemberID // zero for a node of a pair
	Node    string           // its name
}

// Journal is the log of one node. One actor owns it.
type Journal struct{ fs FS }

// Open reads the log in a directory; an empty one has none. Errors name the
// file and say what would help; none of them has changed anything.
func Open(fs FS) (*Journal, replica.Recovered, Header, error) {
	return &Journal{fs: fs}, replica.Recovered{}, Header{}, nil
}

// Begin starts a log in an empty directory.
func (j *Journal) Begin(h Header) error { return nil }

// Owner says whose log this is. The zero Header is that of no log: Begin it.
func (j *Journal) Owner() Header { return Header{} }

// Cut says in one line what Open left out, since it was being written when the
// power failed. It is empty if there was nothing of that.
func (j *Journal) Cut() string { return "" }

// Append writes what a Store says, without syncing it.
func (j *Journal) Append(s replica.Store) error { return nil }

// Sync makes all that was appended survive a loss of power. After an error the
// process must end: what is on disk is unknown (R3).
func (j *Journal) Sync() error { return nil }

// Bytes is how much disk the log and its snapshot take.
func (j *Journal) Bytes() uint64 { return 0 }

// Close gives the files back.
func (j *Journal) Close() error { return nil }
