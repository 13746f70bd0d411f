package messages

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	"lockstep/lock"
	"lockstep/messages/wire"
	"lockstep/replica"
)

// The codec and the code that protoc generates from the schema must agree, in
// both directions, on everything that can be said.

func TestGeneratedCodeReadsWhatWeWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, p := rapid.Make[Header]().Draw(t, "header"), parcels().Draw(t, "parcel")
		f := Encode(h, &p)
		read := new(wire.Parcel)
		mustUnmarshal(t, f.GetBody(), read)
		mustEqual(t, read, wireParcel(p))
		f.Body = nil
		mustEqual(t, f, wireHeader(h))
	})
}

func TestWeReadWhatGeneratedCodeWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, p := rapid.Make[Header]().Draw(t, "header"), parcels().Draw(t, "parcel")
		sent := wireParcel(p)
		fromTheFuture(t, sent.ProtoReflect())
		f := wireHeader(h)
		f.Body = mustMarshal(t, sent)
		gotHeader, got, err := Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, wireParcel(got), wireParcel(p))
		mustEqual(t, wireHeader(gotHeader), wireHeader(h))
	})
}

func TestSnapshotsAgreeWithGeneratedCode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snap := rapid.Make[lock.Snapshot]().Draw(t, "snapshot")
		read := new(wire.Snapshot)
		mustUnmarshal(t, EncodeSnapshot(snap), read)
		mustEqual(t, read, wireSnapshot(snap))

		fromTheFuture(t, read.ProtoReflect())
		got, err := DecodeSnapshot(mustMarshal(t, read))
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, wireSnapshot(got), wireSnapshot(snap))
	})
}

func TestCommandsAgreeWithGeneratedCode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var codec Codec
		commands := rapid.Make[[]lock.Command]().Draw(t, "commands")
		read := new(wire.Commands)
		mustUnmarshal(t, codec.EncodeCommands(commands)[1:], read)
		mustEqual(t, read, wireCommands(commands))

		fromTheFuture(t, read.ProtoReflect())
		got, err := codec.DecodeCommands(append([]byte{commandsFormat}, mustMarshal(t, read)...))
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, wireCommands(got), wireCommands(commands))
	})
}

// TestNoFieldIsForgotten fills in every field of the schema from its descriptor:
// a field that is added to the schema and not to the codec fails here.
func TestNoFieldIsForgotten(t *testing.T) {
	full := new(wire.Parcel)
	next := 1
	fill(full.ProtoReflect(), &next)
	kinds := new(wire.PairMessage).ProtoReflect().Descriptor().Fields()
	full.Pair = nil
	for i := range kinds.Len() {
		m := new(wire.PairMessage)
		fill(m.ProtoReflect().Mutable(kinds.Get(i)).Message(), &next)
		full.Pair = append(full.Pair, m)
	}
	frame := new(wire.Frame)
	fill(frame.ProtoReflect(), &next)
	frame.Body = mustMarshal(t, full)

	h, p, err := Decode(frame)
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, wireParcel(p), full)
	again := Encode(h, &p)
	read := new(wire.Parcel)
	mustUnmarshal(t, again.GetBody(), read)
	mustEqual(t, read, full)
	frame.Body, again.Body = nil, nil
	mustEqual(t, again, frame)
}

func TestNoFieldOfASnapshotIsForgotten(t *testing.T) {
	full := new(wire.Snapshot)
	next := 1
	fill(full.ProtoReflect(), &next)
	snap, err := DecodeSnapshot(mustMarshal(t, full))
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, wireSnapshot(snap), full)
	read := new(wire.Snapshot)
	mustUnmarshal(t, EncodeSnapshot(snap), read)
	mustEqual(t, read, full)
}

// fill gives every field of m a value that no other has, as far as its type
// allows. The values fit into one byte.
func fill(m protoreflect.Message, next *int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case f.IsList() && f.Message() == nil:
			list := m.Mutable(f).List()
			list.Append(filling(f.Kind(), *next))
			list.Append(filling(f.Kind(), *next+1))
			*next = (*next+1)%255 + 1
		case f.IsList():
			list := m.Mutable(f).List()
			fill(list.AppendMutable().Message(), next)
			fill(list.AppendMutable().Message(), next)
		case f.Message() != nil:
			fill(m.Mutable(f).Message(), next)
		default:
			m.Set(f, filling(f.Kind(), *next))
			*next = *next%255 + 1
		}
	}
}

