package quorum

import (
	"bytes"
	"reflect"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"lockstep/replica"
)

func sampleHeader() header {
	return header{
		cluster: 7, index: 99, digest: 1 << 63,
		conf: &raftpb.ConfState{Voters: []uint64{1, 1 << 60}, Learners: []uint64{3}},
		members: []replica.Member{
			{ID: 1, Name: "a", Address: "a:1", Voter: true}, {ID: 3, Name: "c", Address: "c:1", Quiet: true},
			{ID: 1 << 60, Name: "b", Address: "[::1]:7", Voter: true, Quiet: true},
		},
		gone: []replica.MemberID{8, 9},
	}
}

// TestRecords: what is written is read.
func TestRecords(t *testing.T) {
	q := &Quorum{member: 1 << 62, cluster: 5}
	hard := &raftpb.HardState{Term: new(uint64(3)), Vote: new(uint64(1 << 62)), Commit: new(uint64(77))}
	s, err := decodeState(q.encodeState(hard))
	if err != nil || s.member != q.member || s.cluster != q.cluster || !proto.Equal(s.hard, hard) {
		t.Errorf("%+v, %v", s, err)
	}
	want := sampleHeader()
	got, table, err := decodeSnapshot(encodeSnapshot(want, []byte("the table")))
	if err != nil || string(table) != "the table" || !proto.Equal(got.conf, want.conf) {
		t.Fatalf("%+v, %q, %v", got, table, err)
	}
	got.conf, want.conf = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\n%+v", got, want)
	}
}

// TestEveryBitCounts: a snapshot of which one bit has flipped is not used.
func TestEveryBitCounts(t *testing.T) {
	good := encodeSnapshot(sampleHeader(), []byte("the table"))
	for i := range 8 * len(good) {
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		if _, _, err := decodeSnapshot(bad); err == nil {
			t.Fatalf("bit %d has flipped, and nobody sees it", i)
		}
	}
}

func FuzzDecodeState(f *testing.F) {
	q := &Quorum{member: 1, cluster: 5}
	f.Add(q.encodeState(&raftpb.HardState{Term: new(uint64(3))}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeState(b)
		if err == nil && s.member == 0 {
			t.Error("a log without a name")
		}
	})
}

// FuzzDecodeSnapshot looks behind the sum, too.
func FuzzDecodeSnapshot(f *testing.F) {
	f.Add(encodeSnapshot(sampleHeader(), []byte("the table"))[8:])
	f.Fuzz(func(t *testing.T, b []byte) {
		whole := make([]byte, 8, 8+len(b))
		whole = append(whole, b...)
		for i, v := 0, sum(b); i < 8; i++ {
			whole[i] = byte(v >> (8 * i))
		}
		h, table, err := decodeSnapshot(whole)
		if err != nil {
			return
		}
		again, same, err := decodeSnapshot(encodeSnapshot(h, table))
		if err != nil || !bytes.Equal(same, table) || again.index != h.index || len(again.members) != len(h.members) {
			t.Errorf("%+v is %+v the second time: %v", h, again, err)
		}
	})
}
