package lock

// Digest is a fingerprint of a table's state. It is a sum over the hashes of
// what the table holds, so that every change moves it in constant time and the
// order of changes does not matter. It finds replicas that came apart; it does
// not withstand somebody who forges a state on purpose.
type Digest uint64

func (d *Digest) add(h uint64)    { *d += Digest(h) }
func (d *Digest) remove(h uint64) { *d -= Digest(h) }

// Digest returns the fingerprint of the state after the last entry.
func (t *Table) Digest() Digest { return t.digest }

// Each kind of element has a seed of its own, so that no two kinds can stand in
// for each other.
const (
	seedCounter uint64 = iota + 1
	seedLock
	seedSession
	seedSlot
)

// An unused counter or slot hashes to nothing, so that an empty table has
// digest zero however it became empty.
func ofCounter(last uint64) uint64 {
	if last == 0 {
		return 0
	}
	return mix(seedCounter, last)
}

func ofLock(name string, token Token) uint64 {
	return mix(seedLock, hashName(name), uint64(token))
}

func ofSession(id SessionID, nonce Number) uint64 {
	return mix(seedSession, uint64(id), uint64(nonce))
}

func ofSlot(id SessionID, i Slot, s slot) uint64 {
	if s.number == 0 {
		return 0
	}
	a := s.answer
	return mix(seedSlot, uint64(id), uint64(i), uint64(s.number),
		uint64(a.Outcome)<<8|uint64(a.Limit), uint64(a.Token), uint64(a.Session))
}

// mix folds words into one, each through the finalizer of SplitMix64 (Steele,
// Lea and Flood, 2014), which spreads every bit over all of them.
func mix(words ...uint64) uint64 {
	h := uint64(0)
	for _, w := range words {
		h ^= w
		h += 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// hashName is FNV-1a; unlike hash/maphash it is the same in every process, and
// unlike hash/fnv it needs no copy of the name.
func hashName(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}
