package messages

import (
	"math"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
	"lockstep/replica"
)

// field is a field with a length, as a nested message is written.
func field(num protowire.Number, contents ...byte) []byte {
	return appendBytes(nil, num, contents)
}

func varint(num protowire.Number, v uint64) []byte { return appendVarint(nil, num, v) }

func decodeBody(body []byte) (Parcel, error) {
	_, p, err := Decode(&Frame{Body: body})
	return p, err
}

func TestMalformed(t *testing.T) {
	const noClient = 1 << 32
	for _, c := range []struct {
		name string
		body []byte
		want string
	}{
		{"a tag that ends too early", []byte{0x80}, "messages: Parcel: at byte 0: unexpected EOF"},
		{"field zero", []byte{0x02, 0x00}, "messages: Parcel: at byte 1: no field can have that number"},
		{"a length beyond the end", []byte{0x0a, 5, 0}, "messages: Parcel.requests: at byte 2: its length is 5 and 1 bytes are left"},
		{"a length of 63 bits", []byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, "messages: Parcel.requests: at byte 10: its length is 9223372036854775807 and 0 bytes are left"},
		{"a length beyond the outer message", append(field(1, 0x12, 5, 0), field(6, 'x', 'x', 'x', 'x')...), "messages: Request.command: at byte 4: its length is 5 and 1 bytes are left"},
		{"a length without an end", []byte{0x0a, 0x80}, "messages: Parcel.requests: at byte 1: unexpected EOF"},
		{"a varint without an end", field(4, 0x08, 0xff), "messages: StatusQuery.client: at byte 3: unexpected EOF"},
		{"a varint of eleven bytes", field(4, append([]byte{0x08}, slices.Repeat([]byte{0xff}, 11)...)...), "messages: StatusQuery.client: at byte 3: variable length integer overflow"},
		{"half a session", field(1, field(2, 0x09, 1, 2, 3)...), "messages: Command.session: at byte 5: unexpected EOF"},
		{"a name that is a number", field(1, field(2, varint(5, 7)...)...), "messages: Command.name: at byte 5: the field has another type"},
		{"a number that is a name", field(1, field(2, field(3, 'x')...)...), "messages: Command.number: at byte 5: the field has another type"},
		{"a slot that is a name", field(2, field(2, field(2, 'x')...)...), "messages: RequestID.slot: at byte 5: the field has another type"},
		{"a parcel of numbers", varint(1, 1), "messages: Parcel.requests: at byte 1: the field has another type"},
		{"a client of 33 bits", field(1, varint(1, noClient)...), "messages: Request.client: at byte 8: the value has more than 32 bits"},
		{"an unknown field cut short", []byte{0x7a, 9}, "messages: Parcel: unknown field 15: at byte 1: unexpected EOF"},
		{"an unknown group without an end", []byte{0x7b, 8, 1}, "messages: Parcel: unknown field 15: at byte 1: unexpected EOF"},
		{"the end of no group", []byte{0x7c}, "messages: Parcel: unknown field 15: at byte 1: mismatching end group marker"},
		{"a type that there is not", []byte{0x7e}, "messages: Parcel: unknown field 15: at byte 1: cannot parse reserved wire type"},
		{"terms that are a number", field(1, field(2, varint(10, 1)...)...), "messages: Command.terms: at byte 5: the field has another type"},
		{"terms longer than their command", field(1, field(2, 0x52, 5, 0)...), "messages: Command.terms: at byte 6: its length is 5 and 1 bytes are left"},
		{"half a token of a grant to wait under", field(1, field(2, field(10, field(6, 0x11, 1)...)...)...), "messages: Holding.token: at byte 9: unexpected EOF"},
		{"a query of 33 bits", field(7, varint(1, noClient)...), "messages: Query.client: at byte 8: the value has more than 32 bits"},
		{"half a holder's token", field(8, field(6, field(5, 0x11, 1)...)...), "messages: HolderCard.token: at byte 7: unexpected EOF"},
		{"names that are numbers", field(8, field(6, field(7, varint(5, 1)...)...)...), "messages: WaiterCard.names: at byte 7: the field has another type"},
		{"half a tenure's token", field(8, field(14, field(4, 0x11, 1)...)...), "messages: Tenure.token: at byte 7: unexpected EOF"},
		{"a party beyond its record", field(8, field(14, 0x1a, 9)...), "messages: Record.parties: at byte 6: its length is 9 and 0 bytes are left"},
		{"a step beyond its cycle", field(8, field(8, field(1, 0x12, 9)...)...), "messages: CycleStep.holds: at byte 8: its length is 9 and 0 bytes are left"},
		{"a notice without an end", field(9, 0x1a), "messages: Notice.revocation: at byte 3: unexpected EOF"},
		{"an order of 33 bits", field(10, varint(1, noClient)...), "messages: Order.client: at byte 8: the value has more than 32 bits"},
		{"half an order's number", field(11, 0x11, 1), "messages: Ordered.id: at byte 3: unexpected EOF"},
		{"a member beyond what was told", field(13, 0x1a, 9), "messages: Told.members: at byte 4: its length is 9 and 0 bytes are left"},
		{"a trace's parent that is a number", field(14, varint(2, 7)...), "messages: Trace.parent: at byte 3: the field has another type"},
		{"half a traced request's session", field(14, field(1, 0x09, 1)...), "messages: RequestID.session: at byte 5: unexpected EOF"},
		{"a reign beyond its report", field(5, 0xa2, 0x01, 9), "messages: StatusReport.reigns: at byte 5: its length is 9 and 0 bytes are left"},
		{"half a member's number", field(5, field(15, field(1, 0x09, 1)...)...), "messages: Member.id: at byte 7: unexpected EOF"},
		{"an engine's number", field(3, 0x82, 0x01, 2, 0x08, 1), "messages: Engine.bytes: at byte 6: the field has another type"},
		{"two kinds", field(3, append(field(5), 0x2a, 0, 0x3a, 0)...), "messages: PairMessage.kind: at byte 6: there are two kinds in one message"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := decodeBody(c.body)
			if err == nil {
				t.Fatalf("no error; got %+v", p)
			}
			if got := plainText(err); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// plainText undoes what the protobuf module varies in its texts, lest somebody
// should rely on them.
func plainText(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	return strings.ReplaceAll(text, "proto: ", "")
}

var errorForm = regexp.MustCompile(`^messages: [A-Z][A-Za-z]+([.: ]|$)`)

// TestEveryCut cuts a parcel of everything at every byte. Each piece is refused
// by name, or else ends between two fields of the parcel.
func TestEveryCut(t *testing.T) {
	body := appendParcel(nil, sampleParcel())
	whole := 0
	for cut := range body {
		_, err := decodeBody(body[:cut])
		if err == nil {
			whole++
		} else if !errorForm.MatchString(err.Error()) {
			t.Errorf("cut at %d: the error names no message: %v", cut, err)
		}
	}
	if fields := countFields(body); whole != fields {
		t.Errorf("%d pieces were taken for whole, want one before each of %d fields", whole, fields)
	}
}

func countFields(body []byte) (n int) {
	for ; len(body) > 0; n++ {
		_, _, size := protowire.ConsumeField(body)
		body = body[size:]
	}
	return n
}

// TestTooLarge shows that a number that its Go type cannot hold does not become
// one that is in use (W2).
func TestTooLarge(t *testing.T) {
	want := slices.Concat(varint(2, 256+uint64(lock.Shared)), varint(3, 1<<32+1), varint(4, 1<<32+2))
	terms := slices.Concat(field(3, want...), varint(4, 1<<32+1), varint(5, 1<<32+2))
	command := slices.Concat(varint(2, 1<<16), varint(4, 256+uint64(lock.Lock)), field(5, 'x'),
		varint(8, 256+uint64(lock.Shared)), field(10, terms...))
	id := slices.Concat(varint(2, 1<<32), varint(4, 1<<32+uint64(lock.OpenSession)))
	result := slices.Concat(varint(1, 256+uint64(lock.Granted)), varint(2, 1<<63), varint(6, 1<<32+1))
	body := slices.Concat(
		field(1, field(2, command...)...),
		field(2, slices.Concat(field(2, id...), varint(3, 256+uint64(replica.Executed)), field(4, result...))...),
		field(3, field(8, varint(1, 256+uint64(replica.Primary))...)...),
		field(5, field(15, varint(2, 256+uint64(replica.Primary))...)...),
		field(10, varint(3, 256+uint64(replica.Bootstrap))...),
		field(11, slices.Concat(varint(3, 256+uint64(replica.Executed)), varint(5, 256+uint64(replica.OrderDone)))...),
	)
	p, err := decodeBody(body)
	if err != nil {
		t.Fatal(err)
	}
	if c := p.Requests[0].Command; c.Slot != 65535 || c.Verb != 255 || c.Verb.Known() || c.Mode != 255 {
		t.Errorf("command: %+v", c)
	}
	if got := p.Requests[0].Command.Terms; got.Permits != math.MaxUint32 || got.Of != math.MaxUint32 ||
		got.And[0] != (lock.Want{Mode: 255, Permits: math.MaxUint32, Of: math.MaxUint32}) {
		t.Errorf("terms: %+v", got)
	}
	a := p.Answers[0].Answer
	if a.Request.Slot != 65535 || a.Request.Verb != 255 || a.Kind != 255 {
		t.Errorf("answer: %+v", a)
	}
	if a.Result.Outcome != 255 || a.Result.Limit != 255 || a.Result.Revoked != math.MaxUint32 {
		t.Errorf("result: %+v", a.Result)
	}
	if role := p.Pair[0].(replica.Hello).Role; role != 255 {
		t.Errorf("role: %d", role)
	}
	if role := p.StatusReports[0].Status.Members[0].Role; role != 255 {
		t.Errorf("a member's role: %d", role)
	}
	if kind, o := p.Orders[0].Order.Kind, p.Ordered[0].Ordered; kind != 255 || o.Kind != 255 || o.Outcome != 255 {
		t.Errorf("order: %d, %+v", kind, o)
	}
}

func TestUnknownVerbIsKeptForTheTableToRefuse(t *testing.T) {
	sent := Parcel{Requests: []Request{{Client: 1, Command: lock.Command{Verb: 77, Number: 1, Name: "x"}}}}
	_, got, err := Decode(Encode(Header{}, &sent))
	if err != nil {
		t.Fatal(err)
	}
	c := got.Requests[0].Command
	if c != sent.Requests[0].Command || c.Check() != lock.LimitVerb {
		t.Errorf("got %+v, which Check calls %v", c, c.Check())
	}
}

func TestUnknownPairMessageIsSkipped(t *testing.T) {
	unknown := field(3, field(99, 1, 2, 3)...)
	known := appendPair(nil, 3, replica.Ack{View: 1, Index: 2})
	for name, body := range map[string][]byte{
		"alone":  unknown,
		"empty":  {0x1a, 0},
		"first":  slices.Concat(unknown, known),
		"last":   slices.Concat(known, unknown),
		"inside": field(3, slices.Concat(unknown[2:], known[2:])...),
	} {
		p, err := decodeBody(body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var want []replica.Message
		if len(body) > len(unknown) {
			want = []replica.Message{replica.Ack{View: 1, Index: 2}}
		}
		if !slices.Equal(p.Pair, want) || (p.Pair == nil) != (want == nil) {
			t.Errorf("%s: got %v, want %v", name, p.Pair, want)
		}
	}
}

func TestABadBodyLeavesTheHeader(t *testing.T) {
	f := Encode(Header{From: "a:1", Version: 9}, &Parcel{})
	f.Body = append(field(6, 'n', 'o'), 0x80)
	h, p, err := Decode(f)
	if err == nil || h.From != "a:1" || h.Version != 9 || p.Refused != "" {
		t.Errorf("got %+v, %+v, %v", h, p, err)
	}
}

func TestUnknownMessageEndsTheProcess(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a message that has no kind on the wire was encoded")
		}
	}()
	appendPair(nil, 3, nil)
}

// TestAllocations feeds inputs that promise much and hold little. A pass over
// them for each element would show here too, as each pass allocates.
func TestAllocations(t *testing.T) {
	for name, body := range map[string][]byte{
		"empty requests":       repeated(0x0a, 0),
		"empty terms":          repeated(0x0a, 4, 0x12, 2, 0x52, 0),
		"empty wants":          field(1, field(2, field(10, repeated(0x1a, 0)...)...)...),
		"terms in pieces":      field(1, field(2, repeated(0x52, 2, 0x1a, 0)...)...),
		"empty answers":        repeated(0x12, 0),
		"empty pair messages":  repeated(0x1a, 0),
		"hellos":               repeated(0x1a, 2, 0x42, 0),
		"unknown pair message": repeated(0x1a, 3, 0xfa, 0x07, 0),
		"status queries":       repeated(0x22, 0),
		"status reports":       repeated(0x2a, 0),
		"queries":              repeated(0x3a, 0),
		"notices":              repeated(0x4a, 0),
		"empty reports":        repeated(0x42, 0),
		"members of a status":  field(5, repeated(0x7a, 0)...),
		"orders":               repeated(0x52, 0),
		"ordered":              repeated(0x5a, 0),
		"member queries":       repeated(0x62, 0),
		"told":                 repeated(0x6a, 0),
		"traces":               repeated(0x72, 0),
		"members told":         field(13, repeated(0x1a, 0)...),
		"seeks":                repeated(0x1a, 3, 0x8a, 0x01, 0),
		"a seek's peers":       field(3, append([]byte{0x8a, 0x01, 0xfe, 0xff, 0x03}, repeated(0x32, 0)[:1<<16-2]...)...),
		"digests":              field(3, append([]byte{0x9a, 0x01, 0xfe, 0xff, 0x03}, repeated(0x0a, 0)[:1<<16-2]...)...),
		"empty locks":          field(8, repeated(0x32, 0)...),
		"empty holders":        field(8, field(6, repeated(0x2a, 0)...)...),
		"empty waiters":        field(8, field(6, repeated(0x3a, 0)...)...),
		"waiters' names":       field(8, field(6, field(7, repeated(0x2a, 0)...)...)...),
		"empty cards":          field(8, repeated(0x3a, 0)...),
		"empty cycles":         field(8, repeated(0x42, 0)...),
		"empty steps":          field(8, field(8, repeated(0x0a, 0)...)...),
		"empty events":         field(8, repeated(0x4a, 0)...),
		"empty revocations":    field(8, repeated(0x52, 0)...),
		"locks of one holder":  field(8, repeated(0x32, 2, 0x2a, 0)...),
		"empty tenures":        field(8, field(14, repeated(0x22, 0)...)...),
		"empty parties":        field(8, field(14, repeated(0x1a, 0)...)...),
		"a record in pieces":   field(8, repeated(0x72, 2, 0x22, 0)...),
		"forwards":             repeated(0x1a, 4, 0x12, 2, 0x12, 0),
		"large lengths":        repeated(0x0a, 0xff, 0xff, 0xff, 0x7f),
	} {
		checkMemory(t, name, body, func() { _, _ = decodeBody(body) })
	}
	for name, body := range map[string][]byte{
		"empty locks":    repeated(0x1a, 0),
		"empty sessions": repeated(0x22, 0),
		"empty slots":    repeated(0x22, 2, 0x1a, 0),
		"empty grants":   repeated(0x2a, 0),
		"empty waits":    repeated(0x32, 0),
		"empty delays":   repeated(0x3a, 0),
		"grants' terms":  repeated(0x2a, 2, 0x42, 0),
		"no tokens":      field(5, repeated(0x22, 0)...),
		"revocations":    field(4, repeated(0x42, 0)...),
		"tokens":         field(5, field(4, make([]byte, 1<<16)...)...),
		"empty tenures":  field(8, repeated(0x22, 0)...),
		"empty parties":  field(8, repeated(0x1a, 0)...),
		"single tokens":  field(5, repeated(0x22, 8, 0, 0, 0, 0, 0, 0, 0, 1)...),
	} {
		checkMemory(t, name, body, func() { _, _ = DecodeSnapshot(body) })
	}
}

// repeated is a long body of equal elements.
func repeated(element ...byte) []byte { return slices.Repeat(element, 1<<16/len(element)) }

func checkMemory(t *testing.T, name string, body []byte, decode func()) {
	if used := allocated(decode); used > 64*uint64(len(body)) {
		t.Errorf("%s: %d bytes of input took %d bytes of memory", name, len(body), used)
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
