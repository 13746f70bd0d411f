package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"lockstep/replica"
)

// record is one that was read. Its data is part of the file's content.
type record struct {
	head
	data []byte
}

// contents is what one segment says: the records of its whole groups.
type contents struct {
	segment
	owner   Header
	chain   chain
	records []record
	begins  int    // where the last whole group begins; zero if it is the first
	low     uint64 // the lowest index of the entries in the last whole group
	torn    int    // bytes behind the last whole group
}

// reader reads one file.
type reader struct {
	dir, name string
	number    uint64
	content   []byte
	exact     bool // all of it was on disk before something later was written
	begins    int  // where the group begins that is being read
	group     uint64
}

// readSegment returns the whole groups of a segment. If all of it was known to
// be on disk, everything in it must be valid; else its last group may be torn.
// Without any whole group it returns nil.
func (r *reader) readSegment() (*contents, error) {
	start, err := r.fileBegin()
	if start == 0 {
		return nil, err
	}
	c := &contents{segment: segment{number: r.number}}
	r.group = 1
	var group []record
	for place := start; place < len(r.content); {
		rec, next, err := r.record(place)
		if next == 0 {
			return c.end(r, err)
		}
		if rec.kind != kindCommit {
			group = append(group, rec)
			place = next
			continue
		}
		if err := c.take(r, group, place); err != nil {
			return nil, err
		}
		group = group[:0]
		r.group++
		r.begins, place = next, next
	}
	if r.begins == len(r.content) {
		return c.end(r, nil)
	}
	return c.end(r, r.invalid(len(r.content), len(r.content)+headBytes))
}

// take adds a whole group.
func (c *contents) take(r *reader, group []record, place int) error {
	c.low = 0
	for i, rec := range group {
		switch rec.kind {
		case kindHeader:
			var ok bool
			c.owner, c.chain, ok = decodeHeader(rec.data)
			if !ok || r.group != 1 || i != 0 {
				return r.damaged(place)
			}
			continue
		case kindEntry:
			if len(rec.data) < 8 {
				return r.damaged(place)
			}
			c.high = max(c.high, rec.index)
			if c.low == 0 || rec.index < c.low {
				c.low = rec.index
			}
		case kindSnapshot:
			if len(rec.data) != 16 {
				return r.damaged(place)
			}
		case kindState:
		default:
			return r.damaged(place)
		}
		if r.group == 1 && i == 0 {
			return r.damaged(place) // it should be the header
		}
		c.records = append(c.records, rec)
	}
	if r.group == 1 && len(group) == 0 {
		return r.damaged(place)
	}
	c.begins, c.size = r.begins, uint64(place+headBytes)
	return nil
}

// end returns what was read. An error is there if it ends with something invalid
// that is not torn.
func (c *contents) end(r *reader, err error) (*contents, error) {
	if err != nil {
		return nil, err
	}
	if c.size == 0 {
		return nil, nil
	}
	c.torn = len(r.content) - int(c.size)
	return c, nil
}

// fileBegin checks what every file begins with, and returns where its records
// begin; zero if there is an error, or the beginning is torn.
func (r *reader) fileBegin() (int, error) {
	if len(r.content) >= headBytes && string(r.content[:len(magic)]) == magic &&
		binary.LittleEndian.Uint32(r.content[12:]) == crc32.Checksum(r.content[:12], castagnoli) {
		if v := binary.LittleEndian.Uint32(r.content[8:]); v > version {
			return 0, fmt.Errorf("%s/%s was written by a newer lockd (format %d; this one reads up to %d): start the newer lockd again, or give this one another directory",
				r.dir, r.name, v, version)
		}
		return headBytes, nil
	}
	return 0, r.invalid(0, headBytes)
}

// record reads the record at a place. Without a valid one, next is zero, and the
// error is nil if it is torn.
func (r *reader) record(place int) (rec record, next int, err error) {
	h, ok := decodeHead(r.content, r.number, place)
	if !ok {
		return record{}, 0, r.invalid(place, place+headBytes)
	}
	if h.group != r.group {
		return record{}, 0, r.damaged(place)
	}
	begins := place + headBytes
	if uint64(h.length) > uint64(len(r.content)-begins) {
		return record{}, 0, r.invalid(place, len(r.content)+1)
	}
	ends := begins + int(h.length)
	rec = record{head: h, data: r.content[begins:ends:ends]}
	if crc32.Checksum(rec.data, castagnoli) != h.dataSum {
		return record{}, 0, r.invalid(place, ends)
	}
	return rec, aligned(ends), nil
}

// invalid returns nil if the record that should be at a place, up to an end, is
// torn.
func (r *reader) invalid(place, ends int) error {
	if r.exact || r.later(place) || !r.missing(place, ends) {
		return r.damaged(place)
	}
	return nil
}

// later reports whether a later group follows: then this one was on disk.
func (r *reader) later(place int) bool {
	for at := aligned(place + 1); at+headBytes <= len(r.content); at += headBytes {
		if h, ok := decodeHead(r.content, r.number, at); ok && h.group > max(r.group, 1) {
			return true
		}
	}
	return false
}

// missing reports whether a sector of what should be there has not arrived.
func (r *reader) missing(place, ends int) bool {
	if ends > len(r.content) {
		return true
	}
	for at := place / sectorBytes * sectorBytes; at < ends; at += sectorBytes {
		if zeros(r.content[max(at, r.begins):min(at+sectorBytes, len(r.content))]) {
			return true
		}
	}
	return false
}

func zeros(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

func (r *reader) damaged(place int) error {
	return fmt.Errorf("%s/%s is damaged at byte %d: %s", r.dir, r.name, place, remedy)
}

// encodeSnapshot returns what stands in a snapshot's file before its data and
// behind it.
func encodeSnapshot(number uint64, owner Header, s *replica.LogSnapshot) (front, back []byte) {
	header := encodeHeader(owner, chain{})
	front = beginFile(nil)
	front = appendHead(front, head{kind: kindHeader, group: 1, length: uint32(len(header)),
		dataSum: crc32.Checksum(header, castagnoli)}, number, uint64(len(front)))
	front = appendPadding(append(front, header...), len(header))
	term := binary.LittleEndian.AppendUint64(nil, s.Term)
	length := len(term) + len(s.Data)
	front = appendHead(front, head{kind: kindContent, group: 1, index: s.Index, length: uint32(length),
		dataSum: crc32.Update(crc32.Checksum(term, castagnoli), castagnoli, s.Data)}, number, uint64(len(front)))
	return append(front, term...), appendPadding(nil, length)
}

// readSnapshot returns the snapshot of a file, which was on disk before anything
// named it.
func (r *reader) readSnapshot(ref snapshotRef) (*replica.LogSnapshot, error) {
	r.exact, r.group = true, 1
	place, err := r.fileBegin()
	if err != nil {
		return nil, err
	}
	header, place, err := r.record(place)
	if err != nil {
		return nil, err
	}
	content, next, err := r.record(place)
	if err != nil {
		return nil, err
	}
	if header.kind != kindHeader || content.kind != kindContent || len(content.data) < 8 || next != len(r.content) ||
		content.index != ref.index || binary.LittleEndian.Uint64(content.data) != ref.term {
		return nil, r.damaged(place)
	}
	return &replica.LogSnapshot{Index: ref.index, Term: ref.term, Data: content.data[8:]}, nil
}
