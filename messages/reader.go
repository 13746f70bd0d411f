package messages

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// reader walks over the fields of a message and of the messages in it. After
// the first error it stands still: next returns false and all values are zero,
// so that the decoders need no error handling of their own.
type reader struct {
	body []byte
	pos  int // of the next byte to read
	end  int // of the message that is being read; never above len(body)
	err  error

	// The field that next has found.
	start int // of its tag
	num   protowire.Number
	typ   protowire.Type

	// text is the body as a string, made for the first name in it; every name
	// is a piece of it, which saves an allocation for each.
	text string
}

func newReader(body []byte) *reader { return &reader{body: body, end: len(body)} }

var (
	errTag   = errors.New("no field can have that number")
	errType  = errors.New("the field has another type")
	errWide  = errors.New("the value has more than 32 bits")
	errKinds = errors.New("there are two kinds in one message")

	errReports = fmt.Errorf("there are more than %d in one parcel", maxReports)
)

func (r *reader) fail(field string, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("messages: %s: at byte %d: %w", field, r.pos, err)
	}
}

func (r *reader) rest() []byte { return r.body[r.pos:r.end] }

// next goes to the next field of the message that is being read. It returns
// false at the end of the message or after an error.
func (r *reader) next(message string) bool {
	if r.err != nil || r.pos == r.end {
		return false
	}
	r.start = r.pos
	r.num, r.typ = protowire.DecodeTag(r.number(message))
	if r.num < protowire.MinValidNumber {
		r.fail(message, errTag)
	}
	return r.err == nil
}

// number reads a bare varint. Nearly all tags, lengths and small values are a
// single byte, which is worth a way of its own.
func (r *reader) number(field string) uint64 {
	if r.pos < r.end && r.body[r.pos] < 0x80 {
		r.pos++
		return uint64(r.body[r.pos-1])
	}
	v, n := protowire.ConsumeVarint(r.rest())
	return r.took(v, n, field)
}

// skip passes over a field that this version does not know (W1).
func (r *reader) skip(message string) {
	n := protowire.ConsumeFieldValue(r.num, r.typ, r.rest())
	if n < 0 {
		r.fail(fmt.Sprintf("%s: unknown field %d", message, r.num), protowire.ParseError(n))
		return
	}
	r.pos += n
}

// is checks the type of a field that this version knows.
func (r *reader) is(typ protowire.Type, field string) bool {
	if r.typ == typ {
		return true
	}
	r.fail(field, errType)
	return false
}

func (r *reader) varint(field string) uint64 {
	if !r.is(protowire.VarintType, field) {
		return 0
	}
	return r.number(field)
}

func (r *reader) fixed64(field string) uint64 {
	if !r.is(protowire.Fixed64Type, field) {
		return 0
	}
	v, n := protowire.ConsumeFixed64(r.rest())
	return r.took(v, n, field)
}

// took moves past the n bytes of a value, or fails if n is an error.
func (r *reader) took(v uint64, n int, field string) uint64 {
	if n < 0 {
		r.fail(field, protowire.ParseError(n))
		return 0
	}
	r.pos += n
	return v
}

func (r *reader) bool(field string) bool { return r.varint(field) != 0 }

// client reads a ClientID. It is not saturated: the largest may be in use.
func (r *reader) client(field string) ClientID {
	v := r.varint(field)
	if v > uint64(^ClientID(0)) {
		r.fail(field, errWide)
		return 0
	}
	return ClientID(v)
}

// narrow keeps a number that is too large for its type out of use (W2).
func narrow[T ~uint8 | ~uint16 | ~uint32](v uint64) T { return T(min(v, uint64(^T(0)))) }

// bytes returns a piece of the body. Its capacity ends with it, so that nobody
// can append into what follows.
func (r *reader) bytes(field string) []byte {
	outer := r.enter(field)
	piece := r.body[r.pos:r.end:r.end]
	r.leave(outer)
	if len(piece) == 0 {
		return nil
	}
	return piece
}

// own returns a string of its own, for what may be kept when the rest of the
// body is long forgotten.
func (r *reader) own(field string) string { return string(r.bytes(field)) }

// name returns a piece of the one string that all names share.
func (r *reader) name(field string) string {
	outer := r.enter(field)
	if r.text == "" {
		r.text = string(r.body)
	}
	piece := r.text[r.pos:r.end]
	r.leave(outer)
	return piece
}

// enter narrows the reader to the contents of the field that next has found;
// leave goes on behind them, in the outer message. After an error the contents
// are empty.
func (r *reader) enter(field string) (outer int) {
	outer = r.end
	if !r.is(protowire.BytesType, field) {
		r.end = r.pos
		return outer
	}
	size := r.number(field)
	if size > uint64(r.end-r.pos) {
		r.fail(field, fmt.Errorf("its length is %d and %d bytes are left", size, r.end-r.pos))
	}
	if r.err != nil {
		size = 0
	}
	r.end = r.pos + int(size)
	return outer
}

func (r *reader) leave(outer int) { r.pos, r.end = r.end, outer }

// more appends a zero element to a repeated field and returns it to be filled
// in. The first one makes room for all that will come.
func more[T any](r *reader, list *[]T) *T {
	if *list == nil {
		*list = make([]T, 0, r.count())
	}
	var zero T
	*list = append(*list, zero)
	return &(*list)[len(*list)-1]
}

// count returns how often the field that next has found occurs in what is left
// of the message. It stops where the message is broken: next will get there and
// say so.
func (r *reader) count() int {
	count := 0
	for rest := r.body[r.start:r.end]; len(rest) > 0; {
		num, _, n := protowire.ConsumeField(rest)
		if n < 0 {
			break
		}
		if num == r.num {
			count++
		}
		rest = rest[n:]
	}
	return count
}
