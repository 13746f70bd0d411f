package sim

import (
	crand "crypto/rand"
	"encoding/binary"
	"math/rand/v2"
	"sync"
)

// engines keeps runs of quorums one at a time: the consensus engine draws its
// time-outs from crypto/rand, of which a process has one.
var engines sync.Mutex

// seedEngine has crypto/rand give what the seed wants until the run ends.
func seedEngine(seed uint64) (end func()) {
	engines.Lock()
	before := crand.Reader
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	crand.Reader = rand.NewChaCha8(key)
	return func() {
		crand.Reader = before
		engines.Unlock()
	}
}
