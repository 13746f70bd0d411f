package remote

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"lockstep/replica"
)

// secret makes the challenges of this life. They need no memory: the number for
// an address can be computed again whenever a frame claims to come from it.
type secret [32]byte

func newSecret() (s secret) {
	rand.Read(s[:])
	return s
}

// challenge is the number that an address must return. Attempt changes with
// every connection to it (N4).
func (s secret) challenge(address replica.NodeID, attempt uint64) uint64 {
	mac := hmac.New(sha256.New, s[:])
	mac.Write(binary.LittleEndian.AppendUint64(nil, attempt))
	mac.Write([]byte(address))
	n := binary.LittleEndian.Uint64(mac.Sum(nil))
	if n == 0 {
		return 1 // zero says that there is none
	}
	return n
}