func filling(kind protoreflect.Kind, n int) protoreflect.Value {
	switch kind {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(string(rune(n)))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte{byte(n)})
	default:
		return protoreflect.ValueOfUint64(uint64(n))
	}
}

// fromTheFuture gives m and every message in it fields that the schema does not
// have yet.
func fromTheFuture(t *rapid.T, m protoreflect.Message) {
	m.SetUnknown(unknownFields().Draw(t, "unknown"))
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				fromTheFuture(t, v.List().Get(i).Message())
			}
		default:
			fromTheFuture(t, v.Message())
		}
		return true
	})
}

func unknownFields() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		var b []byte
		for range rapid.IntRange(0, 2).Draw(t, "fields") {
			num := protowire.Number(rapid.IntRange(100, 5000).Draw(t, "number"))
			b = appendAnything(b, num, rapid.SampledFrom(wireTypes).Draw(t, "type"))
		}
		return b
	})
}

var wireTypes = []protowire.Type{
	protowire.VarintType, protowire.Fixed32Type, protowire.Fixed64Type, protowire.BytesType, protowire.StartGroupType,
}

func appendAnything(b []byte, num protowire.Number, typ protowire.Type) []byte {
	b = protowire.AppendTag(b, num, typ)
	switch typ {
	case protowire.VarintType:
		return protowire.AppendVarint(b, 1<<63)
	case protowire.Fixed32Type:
		return protowire.AppendFixed32(b, 7)
	case protowire.Fixed64Type:
		return protowire.AppendFixed64(b, 7)
	case protowire.BytesType:
		return protowire.AppendString(b, "from the future")
	default:
		return protowire.AppendTag(b, num, protowire.EndGroupType)
	}
}

func parcels() *rapid.Generator[Parcel] {
	return rapid.Custom(func(t *rapid.T) Parcel {
		return Parcel{
			Requests:      rapid.Make[[]Request]().Draw(t, "requests"),
			Answers:       rapid.Make[[]Answer]().Draw(t, "answers"),
			Pair:          rapid.SliceOf(pairMessages()).Draw(t, "pair"),
			StatusQueries: rapid.Make[[]ClientID]().Draw(t, "queries"),
			StatusReports: rapid.Make[[]StatusReport]().Draw(t, "reports"),
			Refused:       rapid.String().Draw(t, "refused"),
			Queries:       rapid.Make[[]Query]().Draw(t, "questions"),
			Reports:       rapid.SliceOfN(rapid.Make[Report](), 0, 3).Draw(t, "answers to them"),
			Notices:       rapid.Make[[]Notice]().Draw(t, "notices"),
			Orders:        rapid.Make[[]Order]().Draw(t, "orders"),
			Ordered:       rapid.Make[[]Ordered]().Draw(t, "what became of them"),
			MemberQueries: rapid.Make[[]ClientID]().Draw(t, "who asks for the members"),
			Told:          rapid.Make[[]Told]().Draw(t, "members"),
			Traces:        rapid.Make[[]Trace]().Draw(t, "traces"),
		}
	})
}

func pairMessages() *rapid.Generator[replica.Message] {
	return rapid.OneOf(
		kind[replica.Heartbeat](), kind[replica.Forward](), kind[replica.Ack](), kind[replica.Relay](),
		kind[replica.Alone](), kind[replica.Outdated](), kind[replica.Bye](), kind[replica.Hello](),
		kind[replica.Refusal](), kind[replica.Chunk](), kind[replica.Tail](), kind[replica.Report](),
		kind[replica.Start](), kind[replica.Confirm](), kind[replica.Confirmation](),
		kind[replica.Engine](), kind[replica.Seek](), kind[replica.Found](), kind[replica.Digests](),
		kind[replica.Grow](), kind[replica.Grown](),
	)
}

func kind[M replica.Message]() *rapid.Generator[replica.Message] {
	return rapid.Map(rapid.Make[M](), func(m M) replica.Message { return m })
}

func mustMarshal(t rapid.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustUnmarshal(t rapid.TB, b []byte, m proto.Message) {
	t.Helper()
	if err := proto.Unmarshal(b, m); err != nil {
		t.Fatal(err)
	}
}

func mustEqual(t rapid.TB, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
}
