package journal

import (
	"encoding/binary"
	"hash/crc32"

	"lockstep/replica"
)

const (
	magic   = "LOCKSTEP"
	version = 1 // of the format; the highest that is read

	headBytes   = 32 // of a record, and of a file's beginning; records are aligned to it
	sectorBytes = 512
)

// The kinds of records. See doc.go.
const (
	kindHeader   = 1
	kindState    = 2
	kindEntry    = 3
	kindSnapshot = 4
	kindCommit   = 5
	kindContent  = 6
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// beginFile appends what every file begins with.
func beginFile(b []byte) []byte {
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[len(b)-12:], castagnoli))
	return append(b, make([]byte, headBytes-len(magic)-8)...)
}

// head is a record's, decoded.
type head struct {
	dataSum uint32
	length  uint32
	kind    byte
	entry   byte // an entry's own kind
	group   uint64
	index   uint64
}

// appendHead appends a head for the given place.
func appendHead(b []byte, h head, number, place uint64) []byte {
	at := len(b)
	b = append(b, make([]byte, headBytes)...)
	raw := b[at:]
	binary.LittleEndian.PutUint32(raw[4:], h.dataSum)
	binary.LittleEndian.PutUint32(raw[8:], h.length)
	raw[12], raw[13] = h.kind, h.entry
	binary.LittleEndian.PutUint64(raw[16:], h.group)
	binary.LittleEndian.PutUint64(raw[24:], h.index)
	binary.LittleEndian.PutUint32(raw, headSum(raw, number, place))
	return b
}

// headSum is seeded, so that a record is valid in its place alone. For the same
// bytes, another seed gives another sum.
func headSum(raw []byte, number, place uint64) uint32 {
	seed := uint32(number*0x9E3779B97F4A7C15>>32) ^ uint32(place/headBytes)
	return crc32.Update(seed, castagnoli, raw[4:headBytes])
}

// decodeHead returns false if there is no valid head at the place.
func decodeHead(content []byte, number uint64, place int) (head, bool) {
	if place < 0 || len(content)-place < headBytes {
		return head{}, false
	}
	raw := content[place : place+headBytes]
	if binary.LittleEndian.Uint32(raw) != headSum(raw, number, uint64(place)) {
		return head{}, false
	}
	return head{
		dataSum: binary.LittleEndian.Uint32(raw[4:]), length: binary.LittleEndian.Uint32(raw[8:]),
		kind: raw[12], entry: raw[13],
		group: binary.LittleEndian.Uint64(raw[16:]), index: binary.LittleEndian.Uint64(raw[24:]),
	}, true
}

// aligned is where the record behind a place begins.
func aligned(place int) int { return (place + headBytes - 1) / headBytes * headBytes }

// record appends one record to the group. Its data comes in up to two parts.
func (j *Journal) record(kind, entry byte, index uint64, parts ...[]byte) {
	if j.err != nil {
		return
	}
	h := head{kind: kind, entry: entry, group: j.group, index: index}
	for _, part := range parts {
		h.length += uint32(len(part))
		h.dataSum = crc32.Update(h.dataSum, castagnoli, part)
	}
	j.buf = appendHead(j.buf, h, j.segment.number, j.segment.size+uint64(len(j.buf)))
	for _, part := range parts {
		j.buf = append(j.buf, part...)
	}
	j.buf = appendPadding(j.buf, int(h.length))
	j.records++
	if uint64(len(j.buf)) >= j.flushBytes {
		// A sector is written in one go, so that it is there whole or not at all.
		j.write(len(j.buf) - int((j.segment.size+uint64(len(j.buf)))%sectorBytes))
	}
}

func appendPadding(b []byte, length int) []byte {
	return append(b, make([]byte, aligned(length)-length)...)
}

func (j *Journal) entry(e *replica.LogEntry) {
	binary.LittleEndian.PutUint64(j.term[:], e.Term)
	j.record(kindEntry, e.Kind, e.Index, j.term[:], e.Data)
	j.segment.high = max(j.segment.high, e.Index)
}

// write writes the first n bytes of the buffer.
func (j *Journal) write(n int) {
	if j.err != nil {
		return
	}
	if err := writeAll(j.file, j.buf[:n]); err != nil {
		j.keep(err)
		return
	}
	j.segment.size += uint64(n)
	j.buf = j.buf[:copy(j.buf, j.buf[n:])]
}
