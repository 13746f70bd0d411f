package journal

import (
	"encoding/binary"
	"hash/crc32"
)

// Seal makes the sums of whatever looks like a file valid, so that fuzzing gets
// past them.
func Seal(content []byte, number uint64) {
	if len(content) < headBytes {
		return
	}
	copy(content, magic)
	binary.LittleEndian.PutUint32(content[12:], crc32.Checksum(content[:12], castagnoli))
	for place := headBytes; place+headBytes <= len(content); {
		raw := content[place : place+headBytes]
		begins := place + headBytes
		length := int(binary.LittleEndian.Uint32(raw[8:])) % (len(content) - begins + 1)
		binary.LittleEndian.PutUint32(raw[8:], uint32(length))
		binary.LittleEndian.PutUint32(raw[4:], crc32.Checksum(content[begins:begins+length], castagnoli))
		binary.LittleEndian.PutUint32(raw, headSum(raw, number, uint64(place)))
		place = aligned(begins + length)
	}
}
