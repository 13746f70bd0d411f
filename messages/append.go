package messages

import "google.golang.org/protobuf/encoding/protowire"

// The functions below append one field each. Like every proto3 writer they
// leave out a field that is zero.

func appendVarint[T ~uint8 | ~uint16 | ~uint32 | ~uint64](b []byte, num protowire.Number, v T) []byte {
	if v == 0 {
		return b
	}
	b = protowire.AppendTag(b, num, protowire.VarintType)
	return protowire.AppendVarint(b, uint64(v))
}

func appendBool(b []byte, num protowire.Number, v bool) []byte {
	if !v {
		return b
	}
	return appendVarint(b, num, uint8(1))
}

// Numbers that are random or carry a view in their upper bits travel as eight
// fixed bytes: as varints they would take nine or ten.
func appendFixed64[T ~uint64](b []byte, num protowire.Number, v T) []byte {
	if v == 0 {
		return b
	}
	b = protowire.AppendTag(b, num, protowire.Fixed64Type)
	return protowire.AppendFixed64(b, uint64(v))
}

func appendBytes[T ~string | ~[]byte](b []byte, num protowire.Number, v T) []byte {
	if len(v) == 0 {
		return b
	}
	b = protowire.AppendTag(b, num, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(v)))
	return append(b, v...)
}

// appendStrings leaves nothing out: an empty string is an element too.
func appendStrings(b []byte, num protowire.Number, list []string) []byte {
	for _, s := range list {
		b = protowire.AppendTag(b, num, protowire.BytesType)
		b = protowire.AppendString(b, s)
	}
	return b
}

// openMessage begins a nested message. Its length is not known yet: one byte is
// kept free for it, which is enough for nearly all of them. What is appended
// from here on belongs to the message until closeMessage gets the same start.
func openMessage(b []byte, num protowire.Number) (_ []byte, start int) {
	b = protowire.AppendTag(b, num, protowire.BytesType)
	b = append(b, 0)
	return b, len(b)
}

// closeMessage writes the length of the message that began at start.
func closeMessage(b []byte, start int) []byte {
	size := len(b) - start
	if size < 0x80 {
		b[start-1] = byte(size)
		return b
	}
	return closeLong(b, start)
}

// closeLong moves a message up to make room for a length of several bytes. Only
// what contains many elements is that long, so the move costs each little.
func closeLong(b []byte, start int) []byte {
	size := uint64(len(b) - start)
	extra := protowire.SizeVarint(size) - 1
	var room [9]byte
	b = append(b, room[:extra]...)
	copy(b[start+extra:], b[start:])
	protowire.AppendVarint(b[:start-1], size)
	return b
}
