package messages

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"lockstep/messages/wire"
	"lockstep/replica"
)

// kept is what a former version wrote, and what it meant by it: neither is ever
// made anew.
func kept(t *testing.T, version, name string, m proto.Message) []byte {
	t.Helper()
	read := func(suffix string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata", version, name+suffix))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if err := prototext.Unmarshal(read(".txtpb"), m); err != nil {
		t.Fatal(err)
	}
	return read(".binpb")
}

func TestFramesOfVersion2AreRead(t *testing.T) {
	want := new(wire.Parcel)
	f := new(Frame)
	mustUnmarshal(t, kept(t, "version2", "parcel", want), f)
	h, p, err := Decode(f)
	if err != nil || h.Version != 2 || !Compatible(h.Version) || h.Newest != 0 {
		t.Fatalf("got %+v, %v", h, err)
	}
	if len(p.Requests) == 0 || len(p.Pair) < 15 || len(p.Reports) == 0 {
		t.Fatal("the frame that was kept holds nothing")
	}
	mustEqual(t, wireParcel(p), want)
}

func TestSnapshotsOfVersion2AreRead(t *testing.T) {
	want := new(wire.Snapshot)
	snap, err := DecodeSnapshot(kept(t, "version2", "snapshot", want))
	if err != nil || len(snap.Sessions) == 0 {
		t.Fatalf("got %+v, %v", snap, err)
	}
	mustEqual(t, wireSnapshot(snap), want)
}

// A reader of version 2 has no word for NoQuorum. It gets one that makes it ask
// elsewhere, and whoever has sent the parcel keeps the one it had.
func TestNoQuorumInWordsOfVersion2(t *testing.T) {
	parcel := func(kind replica.AnswerKind) Parcel {
		return Parcel{
			Answers: []Answer{{Answer: replica.Answer{Kind: replica.Executed}}, {Answer: replica.Answer{Kind: kind}}},
			Reports: []Report{{Reported: replica.Reported{Kind: kind}}, {Reported: replica.Reported{Kind: replica.Overloaded}}},
		}
	}
	sent := parcel(replica.NoQuorum)
	if got := sent.As(2); !reflect.DeepEqual(got, parcel(replica.NotPrimary)) {
		t.Errorf("as of version 2: %+v", got)
	}
	if !reflect.DeepEqual(sent, parcel(replica.NoQuorum)) {
		t.Errorf("the parcel has become %+v", sent)
	}
	if got := sent.As(Version); !reflect.DeepEqual(got, sent) {
		t.Errorf("as of our version: %+v", got)
	}
}

// TestTracesAreForWhoKnowsThem: to everybody else a parcel with traces is the one
// without them, and a field that the schema of version 2 has not.
func TestTracesAreForWhoKnowsThem(t *testing.T) {
	traced := sampleParcel()
	plain := *traced
	plain.Traces = nil
	body, without := appendParcel(nil, traced), appendParcel(nil, &plain)
	rest, same := bytes.CutPrefix(body, without)
	if !same || len(rest) == 0 {
		t.Fatal("traces are not what stands behind all that was there before")
	}
	for len(rest) > 0 {
		number, _, size := protowire.ConsumeField(rest)
		if number != 14 {
			t.Fatalf("field %d: traces are in field 14, which no version had before them", number)
		}
		rest = rest[size:]
	}
	if got := traced.As(2); len(got.Traces) != len(traced.Traces) {
		t.Error("what an older reader skips need not be left out")
	}
}
