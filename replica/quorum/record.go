package quorum

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"lockstep/lock"
	"lockstep/replica"
)

// What the disk keeps beside entries: a state, which says whose log it is, and
// snapshots, which begin with all that a node needs beside the table. Each
// begins with its version.
const (
	stateVersion    = 1
	snapshotVersion = 1
)

func (q *Quorum) encodeState(s *raftpb.HardState) []byte {
	b := []byte{stateVersion}
	for _, v := range []uint64{uint64(q.member), uint64(q.cluster), s.GetTerm(), s.GetVote(), s.GetCommit()} {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

// savedState is what encodeState wrote.
type savedState struct {
	member  replica.MemberID
	cluster replica.ClusterID
	hard    *raftpb.HardState
}

func decodeState(b []byte) (savedState, error) {
	r := fields{b: b}
	if version := r.byte(); version != stateVersion {
		return savedState{}, fmt.Errorf("its state has version %d, and this program reads version %d", version, stateVersion)
	}
	s := savedState{member: replica.MemberID(r.uint()), cluster: replica.ClusterID(r.uint())}
	s.hard = &raftpb.HardState{Term: new(r.uint()), Vote: new(r.uint()), Commit: new(r.uint())}
	if r.bad || len(r.b) > 0 || s.member == 0 {
		return savedState{}, errors.New("its state is damaged")
	}
	return s, nil
}

// header is what a snapshot says beside the table (R8): all of it as it was
// after one entry.
type header struct {
	cluster replica.ClusterID
	index   lock.Index
	digest  lock.Digest
	conf    *raftpb.ConfState
	members []replica.Member
	gone    []replica.MemberID
}

// encodeSnapshot puts header and table behind a sum over both.
func encodeSnapshot(h header, table []byte) []byte {
	b := make([]byte, 8, 512+len(table))
	b = append(b, snapshotVersion)
	for _, v := range []uint64{uint64(h.cluster), uint64(h.index), uint64(h.digest)} {
		b = binary.AppendUvarint(b, v)
	}
	conf, err := proto.MarshalOptions{Deterministic: true}.Marshal(h.conf)
	if err != nil {
		panic(fmt.Sprintf("quorum: a configuration cannot be encoded: %v", err))
	}
	b = appendBytes(b, conf)
	b = appendMembers(b, h.members)
	b = binary.AppendUvarint(b, uint64(len(h.gone)))
	for _, id := range h.gone {
		b = binary.AppendUvarint(b, uint64(id))
	}
	b = append(b, table...)
	binary.LittleEndian.PutUint64(b, sum(b[8:]))
	return b
}

func decodeSnapshot(b []byte) (header, []byte, error) {
	if len(b) < 9 || binary.LittleEndian.Uint64(b) != sum(b[8:]) {
		return header{}, nil, errors.New("its snapshot is damaged")
	}
	r := fields{b: b[8:]}
	if version := r.byte(); version != snapshotVersion {
		return header{}, nil, fmt.Errorf("its snapshot has version %d, and this program reads version %d", version, snapshotVersion)
	}
	h := header{cluster: replica.ClusterID(r.uint()), index: lock.Index(r.uint()), digest: lock.Digest(r.uint())}
	h.conf = &raftpb.ConfState{}
	if err := proto.Unmarshal(r.bytes(), h.conf); err != nil {
		return header{}, nil, fmt.Errorf("its snapshot's configuration cannot be read: %w", err)
	}
	h.members = r.members()
	for range r.count() {
		h.gone = append(h.gone, replica.MemberID(r.uint()))
	}
	if r.bad {
		return header{}, nil, errors.New("its snapshot is cut short")
	}
	return h, r.b, nil
}

func sum(b []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(b)
	return h.Sum64()
}

func appendBytes[T string | []byte](b []byte, v T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

func appendMembers(b []byte, members []replica.Member) []byte {
	b = binary.AppendUvarint(b, uint64(len(members)))
	for _, m := range members {
		b = binary.AppendUvarint(b, uint64(m.ID))
		b = appendBytes(b, m.Name)
		b = appendBytes(b, string(m.Address))
		b = append(b, flag(m.Voter)|flag(m.Quiet)<<1)
	}
	return b
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// fields reads one value after another. After the first that is not there, bad
// is set and all that follow are zero.
type fields struct {
	b   []byte
	bad bool
}

func (r *fields) byte() byte {
	if r.bad || len(r.b) == 0 {
		r.bad = true
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *fields) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if r.bad || n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count is how many elements follow, each of at least one byte.
func (r *fields) count() uint64 {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.bad = true
		return 0
	}
	return n
}

func (r *fields) bytes() []byte {
	n := r.count()
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *fields) members() []replica.Member {
	var members []replica.Member
	for range r.count() {
		m := replica.Member{ID: replica.MemberID(r.uint()), Name: string(r.bytes()), Address: replica.NodeID(r.bytes())}
		flags := r.byte()
		m.Voter, m.Quiet = flags&1 != 0, flags&2 != 0
		members = append(members, m)
	}
	return members
}
